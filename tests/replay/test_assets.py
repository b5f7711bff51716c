"""Texts of our own writing and the coins in each, one line each in `assets.jsonl`.

`coins` holds what is found, in the text's order: a code, with `-m` behind it where the coin is
merely mentioned. A ticker of no table counts only where a line names it. A line with `missed` is
read wrongly still, as that tells; never so surely that it would be traded.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from signals.assets.mentions import AssetMention, Role
from signals.assets.resolve import Resolver
from signals.assets.universe import bundled_universe
from signals.reader import COIN_SURE_OF_MODEL

CASES: list[dict[str, Any]] = [
    json.loads(line)
    for line in Path(__file__).with_name("assets.jsonl").read_text(encoding="utf-8").splitlines()
]
RESOLVER = Resolver(bundled_universe())


def found_in(case: dict[str, Any]) -> list[AssetMention]:
    wanted = {coin.removesuffix("-m") for coin in case["coins"]}
    found = RESOLVER.resolve(None, case["text"]).mentions
    return [mention for mention in found if mention.known or mention.code in wanted]


def written(mention: AssetMention) -> str:
    return mention.code + ("" if mention.role is Role.SUBJECT else "-m")


@pytest.mark.parametrize(
    "case", [case for case in CASES if "missed" not in case], ids=lambda case: case["text"][:60]
)
def test_coins_are_found_as_written(case: dict[str, Any]) -> None:
    assert [written(mention) for mention in found_in(case)] == case["coins"]


@pytest.mark.parametrize(
    "case", [case for case in CASES if "missed" in case], ids=lambda case: case["text"][:60]
)
def test_what_is_read_wrongly_still_is_not_traded(case: dict[str, Any]) -> None:
    found = found_in(case)
    assert [written(mention) for mention in found] != case["coins"], "read rightly: drop `missed`"
    wrong = [mention for mention in found if written(mention) not in case["coins"]]
    assert all(mention.chance < COIN_SURE_OF_MODEL for mention in wrong)


def test_there_are_cases_enough() -> None:
    assert len(CASES) >= 150
