"""A text's language is told, or nothing is said."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.languages import detect, prepare
from tests.unit.crawlers.test_lookalikes import SENTENCES


@pytest.mark.parametrize(("language", "text"), SENTENCES)
def test_language_of_a_sentence_is_told(language: str, text: str) -> None:
    assert detect(text) == language


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "NEW LISTING ON THE EXCHANGE TODAY"),
        ("en", "Bitcoin breaks $100k"),
        ("zh", "\u6bd4\u7279\u5e01"),
        ("ko", "\ube44\ud2b8\ucf54\uc778"),
        ("ja", "\u30d3\u30c3\u30c8\u30b3\u30a4\u30f3"),
    ],
)
def test_short_text_that_can_only_be_one_language_is_told(language: str, text: str) -> None:
    assert detect(text) == language


@pytest.mark.parametrize(
    "text",
    ["", "BTC", "$SOL $BTC $ETH", "BTC ETH SOL", "IOTA/USDT", "LINK AVAX DOT", "ETH/BTC 0.05",
     "Kraken", "Coinbase Binance Kraken", "SEC vs XRP", "1234", "\U0001f680\U0001f680", "gm"],
)  # fmt: skip
def test_tickers_and_names_are_no_language(text: str) -> None:
    assert detect(text) is None


def test_only_the_beginning_is_read() -> None:
    assert detect("The exchange will list the new coin on Tuesday. " * 9 + "\u6bd4" * 5_000) == "en"


def test_library_is_loaded_only_when_a_language_is_asked_for() -> None:
    code = "import sys, crawlers.normalise; sys.exit(bool({'numpy', 'py3langid'} & {*sys.modules}))"
    subprocess.run([sys.executable, "-c", code], check=True)


@given(st.text(max_size=500))
def test_anything_has_one_language_or_none(text: str) -> None:
    prepare()
    language = detect(text)
    assert language is None or (language.isalpha() and len(language) == 2)
