"""A ticker in other letters is found, and no language is taken for one."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.lookalikes import MOST_FOUND, find, prepare

SENTENCES = [
    tuple(line.split("\t"))
    for line in Path(__file__).with_name("sentences.tsv").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Exchange lists \u0412\u0422\u0421 today", ["\u0412\u0422\u0421"]),  # all Cyrillic
        ("Buy $\u0405\u041eL now", ["$\u0405\u041eL"]),
        ("Buy $\u0412\u0422\u0421", ["$\u0412\u0422\u0421"]),
        ("\u0412\u0456t\u0441\u043e\u0456n is back", ["\u0412\u0456t\u0441\u043e\u0456n"]),
        ("\u0422\u0435ther prints more", ["\u0422\u0435ther"]),
        ("Listing of \u0395\u03a4\u0397 confirmed", ["\u0395\u03a4\u0397"]),  # all Greek
        ("The \u13aa\u13a2\u13cb\u13ab token", []),  # Cherokee that does not read as ASCII
        ("The \u13df\u13a2\u13b7 token", ["\u13df\u13a2\u13b7"]),
        ("\uff22\uff34\uff23 is up", ["\uff22\uff34\uff23"]),
        ("\U0001d401\U0001d413\U0001d402 is up", ["\U0001d401\U0001d413\U0001d402"]),
        ("\U0001d401\U0001d413\U0001d402\U0001d7d0 is up",
         ["\U0001d401\U0001d413\U0001d402\U0001d7d0"]),
        ("\u0412\u0395T both and E\u0422H", ["\u0412\u0395T", "E\u0422H"]),
        ("\u0412\u0422\u0421, \u0412\u0422\u0421 and \u0412\u0422\u0421", ["\u0412\u0422\u0421"]),
        ("\u041a\u0443\u043f\u0438 $\u0412\u0422\u0421", ["$\u0412\u0422\u0421"]),
        ("\uff04\uff22\uff34\uff23", ["\uff04\uff22\uff34\uff23"]),
    ],
)  # fmt: skip
def test_word_in_letters_of_another_script_is_found(text: str, found: list[str]) -> None:
    assert find(text) == tuple(found)


@pytest.mark.parametrize(("language", "text"), SENTENCES)
def test_normal_text_of_any_language_gives_nothing(language: str, text: str) -> None:
    assert find(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "5 \u00b5m, 3 k\u03a9, \u0394T, \u03b1 and \u03a3; see \u2139BTC, \u24c2",
        "Up \u2014 from \u20ac5 \u201cnow\u201d \U0001f680",
        "They raise $100\u041a and \uff11\uff10\uff10 more, says the desk",
        "\u0412\u0422\u0421",  # nothing around it that would be Latin
        "",
    ],
)
def test_what_only_looks_odd_gives_nothing(text: str) -> None:
    assert find(text) == ()


def test_no_more_than_a_few_words_are_kept() -> None:
    words = [f"B\u0430{number}" for number in range(100)]
    assert find(" ".join(words)) == tuple(words[:MOST_FOUND])


def test_endless_word_is_no_ticker() -> None:
    assert find("Ba\u0430" * 10_000) == ()


@pytest.mark.parametrize(
    "text",
    [
        "\u0412\u0422\u0421 a " * 20_000,
        "B\u0430" * 50_000,
        "a\u0416" * 50_000,
        "\u0430" * 100_000,
        "$" * 100_000 + "\u0430",
    ],
)
def test_hostile_text_takes_bounded_time(text: str) -> None:
    prepare()
    started = time.process_time()
    find(text)
    assert time.process_time() - started < 1


@given(
    st.text(
        st.sampled_from("aB \u0412\u0422\u0421\u0430\uff22\U0001d401$#1_\u0416\u0391"), max_size=80
    )
)
def test_what_is_found_stands_in_the_text(text: str) -> None:
    found = find(text)
    assert len(set(found)) == len(found) <= MOST_FOUND
    for word in found:
        assert word in text
        assert not word.isascii()
