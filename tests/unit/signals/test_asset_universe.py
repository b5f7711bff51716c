import asyncio
import random
import re
import string
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.contracts.errors import ConfigurationError
from signals.assets.listing import NewCoin, add_to_table, bases_in, new_coins
from signals.assets.mentions import How
from signals.assets.refresh import refresh, user_tables
from signals.assets.resolve import Resolver
from signals.assets.universe import bundled_universe, load_universe, names_of

UNIVERSE = bundled_universe()
HEADER = "code\tname\tsources\tflags\n"


def codes(text: str, resolver: Resolver | None = None) -> list[str]:
    resolution = (resolver or Resolver(UNIVERSE)).resolve(None, text)
    return [m.code for m in resolution.mentions if m.known]


def table(folder: Path, rows: str, name: str = "own.tsv") -> Path:
    path = folder / name
    path.write_text(HEADER + rows, encoding="utf-8")
    return path


def test_universe_holds_thousands_with_a_source_each() -> None:
    assert len(UNIVERSE.assets) > 8_000
    text = Path(load_universe.__code__.co_filename).with_name("universe.tsv").read_text("utf-8")
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    assert [row[0] for row in rows] == sorted({row[0] for row in rows})
    assert all(source for _, _, source, _ in rows)


def test_universe_has_no_multiplied_or_leveraged_code_of_the_long_tail() -> None:
    tail = [code for code, asset in UNIVERSE.assets.items() if not asset.own]
    assert not [code for code in tail if code.isdigit() or re.match(r"1000+[A-Z]", code)]
    assert not {"BTCUP", "BTCDOWN", "ETHBULL", "ETHBEAR", "XRPBULL"}.intersection(UNIVERSE.codes)


def test_our_own_names_are_given_for_people() -> None:
    names = names_of(UNIVERSE)
    assert names["BTC"].startswith("Bitcoin")
    assert all(UNIVERSE.assets[code].own for code in names)


def test_universe_is_read_in_a_moment_and_is_small() -> None:
    took = []
    for _ in range(3):
        begun = time.thread_time()
        load_universe()
        took.append(time.thread_time() - begun)
    assert min(took) < 2  # 0.3 s on a machine that does nothing else


@pytest.mark.parametrize(
    "rows",
    [
        "ABCD\tAbcdef Protocol\town\n",
        "ABCD\tAbcdef Protocol\town\tz\n",
        "\tAbcdef Protocol\town\tt\n",
    ],
)
def test_malformed_row_of_a_users_table_is_refused_with_its_place(
    tmp_path: Path, rows: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"own\.tsv, line 2"):
        load_universe([table(tmp_path, rows)])


def test_users_table_without_its_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.tsv"
    path.write_text("ABCD\tAbcdef\town\tn\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="first line"):
        load_universe([path])


def test_users_coin_is_found_and_ours_are_not_changed_by_it(tmp_path: Path) -> None:
    path = table(tmp_path, "BTC\tBorrowed Time Coin\tme\tn\nZQXJ\tZequixaj\tme\tn\n")
    resolver = Resolver(load_universe([path]))
    assert codes("Zequixaj rises and Bitcoin falls", resolver) == ["ZQXJ", "BTC"]
    assert codes("Zequixaj rises") == []


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"symbols": [{"symbol": "ABCUSDT", "baseAsset": "ABC"}]}, {"ABC"}),
        (
            [{"id": "ABCUSD", "baseCurrency": "abc"}, {"id": "X", "baseCurrency": "DEF"}],
            {"ABC", "DEF"},
        ),
        ({"ABCUSDT": {"base_currency": "ABC"}}, {"ABC"}),
        ({"error": [], "result": {"XXBTZUSD": {"base": "XXBT", "wsname": "XBT/USD"}}}, {"XBT"}),
        ({"code": "0", "data": [{"instId": "ABC-USDT", "baseCcy": "ABC"}]}, {"ABC"}),
        ({"retCode": 0, "result": {"category": "spot", "list": [{"baseCoin": "ABC"}]}}, {"ABC"}),
    ],
)
def test_venues_list_is_read_in_each_shape(document: object, expected: set[str]) -> None:
    assert bases_in(document) == expected


@pytest.mark.parametrize("document", [{}, [], {"result": "ok"}, "text", 7, None, [1, 2]])
def test_document_that_is_no_list_of_symbols_is_refused(document: object) -> None:
    with pytest.raises(ConfigurationError, match="no pair"):
        bases_in(document)


def test_new_coins_are_those_no_table_has_and_that_are_coins() -> None:
    listed = ["BTC", "XBT", "ZQXJ", "ZQXJUP", "BTC3L", "1000SATS", "1MZQXJ", "EUR", "77", "QZJX"]
    document = {"symbols": [{"baseAsset": base} for base in listed]}
    assert new_coins(UNIVERSE, document) == (NewCoin("QZJX"), NewCoin("ZQXJ"))


def test_adding_to_a_users_table_keeps_his_rows(tmp_path: Path) -> None:
    path = tmp_path / "assets" / "own.tsv"
    assert add_to_table(path, [NewCoin("ZQXJ"), NewCoin("ABQZ", "Abq Zet")], "binance") == 2
    path.write_text(path.read_text("utf-8").replace("ZQXJ\t\t", "ZQXJ\tZequixaj\t"), "utf-8")
    assert add_to_table(path, [NewCoin("ZQXJ"), NewCoin("CDQZ")], "kraken") == 1
    assert add_to_table(path, [NewCoin("CDQZ")], "kraken") == 0
    rows = path.read_text("utf-8").splitlines()[1:]
    assert [row.split("\t")[0] for row in rows] == ["ABQZ", "CDQZ", "ZQXJ"]
    assert "Zequixaj" in rows[2]
    assert user_tables(tmp_path) == (path,)
    assert load_universe([path]).codes["CDQZ"] == ("CDQZ",)


async def test_refreshed_resolver_reads_by_the_new_tables(tmp_path: Path) -> None:
    resolver = Resolver(UNIVERSE)
    before = sys.getswitchinterval()
    path = table(tmp_path, "ZQXJ\tZequixaj\tme\tn\n")
    assert codes("Zequixaj rises", resolver) == []
    building = asyncio.create_task(refresh(resolver, [path]))
    turns = 0
    while not building.done():
        assert codes("Bitcoin rises", resolver) == ["BTC"]  # the loop goes on meanwhile
        turns += 1
        await asyncio.sleep(0)
    await building
    assert turns > 1
    assert codes("Zequixaj rises", resolver) == ["ZQXJ"]
    assert sys.getswitchinterval() == before


async def test_malformed_table_leaves_the_universe_in_use(tmp_path: Path) -> None:
    resolver = Resolver(UNIVERSE)
    with pytest.raises(ConfigurationError):
        await refresh(resolver, [table(tmp_path, "nonsense\n")])
    assert codes("Bitcoin rises", resolver) == ["BTC"]


def test_cost_of_a_text_does_not_grow_with_the_coins_known(tmp_path: Path) -> None:
    rng = random.Random(5)
    made = ["".join(rng.choices(string.ascii_lowercase, k=10)) for _ in range(80_000)]
    rows = "".join(
        f"{name.upper()}\t{name.capitalize()}\tmade\tn\n" for name in dict.fromkeys(made)
    )
    resolvers = [Resolver(UNIVERSE), Resolver(load_universe([table(tmp_path, rows)]))]
    text = "Cardano and Solana slip as traders wait for the Federal Reserve, Bitcoin holds"
    least = [10.0, 10.0]
    for _ in range(20):
        for number, resolver in enumerate(resolvers):
            begun = time.thread_time()
            for _ in range(200):
                resolver.resolve(None, text)
            least[number] = min(least[number], time.thread_time() - begun)
    assert least[1] < 2 * least[0]


PIECES = (
    *("비트코인", "биткоина", "btc", "ZEN", "LINK", ", ", " and ", "Stellar", "Binance lists "),
    *("(", ")", "$", "/", "USDT", "token", "the ", "\n", "Level Finance", "@", "\u0130", "ß"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=50))
@settings(max_examples=300, deadline=None)
def test_any_pile_of_names_and_marks_is_read_without_a_crash(parts: list[str]) -> None:
    resolution = Resolver(UNIVERSE).resolve(None, "".join(parts))
    spans = [mention.span for mention in resolution.mentions]
    assert all(0 <= start < end <= len(resolution.content) for start, end in spans)
    assert spans == sorted(spans)


@pytest.mark.parametrize(
    "piece", ["LINK, ", "list ABC, ", "Stellar and ", "btc/", "비트코인", "token "]
)
def test_time_is_linear_in_what_is_read(piece: str) -> None:
    resolver = Resolver(UNIVERSE)

    def least(size: int) -> float:
        text = piece * (size // len(piece))
        took = []
        for _ in range(5):
            begun = time.thread_time()
            resolver.resolve(None, text)
            took.append(time.thread_time() - begun)
        return min(took)

    assert least(4_000) < 30 * least(500) + 0.002


def test_how_a_coin_was_recognised_is_told() -> None:
    mentions = Resolver(UNIVERSE).resolve(None, "btc and 이더리움").mentions
    assert [(m.code, m.how) for m in mentions] == [("BTC", How.CODE), ("ETH", How.NAME)]
