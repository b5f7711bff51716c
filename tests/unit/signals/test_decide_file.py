import io
import json
from typing import Any

import pytest

from signals.decide_file import LINE_BYTES, Summary, decide_lines
from signals.plain import plain_text
from signals.reader import Reader

READER = Reader()
AT = "2026-02-01T10:00:00Z"


def a_line(text: str, **changes: object) -> bytes:
    given = {"id": "1", "source": "rss", "text": text, "published": AT} | changes
    return json.dumps({k: v for k, v in given.items() if v is not None}).encode() + b"\n"


def run(lines: bytes, **options: Any) -> tuple[list[dict[str, Any]], Summary]:  # noqa: ANN401 - passed on
    out = io.BytesIO()
    summary = decide_lines(io.BytesIO(lines), out, reader=READER, **options)
    return [json.loads(line) for line in out.getvalue().splitlines()], summary


def test_event_with_two_coins_gives_two_signals_in_the_documented_form() -> None:
    (answer,), summary = run(a_line("Kraken lists Kaspa (KAS) and Jito on Solana"))
    signal = {
        "direction": "buy",
        "event_type": "listing",
        "confidence": 0.95,
        "reasons": ["listing"],
    }
    assert answer == {
        "id": "1",
        "signals": [{"symbol": "JTO"} | signal, {"symbol": "KAS"} | signal],
        "reading": {
            "assets": [
                {"code": "KAS", "role": "subject"},
                {"code": "JTO", "role": "subject"},
                {"code": "SOL", "role": "mentioned"},
            ],
            "event_type": "listing",
            "direction": "buy",
            "confidence": 0.95,
        },
        "skipped": None,
    }
    assert summary == Summary(lines=1, signals=2, problems=())


def test_story_window_holds_over_the_file_and_not_when_stateless() -> None:
    lines = a_line("Kraken lists Kaspa") + a_line("Kaspa listed on Kraken", id="2")
    assert [a["skipped"] for a in run(lines)[0]] == [None, "known_story"]
    assert [a["skipped"] for a in run(lines, stateless=True)[0]] == [None, None]


@pytest.mark.parametrize(
    ("published", "skipped"),
    [
        (None, "undated"),
        ("2026-02-01T10:00:00", "undated"),
        ("2026-02-01T10:00:00+09:00", None),
        (1769940000, None),
        (1769940000000, None),
        (1769940000.25, None),
    ],
)
def test_publication_time_is_read_or_its_absence_is_the_reason(
    published: str | float | None, skipped: str | None
) -> None:
    (answer,), _ = run(a_line("Kraken lists Kaspa", published=published))
    assert answer["skipped"] == skipped
    (answer,), _ = run(a_line("Kraken lists Kaspa", published=published), stateless=True)
    assert answer["skipped"] is None


def test_history_is_judged_at_its_own_time_unless_a_time_is_given() -> None:
    line = a_line("Kraken lists Kaspa")
    assert run(line)[0][0]["skipped"] is None
    now_ns = 1_800_000_000_000_000_000
    assert run(line, now_ns=now_ns)[0][0]["skipped"] == "stale"


@pytest.mark.parametrize(
    "bad",
    [
        b"{bad\n",
        b"[1]\n",
        b'{"id":"x","source":"s"}\n',
        b'{"id":"x","source":"s","text":5}\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        a_line("x", published="yesterday"),
        a_line("x", published=-5),
        b'"' + b"x" * (LINE_BYTES + 10) + b'"\n',
    ],
)
def test_malformed_line_is_answered_and_numbered_and_the_rest_goes_on(bad: bytes) -> None:
    good = a_line("Kraken lists Kaspa")
    answers, summary = run(good + b"\n" + bad + a_line("Kraken lists Tezos", id="3"))
    assert [a["id"] for a in answers] == ["1", answers[1]["id"], "3"]
    assert answers[1]["skipped"].startswith("malformed: ")
    assert answers[1]["signals"] == []
    assert len(summary.problems) == 1
    assert summary.problems[0].startswith("line 3: ")


def test_empty_file_gives_nothing() -> None:
    assert run(b"") == ([], Summary(0, 0, ()))


@pytest.mark.parametrize(
    "text",
    [
        "<b>" * 5_000 + "Kraken lists Kaspa" + "</b>" * 5_000,
        "Kraken\x00 lists\u200b Ka\u202espa",
        "Kraken lists &#75;aspa &amp; Tezos",
        "Kraken lists Kaspa. " + "And so on. " * 900_000,
    ],
)
def test_mark_up_control_characters_and_length_do_not_hide_news(text: str) -> None:
    (answer,), _ = run(a_line(text))
    assert "KAS" in [signal["symbol"] for signal in answer["signals"]]


def test_plain_text_keeps_lines_and_lone_brackets() -> None:
    assert plain_text("a < b\nc <i>d</i>  e") == "a < b\nc d e"
