import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.errors import ConfigurationError
from core.contracts.signal import Direction, EventType
from models import flat
from models.features import READ_CHARACTERS, grams, tokens_of
from models.flat import FlatModel, Weights
from models.weights import pack, unpack
from tests.unit.models.texts import samples, trained

MODEL = FlatModel(trained().weights)
CLASSES = trained().fitted.pipeline(trained().fitted.classes)
SCREEN = trained().fitted.pipeline(trained().fitted.screen)

WORDS = st.sampled_from(
    [
        "<a>",
        "<m>",
        "<x>",
        "lists",
        "drained",
        "will",
        "?",
        "\n",
        "$00",
        "million",
        "price",
        "siphoned",
    ]
)
LEADS = st.one_of(st.text(max_size=600), st.lists(WORDS, max_size=40).map(" ".join))


@given(LEADS)
def test_flat_tables_give_what_the_pipelines_give(lead: str) -> None:
    assert MODEL.probabilities(lead) == pytest.approx(CLASSES.predict_proba([lead])[0], abs=1e-6)
    assert MODEL.news_probability(lead) == pytest.approx(
        SCREEN.predict_proba([lead])[0, 1], abs=1e-6
    )


def test_it_still_gives_so_once_it_forgot_its_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flat, "REMEMBERED_TOKENS", 12)
    small = FlatModel(trained().weights)
    leads = [sample.lead for sample in samples()]
    expected = CLASSES.predict_proba(leads)
    for lead, chances in zip(leads, expected, strict=True):
        assert small.probabilities(lead) == pytest.approx(chances, abs=1e-6)


def test_only_the_beginning_of_an_endless_lead_is_read() -> None:
    lead = "<x> lists <a> " * 100_000
    assert len(tokens_of(lead)) < 1_000
    assert MODEL.predict(lead) == MODEL.predict(lead[:READ_CHARACTERS])


@given(LEADS)
def test_a_prediction_is_that_of_the_likeliest_direction(lead: str) -> None:
    found = MODEL.predict(lead)
    if found is None:
        seen = MODEL.news_probability(lead) < trained().weights.screen_at + 1e-9
        assert seen or not MODEL.knows(lead)
        return
    assert 1 / 3 <= found.confidence <= 1 + 1e-9
    assert (found.event_type is EventType.NOT_NEWS) == (found.direction is Direction.NEUTRAL)
    assert bool(found.detail) == (found.event_type is EventType.NOT_NEWS)


def test_text_in_words_it_never_saw_is_not_judged() -> None:
    lead = "angreifer räumen <a> aus, hundert millionen fort"
    assert not MODEL.knows(lead)
    assert MODEL.predict(lead) is None


def test_what_it_learnt_it_knows_with_reasons() -> None:
    found = MODEL.predict("attackers drained <a> of $000 million")
    assert found is not None
    assert (found.event_type, found.direction) == (EventType.HACK, Direction.SELL)
    assert found.confidence > 0.8
    assert "drained" in found.reasons


def test_words_of_one_concept_weigh_alike() -> None:
    found = MODEL.predict("<a> siphoned of $00 million")  # a word that no text had
    assert found is not None
    assert found.event_type is EventType.HACK


def test_weights_read_back_as_they_were_stored() -> None:
    weights = trained().weights
    packed = pack(weights)
    assert pack(weights) == packed
    again = unpack(packed, tuple(weights.labels))
    for name in ("scale", "screen", "classes", "bias"):
        assert np.array_equal(getattr(again, name), getattr(weights, name))
    assert again.features == weights.features
    assert (again.screen_bias, again.screen_at) == (weights.screen_bias, weights.screen_at)


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04", b"\x80\x04N."])
def test_what_holds_no_weights_is_refused(raw: bytes) -> None:
    with pytest.raises(ConfigurationError, match="no weights"):
        unpack(raw, ("listing/buy",))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scale": np.ones(3)}, "shape"),
        ({"bias": np.full(5, np.nan)}, "no number"),
        ({"screen_at": 1.0}, "not a probability"),
        ({"labels": ["listing/up"] * 5}, "stands there twice|twice"),
        ({"version": "0-0"}, "train it again"),
    ],
)
def test_weights_that_do_not_fit_are_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        FlatModel(Weights(**(trained().weights._asdict() | change)))


@pytest.mark.parametrize(("factor", "added"), [(1_000, 0), (1, -1_000), (1, 1_000)])
def test_steep_weights_give_probabilities_still(factor: int, added: int) -> None:
    weights = trained().weights
    steep = FlatModel(weights._replace(classes=weights.classes * factor, bias=weights.bias + added))
    found = steep.predict("attackers drained <a> of $000 million")
    assert found is not None
    assert found.event_type is EventType.HACK
    assert 0.8 < found.confidence <= 1 + 1e-9


def test_the_likeliest_direction_need_not_be_that_of_the_likeliest_class() -> None:
    weights = trained().weights
    labels = list(weights.labels)
    parts = {"listing/buy": 0.3, "hack/sell": 0.3, "delisting/sell": 0.3}
    bias = np.array([np.log(parts.get(label, 0.05)) for label in labels])
    bias[labels.index("listing/buy")] += 0.1
    model = FlatModel(
        weights._replace(classes=weights.classes * 0, bias=bias, screen_bias=9.0, screen_at=0.01)
    )
    found = model.predict("<x> lists <a>")
    assert found is not None
    assert found.direction is Direction.SELL
    assert found.event_type in {EventType.HACK, EventType.DELISTING}
    assert found.reasons == ()


SIGNS = st.text(alphabet="<>amxcfr ?!$%\n_-'.09é\x1f\x7f", max_size=40)


@given(st.one_of(SIGNS, LEADS, st.text(alphabet=st.characters(max_codepoint=127))))
def test_tokens_of_plain_leads_are_those_of_all_others(lead: str) -> None:
    elsewhere = tokens_of(f"{lead} é")  # one letter that is not in ASCII: the longer way
    assert tokens_of(lead) == elsewhere[:-1]


def test_grams_name_words_pieces_concepts_and_pairs() -> None:
    found = grams("<x> lists <a> 24")
    assert {"<x>", "lists", "@list", "#_li", "#sts_", "<x> lists", "@<x> @list", "00"} <= set(found)
    assert not any(gram.startswith("#") and "<" in gram for gram in found)
