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
    return engine.bundled_tables()


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
    with pytest.raises(ConfigurationError, match=tables["veto"][0]["name"]):
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

    def predict(self, lead: str) -> Prediction | None:
        self.asked += 1
        return self.prediction


def test_model_is_asked_where_rules_are_silent_and_without_a_coin_only_reads() -> None:
    model = Model(Prediction(EventType.HACK, Direction.SELL, 0.97, ("outage",)))
    reader = Reader(predictor=model)
    assert reader.read_text(None, "Cardano stands still").event_type is EventType.HACK
    assert reader.read_text(None, "The weather stands still").refusal is SkipReason.NO_ASSET
    assert reader.read_text(None, "Kraken lists Kaspa").event_type is EventType.LISTING
    assert model.asked == 2


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


OWN = """
[[rule]]
name = "mascot"
type = "partnership"
direction = "buy"
confidence = 0.8
triggers = ["mascot"]
patterns = ['{A}{N} {AUX}(?:gets?|has) a mascot']
example = "Cardano gets a mascot"
counter_example = "Mascot seen with Cardano"
"""


def own_rules(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_own_rule_speaks_beside_the_bundled_ones(tmp_path: Path) -> None:
    book = engine.load_rules([own_rules(tmp_path, OWN)], RESOLVER)
    reader = Reader(RESOLVER, book)
    assert reader.read_text(None, "Solana has a mascot").reasons == ("mascot",)
    assert reader.read_text(None, "Kraken lists Kaspa").reasons == ("listing",)


def test_own_rule_takes_the_place_of_the_bundled_one_of_its_name(tmp_path: Path) -> None:
    own = own_rules(tmp_path, OWN.replace('name = "mascot"', 'name = "listing"'))
    reader = Reader(RESOLVER, engine.load_rules([own], RESOLVER))
    assert reader.read_text(None, "Solana has a mascot").reasons == ("listing",)
    assert reader.read_text(None, "Kraken lists Kaspa").refusal is SkipReason.NOT_NEWS


def test_bundled_rule_can_be_switched_off_by_name_alone(tmp_path: Path) -> None:
    own = own_rules(tmp_path, '[[rule]]\nname = "listing"\ndisabled = true\n')
    reader = Reader(RESOLVER, engine.load_rules([own], RESOLVER))
    assert reader.read_text(None, "Kraken lists Kaspa").refusal is SkipReason.NOT_NEWS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[rules]]\nname = 'x'", "unknown table"),
        ("[[rule]]\ntype = 'hack'", "needs a name"),
        ("not toml", "own.toml"),
        (OWN.replace("{A}{N}", "cardano"), "names no coin"),
        (OWN.replace('direction = "buy"\n', ""), "needs 'direction'"),
        (OWN.replace("0.8", "80"), "confidence"),
        (OWN.replace('"partnership"', '"friendship"'), "friendship"),
        (OWN.replace("triggers =", "trigger ="), "trigger"),
    ],
)
def test_own_rules_that_are_wrong_are_refused_with_what_is_wrong(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        engine.load_rules([own_rules(tmp_path, text)], RESOLVER)


def test_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml"):
        engine.load_rules([tmp_path / "none.toml"], RESOLVER)


@pytest.mark.parametrize(
    "text",
    [
        "Binance denies that it will list Pyth",
        "Correction: Binance has not listed Pyth",
        "The report that Kraken may delist Monero is false, the exchange says",
        "Fake news: Cardano was not hacked",
        "The Solana Foundation says its account was hacked, there is no partnership with Visa",
    ],
)
def test_denial_is_told_apart_from_mere_hearsay(text: str) -> None:
    reading = Reader(RESOLVER).read_text(None, text)
    assert reading.refusal is SkipReason.RUMOUR
    assert reading.detail.startswith("denial")
    assert reading.subjects


def test_hack_is_told_rather_than_the_stop_it_brings() -> None:
    text = "Upbit suspends Euler (EUL) withdrawals, Euler (EUL) exploited for $200 million"
    assert Reader(RESOLVER).read_text(None, text).event_type is EventType.HACK


def test_delisting_is_told_rather_than_listing() -> None:
    text = "Binance will delist Kaspa and list Pyth"
    assert Reader(RESOLVER).read_text(None, text).event_type is not EventType.LISTING


def test_rule_for_named_coins_is_silent_about_others() -> None:
    reader = Reader(RESOLVER)
    assert reader.read_text(None, "USDC drops to 88 cents").event_type is EventType.DEPEG
    assert reader.read_text(None, "Dogecoin drops to 12 cents").refusal is not None


def test_veto_that_holds_throughout_objects_from_a_later_sentence() -> None:
    text = "Kraken lists Kaspa (KAS)! Trading starts now. Just kidding"
    assert Reader(RESOLVER).read_text(None, text).refusal is SkipReason.RUMOUR


def test_exception_in_the_headline_holds_for_the_text_below() -> None:
    reading = Reader(RESOLVER).read_text("New perpetual futures", "Kraken lists Kaspa (KAS).")
    assert reading.refusal is SkipReason.NOT_NEWS
