import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.contracts.errors import ConfigurationError
from signals.assets.mentions import How, Role
from signals.assets.resolve import READ_CHARACTERS, Resolver
from signals.assets.universe import build_universe, bundled_universe

RESOLVER = Resolver(bundled_universe())
S, M = Role.SUBJECT, Role.MENTIONED


def found(text: str, title: str | None = None) -> list[tuple[str, Role, How]]:
    return [(m.code, m.role, m.how) for m in RESOLVER.resolve(title, text).mentions]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$IOTA", [("IOTA", S, How.CASHTAG)]),
        ("IOTA (MIOTA)", [("IOTA", S, How.BRACKET)]),
        ("iota foundation", [("IOTA", S, How.NAME)]),
        ("MIOTA token", [("IOTA", S, How.CODE)]),
        ("Polygon (MATIC)", [("POL", S, How.BRACKET)]),
        ("Terra (LUNA)", [("LUNA", S, How.BRACKET)]),
        ("Harmony (ONE)", [("ONE", S, How.BRACKET)]),
        ("ONE/USDT", [("ONE", S, How.CODE), ("USDT", M, How.CODE)]),
        ("PYTHUSDT", [("PYTH", S, How.CODE)]),
        ("BNB passes 640 USDT", [("BNB", S, How.CODE), ("USDT", M, How.CODE)]),
        ("Cardano against Bitcoin", [("ADA", S, How.NAME), ("BTC", M, How.NAME)]),
        ("lawsuit against Ripple", [("XRP", S, How.NAME)]),
        ("the XRP Ledger", [("XRP", S, How.NAME)]),
        ("A wallet launches on Ethereum and Solana", [("ETH", M, How.NAME), ("SOL", M, How.NAME)]),
        (
            "Curve Finance hacked for 3,000 ETH",
            [("CRV", S, How.NAME), ("ETH", M, How.CODE)],
        ),
        ("BITCOIN AND BTC", [("BTC", S, How.NAME), ("BTC", S, How.CODE)]),
    ],
)
def test_coin_is_found_with_its_role_and_evidence(
    text: str, expected: list[tuple[str, Role, How]]
) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "JUST IN: US jobs data",
        "A NEAR miss FOR the GAS price IN May",
        "Wave of optimism in the stellar cosmos",
        "Poly Network and Polymarket",
        "HIVE Digital",
        "the SEC, an ETF and AI",
        "Securities regulator (SEC)",
        "see https://cardano.org/bitcoin",
        "HBAR's rival R&D in the U.S. and A.I",
    ],
)
def test_what_is_no_coin_is_left_alone(text: str) -> None:
    assert [code for code, _, _ in found(text) if code != "HBAR"] == []


@pytest.mark.parametrize("text", ["LUNA crashes", "$LUNA", "Solana (ADA) listed"])
def test_ambiguous_ticker_is_refused_and_reported(text: str) -> None:
    resolution = RESOLVER.resolve(None, text)
    assert not resolution.mentions
    assert resolution.ambiguous


def test_name_settles_what_its_code_leaves_open() -> None:
    resolution = RESOLVER.resolve(None, "Terra Classic (LUNA) and LUNA again")
    assert {m.code for m in resolution.mentions} == {"LUNC"}
    assert resolution.ambiguous == ()


def test_unknown_ticker_is_kept_only_where_it_is_marked() -> None:
    assert found("ZBX is new") == []
    (mention,) = RESOLVER.resolve(None, "Zorblax (ZBX) is new").mentions
    assert (mention.code, mention.known) == ("ZBX", False)


def test_span_points_into_title_and_text() -> None:
    resolution = RESOLVER.resolve("Kraken lists", "Kaspa (KAS) today")
    start, end = resolution.mentions[0].span
    assert resolution.content[start:end] == "Kaspa (KAS)"
    (actor,) = resolution.actors
    assert (actor.name, actor.kind) == ("Kraken", "exchange")


@given(st.text(max_size=600))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_without_a_crash(text: str) -> None:
    resolution = RESOLVER.resolve(None, text)
    for mention in resolution.mentions:
        start, end = mention.span
        assert 0 <= start < end <= len(resolution.content)


@given(
    st.lists(
        st.sampled_from(
            [
                "$",
                "(",
                ")",
                "LUNA",
                "ONE",
                "BTC",
                "/",
                "USDT",
                " ",
                "Near",
                "-",
                "$$",
                "the",
                "Terra",
            ]
        ),
        max_size=60,
    )
)
@settings(max_examples=300, deadline=None)
def test_any_pile_of_marks_and_codes_is_read_without_a_crash(parts: list[str]) -> None:
    RESOLVER.resolve(None, "".join(parts))


@pytest.mark.parametrize("piece", ["BTC (ETH) $SOL ", "$", "((((", "a\u0301", "LUNA ", "x" * 50])
def test_ten_megabytes_cost_no_more_than_the_part_that_is_read(piece: str) -> None:
    text = piece * (10_000_000 // len(piece))
    started = time.perf_counter()
    resolution = RESOLVER.resolve(None, text)
    assert time.perf_counter() - started < 0.5
    assert len(resolution.content) == READ_CHARACTERS


def test_unknown_key_in_the_table_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="colour"):
        build_universe({"assets": {"BTC": {"colour": "orange"}}}, {})


def test_table_holds_the_universe() -> None:
    universe = bundled_universe()
    assert len(universe.assets) > 300
    assert universe.codes["MIOTA"] == ("IOTA",)
    assert len(universe.codes["LUNA"]) == 2
