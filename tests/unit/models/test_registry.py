import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest
import skops.io
from onnx import TensorProto, helper
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from core.contracts.errors import ConfigurationError, Rejected
from models.admission import add_measured
from models.gate import objections
from models.manifest import Figure, Kind, Manifest, read_manifest, sha256, write_manifest
from models.predictor import Prediction, Predictor
from models.predictors import open_model
from models.registry import BUNDLED, Registry
from models.training.split import Split
from models.training.train import write
from tests.unit.models.texts import RECIPE, samples, trained

LABELS = ("hack/sell", "listing/buy", "question/neutral")
PIPELINE_TYPES = ("models.features.grams", "models.training.pipeline.Weighting")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    parted = Split(samples(), samples()[::2], 0)
    write(trained(), parted, folder, datetime(2026, 3, 1, tzinfo=UTC), RECIPE)
    return folder


@pytest.fixture
def registry(tmp_path: Path, made: Path) -> Registry:
    registry = Registry(tmp_path / "models", bundled=made)
    registry.add(made, "one")
    registry.add(made, "two")
    return registry


def with_metrics(folder: Path, target: Path, **metrics: Figure) -> Path:
    shutil.copytree(folder, target)
    manifest, _ = read_manifest(target)
    write_manifest(target, msgspec.structs.replace(manifest, metrics=manifest.metrics | metrics))
    return target


def test_the_bundled_model_reads_news() -> None:
    loaded = Registry(Path("nowhere")).load_live()
    assert loaded.version == BUNDLED
    found = loaded.model.predict("<a> bridge drained of $000 million, team confirms exploit")
    assert found is not None
    assert (found.event_type.value, found.direction.value) == ("hack", "sell")
    assert loaded.model.predict("<a> price analysis: bulls eye $00,000 resistance") is None


def test_versions_are_promoted_shadowed_and_rolled_back(registry: Registry) -> None:
    assert registry.live() == BUNDLED
    registry.promote("one")
    registry.promote("two")
    registry.shadow("one")
    listed = [(each.version, each.live, each.shadow) for each in registry.versions()]
    assert listed == [(BUNDLED, False, False), ("one", False, True), ("two", True, False)]
    shadow = registry.load_shadow()
    assert shadow is not None
    assert shadow.version == "one"
    assert registry.rollback() == "one"
    assert registry.rollback() == BUNDLED
    registry.shadow(None)
    assert registry.load_shadow() is None
    with pytest.raises(Rejected, match="nothing to roll back"):
        registry.rollback()


def test_a_change_is_seen_once(registry: Registry) -> None:
    registry.load_live()
    assert not registry.changed()
    registry.promote("one")
    assert registry.changed()
    assert registry.load_live().version == "one"
    assert not registry.changed()
    registry.shadow("two")
    assert registry.changed()


@pytest.mark.parametrize("name", ["weights.npz", "pipeline.skops"])
def test_a_tampered_file_is_refused_and_named(
    registry: Registry, tmp_path: Path, name: str
) -> None:
    registry.promote("one")
    path = tmp_path / "models" / "one" / name
    raw = path.read_bytes()
    path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    if name == "weights.npz":
        with pytest.raises(ConfigurationError, match=r"weights\.npz was changed"):
            registry.load_live()
    else:
        with pytest.raises(ConfigurationError, match=r"pipeline\.skops was changed"):
            registry.add(tmp_path / "models" / "one", "three")


def test_a_manifest_changed_with_its_files_is_refused(registry: Registry, tmp_path: Path) -> None:
    registry.promote("one")
    folder = tmp_path / "models" / "one"
    (folder / "weights.npz").write_bytes(b"other weights")
    manifest, _ = read_manifest(folder)
    hashes = manifest.files | {"weights.npz": sha256(b"other weights")}
    write_manifest(folder, msgspec.structs.replace(manifest, files=hashes))
    with pytest.raises(ConfigurationError, match="manifest of one"):
        registry.load_live()


def test_a_worse_model_is_not_promoted(registry: Registry, made: Path, tmp_path: Path) -> None:
    used = registry.manifest(BUNDLED).metrics["type_macro_f1"]
    worse = with_metrics(
        made, tmp_path / "worse", type_macro_f1=Figure(used.low - 0.01, 0.0, used.low)
    )
    registry.add(worse, "worse")
    with pytest.raises(Rejected, match=r"type_macro_f1 .* in use"):
        registry.promote("worse")
    assert registry.live() == BUNDLED


def test_models_measured_on_different_tests_are_measured_again(
    registry: Registry, made: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(made, other)
    manifest, _ = read_manifest(other)
    write_manifest(other, msgspec.structs.replace(manifest, test_hash="another"))
    registry.add(other, "other")
    with pytest.raises(ConfigurationError, match="different tests"):
        registry.promote("other")
    asked: list[Manifest] = []

    def measure(model: Predictor, manifest: Manifest) -> dict[str, Figure]:
        asked.append(manifest)
        return {"type_macro_f1": Figure(0.5, 0.4, 0.6)}

    registry.promote("other", measure)
    assert len(asked) == 2
    assert registry.live() == "other"


def test_the_gate_objects_outside_the_interval_on_the_bad_side_only() -> None:
    used = {"type_macro_f1": Figure(0.8, 0.75, 0.85), "false_signals": Figure(0.01, 0.005, 0.02)}
    better = {"type_macro_f1": Figure(0.9, 0.9, 0.9), "false_signals": Figure(0.0, 0.0, 0.0)}
    assert objections(better, used) == []
    close = {"type_macro_f1": Figure(0.75, 0.7, 0.8), "false_signals": Figure(0.02, 0.0, 0.1)}
    assert objections(close, used) == []
    worse = {"type_macro_f1": Figure(0.74, 0.7, 0.8), "false_signals": Figure(0.021, 0.0, 0.1)}
    assert len(objections(worse, used)) == 2
    assert objections({}, used) == [
        "type_macro_f1 is not measured",
        "false_signals is not measured",
    ]


@pytest.mark.parametrize("name", ["../one", "", ".hidden", "bundled", "a/b", "one"])
def test_a_name_that_cannot_be_had_is_refused(registry: Registry, made: Path, name: str) -> None:
    with pytest.raises(ConfigurationError):
        registry.add(made, name)


@pytest.mark.parametrize("name", ["../one", "none", ""])
def test_a_version_that_is_not_there_is_named(registry: Registry, name: str) -> None:
    with pytest.raises(ConfigurationError, match="there is no model"):
        registry.load(name)


def test_a_manifest_that_points_outside_is_refused(made: Path, tmp_path: Path) -> None:
    folder = with_metrics(made, tmp_path / "outside")
    raw = json.loads((folder / "manifest.json").read_bytes())
    raw["files"] = {"../../secret": "00"}
    (folder / "manifest.json").write_text(json.dumps(raw))
    with pytest.raises(ConfigurationError, match="no file of the model's own"):
        read_manifest(folder)


def test_an_unreadable_pointer_says_what_to_do(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "models" / "live.json").write_text("{")
    with pytest.raises(ConfigurationError, match="remove it"):
        registry.live()


def manifest_of(kind: Kind, **more: object) -> Manifest:
    return msgspec.convert(
        {"kind": kind, "labels": LABELS, "files": {}, "created": datetime.now(UTC), **more},
        Manifest,
    )


def constant(model: Predictor, manifest: Manifest) -> dict[str, Figure]:
    assert isinstance(model.predict("<x> lists <a>"), Prediction)
    return {"type_macro_f1": Figure(0.9, 0.8, 1.0)}


def pipeline_folder(folder: Path, raw: bytes, **more: object) -> Path:
    folder.mkdir()
    (folder / "pipeline.skops").write_bytes(raw)
    write_manifest(folder, manifest_of(Kind.SKLEARN, files={"pipeline.skops": ""}, **more))
    return folder


def test_a_scikit_learn_pipeline_of_others_comes_in_by_the_same_door(
    registry: Registry, tmp_path: Path
) -> None:
    pipeline = make_pipeline(CountVectorizer(), LogisticRegression())
    pipeline.fit(["stolen drained", "lists adds", "why who"], LABELS)
    folder = pipeline_folder(tmp_path / "theirs", skops.io.dumps(pipeline))
    add_measured(registry, folder, "theirs", constant, "test")
    found = registry.load("theirs").model.predict("<x> lists <a>")
    assert found is not None
    assert found.event_type.value == "listing"
    assert found.confidence == pytest.approx(pipeline.predict_proba(["<x> lists <a>"]).max())


def test_our_own_pipeline_as_a_model_says_the_same_as_the_flat_one(
    made: Path, tmp_path: Path
) -> None:
    manifest, _ = read_manifest(made)
    files = {"pipeline.skops": manifest.files["pipeline.skops"]}
    as_pipeline = msgspec.structs.replace(
        manifest, kind=Kind.SKLEARN, files=files, trusted=PIPELINE_TYPES
    )
    opened = open_model(made, as_pipeline).predict("<a> exploited")
    flat = open_model(made, manifest).predict("<a> exploited")
    assert opened is not None
    assert flat is not None
    assert opened.confidence == pytest.approx(flat.confidence, abs=1e-6)


def test_types_that_are_not_trusted_are_not_loaded(
    registry: Registry, made: Path, tmp_path: Path
) -> None:
    raw = (made / "pipeline.skops").read_bytes()
    folder = pipeline_folder(tmp_path / "theirs", raw)
    with pytest.raises(ConfigurationError, match="trusted"):
        add_measured(registry, folder, "theirs", constant, "test")


def test_a_pipeline_of_other_classes_is_refused(registry: Registry, tmp_path: Path) -> None:
    pipeline = make_pipeline(CountVectorizer(), LogisticRegression())
    pipeline.fit(["stolen drained", "lists adds"], ["bad", "good"])
    folder = pipeline_folder(tmp_path / "theirs", skops.io.dumps(pipeline))
    with pytest.raises(ConfigurationError, match="tells"):
        add_measured(registry, folder, "theirs", constant, "test")


def network(outputs: int = len(LABELS)) -> bytes:
    """Counts a text's length in: enough of a network to see that it is asked rightly."""
    weights = np.array([[0.2, 0.7, 0.1][:outputs]], np.float32)
    nodes = [
        helper.make_node("Equal", ["text", "empty"], ["is_empty"]),
        helper.make_node("Cast", ["is_empty"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["number", "nothing"], ["zero"]),
        helper.make_node("Add", ["zero", "weights"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info("text", TensorProto.STRING, [1, 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, outputs])],
        [
            onnx.numpy_helper.from_array(np.array([""], dtype=object), "empty"),
            helper.make_tensor("nothing", TensorProto.FLOAT, [1], [0.0]),
            helper.make_tensor("weights", TensorProto.FLOAT, [1, outputs], weights.ravel()),
        ],
    )
    opset = [helper.make_opsetid("", 19)]
    raw: bytes = helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    onnx.checker.check_model(raw)
    return raw


def network_folder(folder: Path, raw: bytes, **more: object) -> Path:
    folder.mkdir()
    (folder / "model.onnx").write_bytes(raw)
    write_manifest(folder, manifest_of(Kind.ONNX, files={"model.onnx": ""}, **more))
    return folder


def test_an_onnx_model_of_others_comes_in_by_the_same_door(
    registry: Registry, tmp_path: Path
) -> None:
    folder = network_folder(tmp_path / "theirs", network())
    add_measured(registry, folder, "theirs", constant, "test")
    found = registry.load("theirs").model.predict("<x> lists <a>")
    assert found is not None
    assert (found.event_type.value, round(found.confidence, 3)) == ("listing", 0.7)


@pytest.mark.parametrize(
    ("raw", "more", "said"),
    [
        (b"no network", {}, "can't be read"),
        (network(), {"input": "words"}, "can't be read"),
        (network(), {"output": "logits"}, "can't be read"),
        (network(2), {}, "not one probability"),
    ],
)
def test_a_network_that_cannot_answer_is_refused(
    registry: Registry, tmp_path: Path, raw: bytes, more: dict[str, object], said: str
) -> None:
    folder = network_folder(tmp_path / "theirs", raw, **more)
    with pytest.raises(ConfigurationError, match=said):
        add_measured(registry, folder, "theirs", constant, "test")


def test_without_its_library_a_model_says_what_to_install(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    folder = network_folder(tmp_path / "theirs", network())
    with pytest.raises(ConfigurationError, match=r"tidings\[onnx\]"):
        add_measured(registry, folder, "theirs", constant, "test")
