"""Logs: what a line holds, what it hides, that floods and full disks harm nobody."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.contracts.errors import ConfigurationError
from core.runtime import log_sinks, logs
from core.runtime.redaction import MASK, redact, redact_text, register_secret

FULL = Path("/dev/full")  # a device on which every write finds the disk full
SECRET = 'hunter2-"quoted"-&-é'


class Terminal(io.StringIO):
    """Stands for stderr; nobody is sitting at it."""

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    made = Terminal()
    monkeypatch.setattr("core.runtime.logs.sys", SimpleNamespace(stderr=made))
    level = logging.getLogger().level
    yield made
    logs.shutdown()
    logging.getLogger().setLevel(level)


@pytest.fixture
def as_json(terminal: Terminal) -> Terminal:
    logs.configure("info", service="trader", format="json")
    return terminal


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_line_is_one_json_object_with_time_level_service_and_fields(as_json: Terminal) -> None:
    logs.get_logger("core.x").bind(venue="hitbtc").info("order sent", order="t1", size=None)
    logs.flush()
    (line,) = as_json.lines()
    assert line.pop("timestamp").endswith("+00:00")
    assert line == {
        "level": "info",
        "service": "trader",
        "logger": "core.x",
        "event": "order sent",
        "venue": "hitbtc",
        "order": "t1",
        "size": None,
    }


def test_every_level_is_named_and_those_below_are_dropped(as_json: Terminal) -> None:
    logger = logs.get_logger("x")
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(logger, level)(level)
    logs.flush()
    assert [line["level"] for line in as_json.lines()] == ["info", "warning", "error", "critical"]


def test_what_libraries_log_takes_the_same_way(as_json: Terminal) -> None:
    logging.getLogger("library").warning("lost %s of %d", "3", 5)
    logs.flush()
    (line,) = as_json.lines()
    assert (line["logger"], line["event"], line["service"]) == ("library", "lost 3 of 5", "trader")


def test_exception_comes_with_its_traceback(as_json: Terminal) -> None:
    try:
        _ = 1 // 0
    except ZeroDivisionError:
        logs.get_logger("x").exception("sum failed")
    logs.get_logger("x").error("told later", exc_info=ValueError("kept"))
    logs.flush()
    first, second = as_json.lines()
    assert first["exception"].startswith("Traceback (most recent call last):")
    assert first["exception"].endswith("ZeroDivisionError: integer division or modulo by zero")
    assert second["exception"] == "ValueError: kept"


def test_fields_can_not_pose_as_the_lines_own(as_json: Terminal) -> None:
    logs.get_logger("x").info("real", level="fake", service="fake", timestamp="fake")
    logs.flush()
    (line,) = as_json.lines()
    assert (line["level"], line["service"], line["event"]) == ("info", "trader", "real")
    assert line["timestamp"] != "fake"


def test_line_break_in_hostile_text_makes_no_second_line(as_json: Terminal) -> None:
    logs.get_logger("x").info("title", text='a\n{"event": "forged"}\r\nb')
    logs.flush()
    assert len(as_json.getvalue().splitlines()) == 1


def test_what_json_has_no_form_for_is_written_as_python_shows_it(as_json: Terminal) -> None:
    logs.get_logger("x").info("odd", path=Path("a"), names={"n"}, raw=b"\xff", nested={1: (2,)})
    logs.flush()
    (line,) = as_json.lines()
    assert (line["path"], line["names"], line["raw"]) == ("PosixPath('a')", ["n"], "b'\\xff'")
    assert line["nested"] == {"1": [2]}


def test_console_format_is_for_people(terminal: Terminal) -> None:
    logs.configure("INFO", service="trader")
    logs.get_logger("x").info("order sent", order="t1")
    logs.flush()
    assert "order sent" in terminal.getvalue()
    assert "order=t1" in terminal.getvalue()
    assert "\x1b" not in terminal.getvalue()


def test_registered_secret_is_hidden_everywhere(as_json: Terminal) -> None:
    register_secret(SECRET)
    register_secret("918273645")
    said = f"login {SECRET}"
    logs.get_logger("x").error(
        said,
        exc_info=ValueError(f"refused {SECRET}"),
        nested=[{"a": (SECRET,)}],
        number=918273645,
        **{SECRET: 1},
    )
    logging.getLogger("library").warning("sent %r and %s", SECRET, json.dumps([SECRET]))
    logs.flush()
    text = as_json.getvalue()
    assert "hunter2" not in text
    assert "918273645" not in text
    assert text.count(MASK) >= 7


@pytest.mark.parametrize(
    "name",
    ["secret", "Token", "password", "api_key", "apiKey", "signature", "Authorization"],
)
def test_value_of_a_secret_looking_key_is_hidden(name: str) -> None:
    assert redact({"a": [{name: "xyz"}], name: {"deep": 1}}) == {"a": [{name: MASK}], name: MASK}
    assert redact({name: None}) == {name: None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GET /x?api_key=abc&page=2", f"GET /x?api_key={MASK}&page=2"),
        ("signature=ab12, next", f"signature={MASK} next"),
        ("{'Authorization': 'Bearer abc'}", f"{{'Authorization': '{MASK}'}}"),
        ("Authorization: HS256 abc\r\nHost: x", f"Authorization: {MASK}\r\nHost: x"),
        ("postgresql://me:pw@db/x", f"postgresql://me:{MASK}@db/x"),
        ("http://db:5432/x", "http://db:5432/x"),
        ("token sale of a secret coin", "token sale of a secret coin"),
    ],
)
def test_secrets_in_running_text_are_hidden(text: str, expected: str) -> None:
    assert redact_text(text) == expected


def test_short_values_are_not_taken_for_secrets() -> None:
    register_secret("abc")
    register_secret("")
    assert redact_text("abcabc") == "abcabc"


def test_redaction_ends_on_values_that_hold_themselves() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert "[[...]]" in str(redact(loop))


def test_repeats_are_held_back_and_counted(as_json: Terminal) -> None:
    for _ in range(100):
        logs.get_logger("x").warning("channel muted", channel="a")
    logs.get_logger("x").warning("channel muted", channel="b")
    logs.shutdown()
    lines = as_json.lines()
    assert [line.get("channel") for line in lines[:-1]] == ["a"] * log_sinks.BURST + ["b"]
    assert (lines[-1]["event"], lines[-1]["message"], lines[-1]["times"]) == (
        "repeated messages were held back",
        "channel muted",
        100 - log_sinks.BURST,
    )


def test_brake_opens_again_after_its_window() -> None:
    brake = log_sinks.RepeatBrake(burst=2, window_ns=10)
    message = ("INFO", "again", "")
    assert [brake.admit(message, now) for now in (0, 1, 2, 9)] == [True, True, False, False]
    assert brake.take_finished(9) == []
    assert brake.take_finished(10) == [(message, 2)]
    assert brake.admit(message, 10)


def test_brake_opens_when_the_clock_was_set_back() -> None:
    brake = log_sinks.RepeatBrake(burst=1, window_ns=10)
    message = ("INFO", "again", "")
    assert [brake.admit(message, now) for now in (100, 101)] == [True, False]
    assert brake.take_finished(50) == [(message, 1)]


def test_brake_remembers_a_bounded_number_of_messages() -> None:
    brake = log_sinks.RepeatBrake(remembered=3)
    for number in range(50):
        brake.take_finished(0)
        brake.admit(("INFO", str(number), ""), 0)
    assert len(brake._windows) <= 4


def test_files_never_hold_more_than_their_bound(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "logs" / "trader.json"
    size = 4 * logs.MAX_LINE
    logs.configure("info", service="t", format="json", file=file, max_bytes=size, backups=2)
    for number in range(60):
        logs.get_logger("x").info("big", number=number, text="é" * 8_000)
    logs.shutdown()
    sizes = [path.stat().st_size for path in file.parent.iterdir()]
    assert len(sizes) == 3
    assert max(sizes) <= size
    numbers = [
        line["number"] for path in (f"{file}.2", f"{file}.1", file) for line in read(Path(path))
    ]
    assert numbers == list(range(numbers[0], 60))


def test_endless_line_keeps_its_beginning_and_the_end_of_its_traceback(as_json: Terminal) -> None:
    logs.get_logger("x").error(
        "start " + "x" * 1_000_000, exc_info=ValueError("y" * 90_000 + " end")
    )
    logs.flush()
    (line,) = as_json.lines()
    assert len(as_json.getvalue()) < logs.MAX_LINE
    assert line["event"].startswith("start xxx")
    assert line["exception"].endswith("yyy end")
    assert line["cut_from_characters"] > 1_000_000


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")
def test_full_disk_is_counted_and_stops_nobody(terminal: Terminal) -> None:
    before = logs.failed_writes()
    logs.configure("info", service="t", format="json", file=FULL)
    for number in range(7):
        logs.get_logger("x").info("order sent", number=number)
    logs.shutdown()
    assert logs.failed_writes() - before == 7
    assert len(terminal.lines()) == 7


def test_closed_terminal_is_counted_and_the_file_goes_on(
    terminal: Terminal, tmp_path: Path
) -> None:
    before = logs.failed_writes()
    logs.configure("info", service="t", format="json", file=tmp_path / "log.json")
    terminal.close()
    logs.get_logger("x").info("order sent")
    logs.shutdown()
    assert logs.failed_writes() - before == 1
    assert [line["event"] for line in read(tmp_path / "log.json")] == ["order sent"]


def test_full_buffer_drops_lines_and_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_sinks, "WAITING_LINES", 1)
    before = logs.failed_writes()
    sink = log_sinks.Sink(log_sinks.Terminal(io.StringIO()), logging.Formatter())
    sink._writer.stop()  # nobody writes any more
    for number in range(3):
        sink.handle(logging.makeLogRecord({"msg": str(number)}))
    assert logs.failed_writes() - before == 2
    assert not sink.drain(0)


def test_field_that_can_not_be_shown_costs_its_line_only(as_json: Terminal) -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError("no words")

    before = logs.failed_writes()
    logs.get_logger("x").info("odd", value=Odd())
    logs.get_logger("x").info("next")
    logs.flush()
    assert logs.failed_writes() - before == 1
    assert [line["event"] for line in as_json.lines()] == ["next"]


def test_line_after_a_torn_one_stands_alone(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "log.json"
    file.write_text('{"event": "torn by a kil')
    logs.configure("info", service="t", format="json", file=file)
    logs.get_logger("x").info("whole")
    logs.shutdown()
    assert json.loads(file.read_text().splitlines()[1])["event"] == "whole"


def test_second_configure_replaces_the_first(terminal: Terminal, tmp_path: Path) -> None:
    for name in ("a", "b"):
        logs.configure("info", service=name, format="json", file=tmp_path / name)
    logs.get_logger("x").info("once")
    logs.shutdown()
    assert (tmp_path / "a").read_text() == ""
    assert [line["service"] for line in read(tmp_path / "b")] == ["b"]
    assert len(terminal.lines()) == 1


def test_unknown_level_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="no log level 'loud': use one of DEBUG, INFO"):
        logs.configure("loud", service="t")


@pytest.mark.parametrize(("max_bytes", "backups"), [(1_000, 5), (10_000_000, 0)])
def test_bounds_that_bound_nothing_are_refused(max_bytes: int, backups: int) -> None:
    with pytest.raises(ConfigurationError, match="to stay bounded"):
        logs.configure("info", service="t", max_bytes=max_bytes, backups=backups)


def test_file_that_can_not_be_opened_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(ConfigurationError, match="can't write logs to"):
        logs.configure("info", service="t", file=tmp_path / "taken" / "log.json")


def test_before_configure_warnings_still_reach_stderr(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logs.get_logger("x").warning("early")
    assert [record.getMessage() for record in caplog.records] == ["early"]
