import tomllib
from pathlib import Path
from typing import Any

import pytest

from core.contracts.errors import ConfigurationError
from core.contracts.signal import Direction, EventType, SkipReason
from models.predictor import Prediction
from signals.assets.resolve import Resolver
from signals.assets.universe import bundled_universe
from signals.reader import Reader
from signals.rules import engine
from tests.unit.signals.events import an_event

RESOLVER = Resolver(bundled_universe())


def bundled() -> dict[str, Any]:
    text = Path(engine.__file__).with_name("rules.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def test_rule_whose_example_does_not_match_is_refused_by_name() -> None:
    tables = bundled()
    tables["rule"][0]["example"] = "Binance says hello to Cardano"
    with pytest.raises(ConfigurationError, match=tables["rule"][0]["name"]):
        engine.compile_rules(tables, RESOLVER)


def test_rule_whose_counter_example_matches_is_refused_by_name() -> None:
    tables = bundled()
    tables["rule"][1]["counter_example"] = tables["rule"][1]["example"]
    with pytest.raises(ConfigurationError, match="counter-example"):
        engine.compile_rules(tables, RESOLVER)


def test_veto_that_lets_its_example_pass_is_refused_by_name() -> None:
    tables = bundled()
    tables["veto"][0]["example"] = "Binance lists Pyth"
    with pytest.raises(ConfigurationError, match="question"):
        engine.compile_rules(tables, RESOLVER)


@pytest.mark.parametrize(("table", "key"), [("rule", "colour"), ("veto", "colour")])
def test_unknown_key_is_refused_by_name(table: str, key: str) -> None:
    tables = bundled()
    tables[table][0][key] = "red"
    with pytest.raises(ConfigurationError, match=key):
        engine.compile_rules(tables, RESOLVER)


def test_malformed_pattern_is_refused_by_name() -> None:
    tables = bundled()
    tables["rule"][0]["patterns"] = ["("]
    with pytest.raises(ConfigurationError, match="malformed pattern"):
        engine.compile_rules(tables, RESOLVER)


def test_reading_names_rule_actors_and_direction() -> None:
    reading = Reader().read_text(None, "Kraken and Coinbase will list Kaspa (KAS)")
    assert reading.event_type is EventType.LISTING
    assert reading.direction is Direction.BUY
    assert reading.reasons == ("listing",)
    assert reading.actors == ("Coinbase", "Kraken")


def test_refusal_names_the_veto_and_the_word() -> None:
    reading = Reader().read_text(None, "Kraken will list Kaspa, insiders claim")
    assert reading.refusal is SkipReason.RUMOUR
    assert "hearsay" in reading.detail


def test_headline_that_takes_it_back_silences_the_text_below() -> None:
    reading = Reader().read_text("Kraken may list Kaspa", "Kraken will list Kaspa.")
    assert reading.refusal is SkipReason.RUMOUR


class Model:
    """Says the same of everything, and counts how often it is asked."""

    def __init__(self, prediction: Prediction | None) -> None:
        self.prediction = prediction
        self.asked = 0

    def predict(self, title: str | None, text: str) -> Prediction | None:
        self.asked += 1
        return self.prediction


def test_model_is_asked_where_rules_are_silent_and_there_is_a_coin() -> None:
    model = Model(Prediction(EventType.HACK, Direction.SELL, 0.9, ("outage",)))
    reader = Reader(predictor=model)
    assert reader.read_text(None, "Cardano stands still").event_type is EventType.HACK
    assert reader.read_text(None, "The weather stands still").refusal is SkipReason.NOT_NEWS
    assert reader.read_text(None, "Kraken lists Kaspa").event_type is EventType.LISTING
    assert model.asked == 1


def test_model_that_sees_no_news_leaves_it_so() -> None:
    model = Model(Prediction(EventType.NOT_NEWS, Direction.NEUTRAL, 0.9, ()))
    assert Reader(predictor=model).read_text(None, "Cardano stands still").refusal is not None


def test_event_is_read_once_for_all_its_keys_and_again_when_it_changes() -> None:
    model = Model(None)
    reader = Reader(predictor=model)
    event = an_event("Cardano and Solana stand still")
    assert reader.keys_for(event) == ("ADA", "SOL")
    assert reader.read(event) is reader.read(an_event("Cardano and Solana stand still"))
    assert model.asked == 1
    assert reader.keys_for(an_event("Nothing")) == (event.id,)
