"""Opens a model of any kind behind the one port: flat weights, a scikit-learn pipeline, or ONNX."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from core.contracts.errors import ConfigurationError
from core.contracts.signal import Direction
from models.flat import FlatModel
from models.labels import DIRECTIONS, Ways, ways_of
from models.manifest import Kind, Manifest, read_file
from models.predictor import Prediction, Predictor
from models.weights import WEIGHTS, unpack

PIPELINE: Final = "pipeline.skops"
NETWORK: Final = "model.onnx"
_ROUNDING: Final = 1e-3


class Chances(Protocol):
    """What others' models are asked for: one probability for each class of one lead."""

    def __call__(self, lead: str) -> Sequence[float]:
        """Judge a masked lead."""
        ...


class OpenedModel:
    """Another team's model as a predictor; it gives no reasons."""

    __slots__ = ("_chances", "_ways")

    def __init__(self, chances: Chances, ways: Ways) -> None:
        self._chances = chances
        self._ways = ways

    def predict(self, lead: str) -> Prediction | None:
        """Judge a masked lead: the likelier direction, and of its classes the likeliest."""
        chances = self._chances(lead)
        ways = [sum(chances[at] for at in columns) for columns in self._ways.columns]
        confidence = max(ways)
        way = ways.index(confidence)
        label = self._ways.labels[max(self._ways.columns[way], key=chances.__getitem__)]
        if DIRECTIONS[way] is Direction.NEUTRAL:
            return Prediction(label.event_type, label.direction, confidence, (), label.detail)
        return Prediction(label.event_type, label.direction, confidence, ())


def open_model(folder: Path, manifest: Manifest) -> Predictor:
    """Read a model's files, checked by their hashes, and make it ready.

    Raises:
        ConfigurationError: a file is missing, was changed, or is not what the manifest says; or
            the library that reads this kind is not installed.
    """
    if manifest.kind is Kind.FLAT:
        return FlatModel(unpack(read_file(folder, manifest, WEIGHTS), manifest.labels))
    ways = ways_of(manifest.labels)
    if manifest.kind is Kind.SKLEARN:
        opened = _open_pipeline(read_file(folder, manifest, PIPELINE), manifest)
    else:
        opened = _open_network(read_file(folder, manifest, NETWORK), manifest)
    _try(opened, manifest)
    return OpenedModel(opened, ways)


def _open_pipeline(raw: bytes, manifest: Manifest) -> Chances:
    try:
        import skops.io  # noqa: PLC0415 - only who has such a model needs the library
        from skops.io.exceptions import UntrustedTypesFoundException  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            "a model of kind sklearn needs scikit-learn and skops: install tidings[training]"
        ) from error
    try:
        pipeline = skops.io.loads(raw, trusted=list(manifest.trusted))
    except UntrustedTypesFoundException as error:
        raise ConfigurationError(
            f"{PIPELINE} holds types that its manifest's `trusted` does not name: {error}"
        ) from error
    except Exception as error:  # a file made by anybody may fail in any way inside the library
        raise ConfigurationError(f"{PIPELINE} can't be read: {error!r}") from error
    named = tuple(str(name) for name in getattr(pipeline, "classes_", ()))
    if named != manifest.labels:
        raise ConfigurationError(f"{PIPELINE} tells {named} apart, its manifest {manifest.labels}")

    def chances(lead: str) -> Sequence[float]:
        found: list[float] = pipeline.predict_proba([lead])[0].tolist()
        return found

    return chances


def _open_network(raw: bytes, manifest: Manifest) -> Chances:
    try:
        import numpy as np  # noqa: PLC0415
        import onnxruntime  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(
            "a model of kind onnx needs onnxruntime: install tidings[onnx]"
        ) from error
    try:
        session = onnxruntime.InferenceSession(raw, providers=["CPUExecutionProvider"])
        shape = {each.name: each.shape for each in session.get_inputs()}[manifest.input]
        {each.name for each in session.get_outputs()}.remove(manifest.output)
    except Exception as error:  # the runtime has its own errors, one for each way to be malformed
        raise ConfigurationError(f"{NETWORK} can't be read: {error!r}") from error
    rank = len(shape)

    def chances(lead: str) -> Sequence[float]:
        text = np.array([lead], dtype=object).reshape((1,) * rank)
        found: list[float] = session.run([manifest.output], {manifest.input: text})[0][0].tolist()
        return found

    return chances


def _try(chances: Chances, manifest: Manifest) -> None:
    """Ask once, so that what can't answer is found before it is in use."""
    try:
        found = chances("<x> lists <a>")
    except Exception as error:  # whatever another's model raises
        raise ConfigurationError(f"the model can't judge a text: {error!r}") from error
    if len(found) != len(manifest.labels) or abs(sum(found) - 1) > _ROUNDING or min(found) < 0:
        raise ConfigurationError(
            f"the model gives {len(found)} numbers that add up to {sum(found):.3f}, not one"
            f" probability for each of its {len(manifest.labels)} classes"
        )
