import hashlib
import json
import logging
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest

from core.contracts.errors import ConfigurationError
from core.contracts.event_types import NotNews
from core.contracts.signal import Direction
from models.labels import label_name, read_label, ways_of
from models.manifest import read_manifest
from models.training.measure import Readings, calibration_error, macro_f1, measure
from models.training.samples import (
    Origin,
    Sample,
    data_hash,
    own_samples,
    read_labels,
    shared_samples,
)
from models.training.split import Split, near_copies, split
from models.training.train import train, write
from models.weights import pack
from tests.unit.models.texts import RECIPE, samples, trained


def mask(title: str | None, text: str) -> str:
    return text.lower()


def told(words: str, day: date, story: str, origin: Origin = Origin.OWN) -> Sample:
    return Sample(lead=words, words=words, label="listing/buy", story=story, day=day, origin=origin)


def test_training_repeats_to_the_same_bytes() -> None:
    assert pack(train(samples(), RECIPE).weights) == pack(trained().weights)


def test_too_few_texts_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="too few"):
        train(samples()[:4], RECIPE)


def test_a_written_model_says_what_it_is(tmp_path: Path) -> None:
    parted = Split(samples(), samples()[::2], 0)
    created = datetime(2026, 3, 1, tzinfo=UTC)
    made = write(trained(), parted, tmp_path, created, RECIPE)
    assert read_manifest(tmp_path)[0] == made
    assert made.texts == {"own": len(samples())}
    assert made.data_hash == data_hash(samples()) != made.test_hash
    assert set(made.files) == {"weights.npz", "pipeline.skops", "screen.skops"}
    assert made.metrics["type_macro_f1"].low <= made.metrics["type_macro_f1"].value


def test_the_latest_days_are_the_test_and_no_story_is_in_both() -> None:
    early = [told(f"early {at} alone", date(2024, 1, 1 + at), f"e{at}") for at in range(8)]
    over = [told("over one", date(2024, 1, 8), "over"), told("over two", date(2024, 1, 9), "over")]
    late = [told("late news", date(2024, 1, 9), "late")]
    parted = split([*early, *over, *late], share=0.15)
    assert {sample.words for sample in parted.test} == {"late news"}
    assert "over one" in {sample.words for sample in parted.train}
    assert parted.dropped == 1  # the rest of a story that began before


def test_near_copies_of_a_test_text_are_not_learnt_from() -> None:
    original = told("Kraken lists Kaspa for spot trading on Tuesday", date(2024, 2, 1), "a")
    copy = told("BREAKING: Kraken lists Kaspa for spot trading on Tuesday", date(2024, 1, 1), "b")
    other = told("Kraken halts deposits of Monero", date(2024, 1, 1), "c")
    assert near_copies([copy, other], [original]) == {0}
    parted = split([copy, *[told(f"text {at}", date(2024, 1, 2), str(at)) for at in range(4)]])
    assert parted.dropped == 0


def test_what_is_only_for_training_is_never_tested_on() -> None:
    fiqa = [told(f"share {at}", date(2025, 1, 1), f"f{at}", Origin.FIQA) for at in range(5)]
    own = [told(f"coin {at}", date(2024, 1, 1 + at), f"o{at}") for at in range(5)]
    parted = split([*fiqa, *own])
    assert {sample.origin for sample in parted.test} == {Origin.OWN}


def test_shared_data_that_is_missing_is_left_out_with_a_message(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert shared_samples(mask, tmp_path) == []
    assert caplog.text.count("is not there") == 3


def test_headlines_are_labelled_by_the_hash_of_their_title(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"Kraken lists Kaspa").hexdigest()
    labels = tmp_path / "labels"
    labels.mkdir()
    (labels / "some.tsv").write_text(f"# comment\n{digest}\tlisting\tbuy\tKAS\t\n")
    row = {"title": "Kraken lists Kaspa", "date": "Sat Feb 07 2026 17:11:01 GMT-0500 (Acre)"}
    other = {"title": "not labelled", "date": row["date"]}
    (tmp_path / "cryptopanic_2026_02.json").write_text(json.dumps({"a": row, "b": other}))
    (tmp_path / "hack_incidents.csv").write_text("date,title\n2020-01-01,Kraken lists Kaspa\n")
    found = shared_samples(mask, tmp_path, labels)
    assert [(s.label, s.origin, s.day) for s in found] == [
        ("listing/buy", Origin.HEADLINE, date(2026, 2, 7)),
        ("listing/buy", Origin.INCIDENT, date(2020, 1, 1)),
    ]


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cryptopanic_2026_02.json").write_text('{"a": 1}')
    with pytest.raises(ConfigurationError, match="not what it should be"):
        shared_samples(mask, tmp_path)


@pytest.mark.parametrize("line", ["abc\tlisting", "abc\tlisting\tup", "abc\tlisting\tneutral"])
def test_a_wrong_label_names_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "some.tsv").write_text(f"# labels\n{line}\n")
    with pytest.raises(ConfigurationError, match=r"some\.tsv:2"):
        read_labels(tmp_path)


def test_bundled_labels_are_sound() -> None:
    assert len(read_labels()) > 3_000


def test_own_texts_become_samples(tmp_path: Path) -> None:
    row = {
        "text": "Kraken lists Kaspa",
        "style": "news",
        "type": "listing",
        "direction": "buy",
        "subjects": ["KAS"],
        "story": "kas",
        "day": "2024-01-01",
    }
    (tmp_path / "some.jsonl").write_bytes(msgspec.json.encode(row))
    (sample,) = own_samples(mask, tmp_path)
    assert (sample.lead, sample.label, sample.origin) == (
        "kraken lists kaspa",
        "listing/buy",
        Origin.OWN,
    )


def test_labels_read_back() -> None:
    name = label_name(NotNews.SCAM, Direction.NEUTRAL)
    assert read_label(name).detail == "scam"
    assert ways_of(["listing/buy", name]).columns == ((0,), (), (1,))
    with pytest.raises(ConfigurationError, match="twice"):
        ways_of(["listing/buy", "listing/buy"])


def readings(right: str, said: str, confidences: list[float]) -> Readings:
    names = {"b": ("listing", "buy"), "s": ("hack", "sell"), "n": ("not_news", "neutral")}
    return Readings(
        types=np.array([names[way][0] for way in right]),
        directions=np.array([names[way][1] for way in right]),
        said_types=np.array([names[way][0] for way in said]),
        said_directions=np.array([names[way][1] for way in said]),
        confidences=np.array(confidences),
        stories=np.arange(len(right)).astype(str),
    )


def test_figures_are_those_of_what_would_trade() -> None:
    some = readings("bbsnnn", "bnsbnn", [0.9, 0.9, 0.9, 0.9, 0.9, 0.6])
    figures = measure(some, 0.8, seed=1)
    assert figures["buy_precision"].value == 0.5
    assert figures["buy_coverage"].value == 0.5
    assert figures["sell_precision"].value == figures["sell_coverage"].value == 1.0
    assert figures["false_signals"].value == pytest.approx(1 / 3)
    assert all(figure.low <= figure.value <= figure.high for figure in figures.values())


def test_macro_f1_counts_every_class_alike() -> None:
    right, said = np.array(["a", "a", "a", "b"]), np.array(["a", "a", "a", "a"])
    assert macro_f1(right, said) == pytest.approx((6 / 7 + 0) / 2)


def test_calibration_error_is_the_gap_between_confidence_and_being_right() -> None:
    assert calibration_error(readings("bbbb", "bbbn", [0.75] * 4)) == pytest.approx(0.0)
    assert calibration_error(readings("bbbb", "bbnn", [0.95] * 4)) == pytest.approx(0.45)
