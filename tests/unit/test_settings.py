"""Settings: what is read, what is refused and how, and that secrets stay secret."""

import copy
import io
import json
import logging
import pickle
import tomllib
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field, SecretStr

from core.contracts.errors import ConfigurationError
from core.contracts.money import Amount
from core.runtime import logs
from core.runtime.settings import Millis, Money, Secret, Section, load, render

SENTINEL = "s3ntinel-\"value\"-'x'"


class Mode(StrEnum):
    PAPER = "paper"
    LIVE = "live"


class Venue(Section):
    name: str = "hitbtc"
    api_key: Secret


class Source(Section):
    url: str
    every_ms: Millis = 5_000


class Limits(Section):
    max_order: Money = Amount("100")
    bands: tuple[int, ...] = ()


class Trader(Section):
    mode: Mode = Mode.PAPER
    armed: bool = False
    max_age_ms: Millis = 60_000
    slippage: float = 0.5
    retries: int = Field(default=3, ge=1)
    directory: Path = Path("state")
    limits: Limits = Limits()


class Crawlers(Section):
    poll_ms: Millis = 30_000


class Settings(Section):
    trader: Trader = Trader()
    crawlers: Crawlers = Crawlers()
    venue: Venue
    sources: tuple[Source, ...] = ()
    spare: Venue | None = None


class Small(Section):
    trader: Trader = Trader()
    crawlers: Crawlers = Crawlers()
    sources: tuple[Source, ...] = ()


class Feed(Section):
    kind: Literal["feed"]
    url: str


class Socket(Section):
    kind: Literal["socket"]
    address: str
    token: Secret


class Wide(Section):
    """Every shape a stage's settings may have."""

    inputs: tuple[Annotated[Feed | Socket, Field(discriminator="kind")], ...] = ()
    accounts: dict[str, Venue] = Field(default_factory=dict)
    since: date = date(2020, 1, 1)
    weights: dict[str, float] = Field(default_factory=dict)


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "tidings.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def refusal(
    folder: Path,
    text: str = "",
    model: type[Section] = Small,
    *,
    environ: Mapping[str, str] | None = None,
) -> str:
    path = write(folder, text)
    with pytest.raises(ConfigurationError) as caught:
        load(model, path=path, environ=environ or {})
    return str(caught.value).replace(str(path), "FILE")


def from_env(**environ: str) -> Small:
    return load(Small, path=None, environ=environ)


def test_defaults_hold_without_file_and_environment() -> None:
    assert from_env() == Small()


def test_file_sets_every_kind_of_value(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        [trader]
        mode = "live"
        max_age_ms = "2m"
        slippage = 1
        directory = "elsewhere"
        [trader.limits]
        max_order = "0.000001"
        bands = [1, 2]
        [[sources]]
        url = "http://a.example/feed"
        every_ms = 250
        [[sources]]
        url = "http://b.example/feed"
        """,
    )
    settings = load(Small, path=path, environ={})
    assert settings.trader.mode is Mode.LIVE
    assert settings.trader.max_age_ms == 120_000
    assert settings.trader.directory == Path("elsewhere")
    assert settings.trader.limits.max_order == Amount("0.000001")
    assert isinstance(settings.trader.limits.max_order, Amount)
    assert settings.trader.limits.bands == (1, 2)
    assert [(s.url[:9], s.every_ms) for s in settings.sources] == [
        ("http://a.", 250),
        ("http://b.", 5_000),
    ]


def test_environment_goes_before_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "[trader]\nretries = 2\nslippage = 0.25\n")
    settings = load(Small, path=path, environ={"TIDINGS_TRADER__RETRIES": "9"})
    assert (settings.trader.retries, settings.trader.slippage) == (9, 0.25)


def test_every_type_can_come_from_the_environment() -> None:
    trader = from_env(
        TIDINGS_TRADER__MODE="live",
        TIDINGS_TRADER__ARMED="True",
        TIDINGS_TRADER__MAX_AGE_MS="250",
        TIDINGS_TRADER__SLIPPAGE="0.75",
        TIDINGS_TRADER__RETRIES="4",
        TIDINGS_TRADER__DIRECTORY="12",
        TIDINGS_TRADER__LIMITS__MAX_ORDER="12.50",
        TIDINGS_TRADER__LIMITS__BANDS="[3, 4]",
    ).trader
    assert trader == Trader(
        mode=Mode.LIVE,
        armed=True,
        max_age_ms=250,
        slippage=0.75,
        retries=4,
        directory=Path("12"),
        limits=Limits(max_order=Amount("12.50"), bands=(3, 4)),
    )


def test_lists_of_tables_come_from_the_environment_as_json() -> None:
    settings = from_env(TIDINGS_SOURCES='[{"url": "http://a.example", "every_ms": "1h"}]')
    assert settings.sources == (Source(url="http://a.example", every_ms=3_600_000),)


def test_json_table_joins_the_file_and_the_deeper_variable_wins(tmp_path: Path) -> None:
    path = write(tmp_path, "[trader]\nretries = 2\nslippage = 0.25\n")
    settings = load(
        Small,
        path=path,
        environ={
            "TIDINGS_TRADER__RETRIES": "8",
            "TIDINGS_TRADER": '{"retries": 7, "armed": true}',
        },
    )
    trader = settings.trader
    assert (trader.retries, trader.slippage, trader.armed) == (8, 0.25, True)


def test_test_variables_and_the_file_name_are_no_settings() -> None:
    environ = {"TIDINGS_CONFIG": "x.toml", "TIDINGS_TEST_REQUIRE": "kafka", "HOME": "/"}
    assert load(Small, path=None, environ=environ) == Small()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[trader]\nmax_agee_ms = 5\n",
            "trader.max_agee_ms (FILE): did you mean trader.max_age_ms?",
        ),
        ("[trader]\npoll_ms = 5\n", "trader.poll_ms (FILE): did you mean crawlers.poll_ms?"),
        ("[tradr]\nretries = 5\n", "tradr (FILE): did you mean trader?"),
        ("retries = 5\n", "retries (FILE): did you mean trader.retries?"),
        (
            "[[sources]]\nurl = 'x'\neveri_ms = 5\n",
            "sources[0].everi_ms (FILE): did you mean sources[].every_ms?",
        ),
        ("[crawlers]\nxyzzy = 5\n", "crawlers.xyzzy (FILE): known keys of crawlers are poll_ms"),
    ],
)
def test_unknown_key_in_the_file_is_named_with_the_nearest_right_one(
    tmp_path: Path, text: str, expected: str
) -> None:
    assert refusal(tmp_path, text) == f"unknown key {expected}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("TIDINGS_TRADER__RETRYS", "did you mean TIDINGS_TRADER__RETRIES?"),
        ("TIDINGS_TRADER_RETRIES", "did you mean TIDINGS_TRADER__RETRIES?"),
        ("TIDINGS_TRADR__RETRIES", "did you mean TIDINGS_TRADER__RETRIES?"),
        ("TIDINGS_TRADER__POLL_MS", "did you mean TIDINGS_CRAWLERS__POLL_MS?"),
        ("TIDINGS_SOURCE", "did you mean TIDINGS_SOURCES?"),
        ("TIDINGS_CRAWLERS__SLIPAGE", "did you mean TIDINGS_TRADER__SLIPPAGE?"),
        ("TIDINGS_CRAWLERS__RETRY", "known keys of crawlers are poll_ms"),
        ("TIDINGS_NO__SUCH__KEY", "known sections are trader, crawlers, sources"),
        ("TIDINGS_XYZZY", "known keys are trader, crawlers, sources"),
        ("TIDINGS_", "known keys are trader, crawlers, sources"),
    ],
)
def test_unknown_variable_is_named_with_the_nearest_right_one(
    tmp_path: Path, name: str, expected: str
) -> None:
    assert (
        refusal(tmp_path, environ={name: "5"}) == f"unknown environment variable {name}: {expected}"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "max_age_ms = '5 weeks'",
            "max_age_ms (FILE): unknown unit 'weeks': use one of ms, s, m, h, d; found '5 weeks'",
        ),
        ("max_age_ms = 1.5", "(units: ms, s, m, h, d); found 1.5"),
        ("max_age_ms = true", "(units: ms, s, m, h, d); found True"),
        ("max_age_ms = -1", "(units: ms, s, m, h, d); found -1"),
        ("retries = '5'", "trader.retries (FILE): Input should be a valid integer; found '5'"),
        ("retries = true", "trader.retries (FILE): Input should be a valid integer; found True"),
        (
            "retries = 0",
            "trader.retries (FILE): Input should be greater than or equal to 1; found 0",
        ),
        ("armed = 1", "trader.armed (FILE): Input should be a valid boolean; found 1"),
        ("slippage = nan", "trader.slippage (FILE): Input should be a finite number; found nan"),
        ("mode = 'papr'", "trader.mode (FILE): Input should be 'paper' or 'live'; found 'papr'"),
        ("limits = 5", "trader.limits (FILE): Input should be an object"),
        ("limits.max_order = 0.1", 'and a float is not: write it in quotes, "0.1"; found 0.1'),
        ("limits.max_order = 'inf'", "not a finite number: 'inf'; found 'inf'"),
        ("limits.max_order = []", "give an amount as a whole number or in quotes"),
    ],
)
def test_wrong_value_in_the_file_is_refused_with_the_reason(
    tmp_path: Path, text: str, expected: str
) -> None:
    assert refusal(tmp_path, f"[trader]\n{text}\n").endswith(expected)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("TRADER__RETRIES", "many", "valid integer; found 'many'"),
        ("TRADER__RETRIES", "0", "greater than or equal to 1; found 0"),
        ("TRADER__ARMED", "yes", "valid boolean; found 'yes'"),
        ("TRADER__MAX_AGE_MS", "5x", "unknown unit 'x': use one of ms, s, m, h, d; found '5x'"),
        ("TRADER__LIMITS__BANDS", "1,2", "lists and tables are written as JSON); found '1,2'"),
        ("SOURCES__0__URL", "http://a", "lists and tables are written as JSON)"),
    ],
)
def test_wrong_value_in_the_environment_names_the_variable(
    tmp_path: Path, name: str, value: str, expected: str
) -> None:
    message = refusal(tmp_path, environ={f"TIDINGS_{name}": value})
    assert f"(environment variable TIDINGS_{name}): " in message
    assert message.endswith(expected)


def test_all_problems_are_reported_together_one_a_line(tmp_path: Path) -> None:
    message = refusal(
        tmp_path,
        "[trader]\nretries = 'x'\nmodus = 'live'\n[[sources]]\n",
        Settings,
        environ={"TIDINGS_CRAWLERS__POL_MS": "5"},
    )
    assert sorted(message.splitlines()) == [
        (
            "missing secret venue.api_key: set api_key in [venue] of FILE, as text or as "
            '{ file = "/path" }, or the environment variable TIDINGS_VENUE__API_KEY'
        ),
        "missing sources[0].url: set url in [sources[0]] of FILE",
        "trader.retries (FILE): Input should be a valid integer; found 'x'",
        (
            "unknown environment variable TIDINGS_CRAWLERS__POL_MS: "
            "did you mean TIDINGS_CRAWLERS__POLL_MS?"
        ),
        "unknown key trader.modus (FILE): did you mean trader.mode?",
    ]


def test_optional_section_may_be_left_out_but_not_half_given(tmp_path: Path) -> None:
    full = "[venue]\napi_key = 'key-1'\n"
    assert load(Settings, path=write(tmp_path, full), environ={}).spare is None
    message = refusal(tmp_path, full + "[spare]\nname = 'x'\n", Settings)
    assert message.startswith("missing secret spare.api_key: ")


def test_toml_syntax_error_names_the_line(tmp_path: Path) -> None:
    message = refusal(tmp_path, "[trader]\nretries = = 5\n")
    assert message.startswith("FILE is not valid TOML: ")
    assert "line 2" in message


def test_missing_file_and_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"can't read .*absent\.toml: No such file"):
        load(Small, path=tmp_path / "absent.toml", environ={})
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        load(Small, path=binary, environ={})


def test_secret_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text(SENTINEL + "\n")
    by_file = write(tmp_path, f"[venue]\napi_key = {{ file = '{secret}' }}\n")
    for path, environ in (
        (by_file, {}),
        (None, {"TIDINGS_VENUE__API_KEY": SENTINEL}),
        (None, {"TIDINGS_VENUE__API_KEY": json.dumps({"file": str(secret)})}),
    ):
        settings = load(Settings, path=path, environ=environ)
        assert settings.venue.api_key.get_secret_value() == SENTINEL


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("''", "the secret is empty"),
        ("'********'", "this is the mask"),
        ("{ file = '/nowhere/at/all' }", "can't read the secret from /nowhere/at/all: No"),
        ("{ path = 'x' }", "give the secret as text or as { file ="),
        ("5", "give the secret as text or as { file ="),
    ],
)
def test_secret_that_is_none_is_refused(tmp_path: Path, value: str, expected: str) -> None:
    message = refusal(tmp_path, f"[venue]\napi_key = {value}\n", Settings)
    assert message.startswith(f"venue.api_key (FILE): {expected}")


def test_secret_file_that_holds_no_text_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"\xff\xfe")
    message = refusal(tmp_path, f"[venue]\napi_key = {{ file = '{key}' }}\n", Settings)
    assert message.endswith("does not hold text")


def test_secrets_show_in_no_form_of_the_settings() -> None:
    settings = load(
        Settings,
        path=None,
        environ={
            "TIDINGS_VENUE__API_KEY": SENTINEL,
            "TIDINGS_SOURCES": '[{"url": "http://user:hunter22@a.example"}]',
        },
    )
    shown = [
        repr(settings),
        str(settings),
        str(settings.venue),
        render(settings),
        settings.model_dump_json(),
        str(settings.model_dump()),
    ]
    for text in shown:
        assert "s3ntinel" not in text
    assert 'api_key = "********"' in render(settings)
    assert "hunter22" not in render(settings)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(settings)
    assert copy.deepcopy(settings) == settings


def test_secrets_show_in_no_error(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        f"[venue]\nname = 5\napi_key = '''{SENTINEL}'''\napi_keyy = '''{SENTINEL}'''\n"
        f"[trader]\nmode = '''{SENTINEL}'''\n",
    )
    with pytest.raises(ConfigurationError) as caught:
        load(Settings, path=path, environ={"TIDINGS_SPARE": SENTINEL})
    assert "did you mean venue.api_key?" in str(caught.value)
    assert "s3ntinel" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_loaded_secrets_are_kept_out_of_the_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = load(Settings, path=None, environ={"TIDINGS_VENUE__API_KEY": SENTINEL})
    terminal = io.StringIO()
    monkeypatch.setattr("sys.stderr", terminal)
    logs.configure("info", service="test", format="json", file=tmp_path / "log.json")
    logs.get_logger("x").error(
        f"oops {SENTINEL}", settings=settings, spelt=settings.venue.api_key.get_secret_value()
    )
    logs.shutdown()
    written = terminal.getvalue() + (tmp_path / "log.json").read_text()
    assert "oops ********" in written
    assert "s3ntinel" not in written


def test_every_shape_loads_and_renders(tmp_path: Path) -> None:
    text = """
    since = 2024-02-03
    [[inputs]]
    kind = "feed"
    url = "http://a.example"
    [[inputs]]
    kind = "socket"
    address = "ws://b.example"
    token = "token-1"
    [accounts."first one"]
    api_key = "key-1"
    [weights]
    rss = 0.5
    """
    settings = load(Wide, path=write(tmp_path, text), environ={})
    assert settings.since == date(2024, 2, 3)
    assert settings.accounts["first one"].api_key.get_secret_value() == "key-1"
    shown = tomllib.loads(render(settings))
    assert shown["accounts"] == {"first one": {"name": "hitbtc", "api_key": "********"}}
    assert shown["inputs"][1] == {
        "kind": "socket",
        "address": "ws://b.example",
        "token": "********",
    }
    assert (shown["since"], shown["weights"]) == ("2024-02-03", {"rss": 0.5})


def test_problems_inside_lists_and_tables_name_the_key_without_detours(tmp_path: Path) -> None:
    text = "[[inputs]]\nkind = 'socket'\nadress = 'x'\n[accounts.one]\nname = 1\napi_key = 'k'\n"
    message = refusal(tmp_path, text, Wide)
    assert sorted(line.split(":")[0] for line in message.splitlines()) == [
        "accounts.one.name (FILE)",
        "missing inputs[0].address",
        "missing secret inputs[0].token",
        "unknown key inputs[0].adress (FILE)",
    ]


def test_secret_that_looks_like_json_is_text() -> None:
    for text in ("{not json", '{"other": "table"}'):
        settings = load(Settings, path=None, environ={"TIDINGS_VENUE__API_KEY": text})
        assert settings.venue.api_key.get_secret_value() == text


def test_exposed_secrets_are_found_in_lists_and_tables(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for text in (
        "[[inputs]]\nkind = 'socket'\naddress = 'x'\ntoken = 'token-1'\n",
        "[accounts.one]\napi_key = 'key-1'\n",
    ):
        caplog.clear()
        load(Wide, path=write(tmp_path, text, 0o644), environ={})
        assert "others may read it" in caplog.text


def test_render_loads_again(tmp_path: Path) -> None:
    settings = Small(
        trader=Trader(
            mode=Mode.LIVE, directory=Path('with "quotes" \x7f é\n'), limits=Limits(bands=(1,))
        ),
        sources=(Source(url="a"), Source(url="b", every_ms=1)),
    )
    assert load(Small, path=write(tmp_path, render(settings)), environ={}) == settings


def test_render_shows_what_is_not_set_and_is_toml() -> None:
    settings = Settings(venue=Venue(api_key=SecretStr("some-key")))
    text = render(settings)
    assert text.startswith("sources = []\n# spare is not set\n")
    assert tomllib.loads(text)["venue"] == {"name": "hitbtc", "api_key": "********"}


@pytest.mark.parametrize(
    ("mode", "key", "warned"),
    [
        (0o644, "'key-1'", True),
        (0o640, "'key-1'", True),
        (0o600, "'key-1'", False),
        (0o644, "{ file = 'key' }", False),
    ],
)
def test_file_with_secrets_that_others_may_read_is_warned_of(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    mode: int,
    key: str,
    warned: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("key").write_text("key-2")
    path = write(tmp_path, f"[venue]\napi_key = {key}\n", mode)
    with caplog.at_level(logging.WARNING):
        load(Settings, path=path, environ={})
    assert ("others may read it" in caplog.text) is warned


def test_settings_can_not_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Small().trader.retries = 5  # type: ignore[misc]
