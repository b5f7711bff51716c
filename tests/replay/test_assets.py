"""Texts of our own writing and the coins in each, one line each in `assets.jsonl`.

`coins` holds what is found, in the text's order: a code, with `-m` behind it where the coin is
merely mentioned. A ticker of no table counts only where a line names it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from signals.assets.mentions import Role
from signals.assets.resolve import Resolver
from signals.assets.universe import bundled_universe

CASES: list[dict[str, Any]] = [
    json.loads(line)
    for line in Path(__file__).with_name("assets.jsonl").read_text(encoding="utf-8").splitlines()
]
RESOLVER = Resolver(bundled_universe())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"][:60])
def test_coins_are_found_as_written(case: dict[str, Any]) -> None:
    wanted = {coin.removesuffix("-m") for coin in case["coins"]}
    found = [
        mention.code + ("" if mention.role is Role.SUBJECT else "-m")
        for mention in RESOLVER.resolve(None, case["text"]).mentions
        if mention.known or mention.code in wanted
    ]
    assert found == case["coins"]


def test_there_are_cases_enough() -> None:
    assert len(CASES) >= 150
