import io
import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner
from rich.console import Console

from console.cli import cli
from console.explanation import Explanation, Tools, explain
from console.explanation_picture import draw
from core.contracts.signal import Signal, SkipReason
from models.registry import BUNDLED, BUNDLED_FOLDER, Registry
from signals.assets.resolve import Resolver
from signals.assets.universe import bundled_universe
from signals.pipeline import Limits
from signals.rules.engine import bundled_rules
from signals.trust.trust import bundled_trust
from tests.unit.signals.events import an_event

LISTING = "Binance Will List Pyth Network (PYTH)"


def tools(*, model: bool = False) -> Tools:
    loaded = Registry(BUNDLED_FOLDER / "none").load(BUNDLED) if model else None
    return Tools(
        Resolver(bundled_universe()),
        bundled_rules(),
        loaded.model if loaded else None,
        loaded.version if loaded else "",
        Limits(),
        bundled_trust(),
    )


def drawn(explained: Explanation, *, coloured: bool = False) -> str:
    out = io.StringIO()
    Console(file=out, width=200, color_system="truecolor" if coloured else None, highlight=False,
            force_terminal=coloured).print(draw(explained, coloured=coloured))  # fmt: skip
    return out.getvalue()


def test_a_listing_is_drawn_from_text_to_signal() -> None:
    explained = explain(an_event(LISTING), tools())
    picture = drawn(explained)
    assert "[X:Binance] Will List [A:Pyth Network (PYTH)]" in picture
    assert "<x> will list <a>" in picture
    assert "hit" in picture
    assert "none is in use" in picture
    assert "buy PYTH" in picture
    assert "opens the story" in picture
    assert isinstance(explained.outcomes[0].outcome, Signal)


def test_colours_stand_for_brackets_in_a_terminal() -> None:
    picture = drawn(explain(an_event(LISTING), tools()), coloured=True)
    assert "[A:" not in picture
    assert "\x1b[" in picture


def test_what_the_model_weighs_is_shown() -> None:
    explained = explain(an_event("Solana stands still for the third hour"), tools(model=True))
    assert explained.model is not None
    assert explained.model.news is not None
    assert sum(chance for _, chance in explained.model.classes) <= 1.0 + 1e-9
    assert explained.model.words
    assert f"words for {explained.model.classes[0][0]}" in drawn(explained)


def test_a_veto_is_shown_with_its_words() -> None:
    explained = explain(an_event("Binance will reportedly list Pyth Network (PYTH)"), tools())
    assert any(veto.words == "reportedly" for veto in explained.vetoes)
    assert "silent, rumour" in drawn(explained)


def test_an_ambiguous_spelling_is_marked_as_refused() -> None:
    resolver = Resolver(bundled_universe())
    text = "Kraken opens LUNA trading"
    if not resolver.resolve(None, text).ambiguous:
        pytest.skip("the tables know but one LUNA")
    explained = explain(an_event(text), tools())
    assert "[?:LUNA]" in drawn(explained)
    outcome = explained.outcomes[0].outcome
    assert not isinstance(outcome, Signal)
    assert outcome.reason is SkipReason.AMBIGUOUS_ASSET


def test_an_impostor_is_refused_by_name() -> None:
    event = an_event(LISTING, source="twitter", channel="binancee", author="@binancee")
    explained = explain(event, tools())
    assert explained.trust.objection is not None
    assert "refused: " in drawn(explained)


HOSTILE: list[tuple[str, Callable[[], str]]] = [
    ("mark-up of the terminal library", lambda: "[bold red]Binance[/] lists [/nothing] [link=x]"),
    ("an unclosed bracket", lambda: "[" * 50),
    ("a megabyte in one word", lambda: "A" * 1_000_000),
    ("combining marks", lambda: "e" + "\u0301" * 5_000),
    ("nothing", lambda: ""),
    ("blanks", lambda: " \n\t "),
    ("other scripts", lambda: "业务公告 币安将上市 (PYTH) الإدراج הודעה"),
]


@pytest.mark.parametrize(("what", "make"), HOSTILE, ids=[what for what, _ in HOSTILE])
def test_hostile_text_is_drawn_as_it_stands(what: str, make: Callable[[], str]) -> None:
    text = make()
    picture = drawn(explain(an_event(text), tools(model=True)))
    assert "Decision" in picture
    if text.startswith("[bold"):
        assert "[bold red]" in picture
        assert "[/nothing]" in picture


def test_the_command_takes_out_what_would_steer_the_terminal() -> None:
    found = CliRunner().invoke(cli, ["explain", "--without-model", f"\x1b[2J \u202e{LISTING}"])
    assert found.exit_code == 0, found.output
    assert "\x1b" not in found.output
    assert "\u202e" not in found.output
    assert "buy PYTH" in found.output


def test_the_same_comes_as_data() -> None:
    arguments = ["explain", "-", "--json", "--without-model", "--title", "News", "--source", "rss"]
    found = CliRunner().invoke(cli, arguments, input=LISTING)
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert told["content"] == f"News\n{LISTING}"
    assert {span["name"] for span in told["spans"]} == {"Binance", "PYTH"}
    assert told["model"] is None
    assert told["trust"]["tier"] == "normal"
    assert told["outcomes"][0]["outcome"]["asset"] == "PYTH"
    assert told["reading"]["event_type"] == "listing"
