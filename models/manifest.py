"""A model's manifest: what it is, what it learnt from, how good it is, and its files' hashes."""

import hashlib
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from core.contracts.errors import ConfigurationError
from models.labels import ways_of

MANIFEST: Final = "manifest.json"


class Kind(StrEnum):
    """How a model is stored, which decides what reads it."""

    FLAT = "flat"
    SKLEARN = "sklearn"
    ONNX = "onnx"


class Figure(NamedTuple):
    """A measured value and its 95% confidence interval."""

    value: float
    low: float
    high: float


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is known of one model; docs/models/README.md shows one.

    Attributes:
        kind: how it is stored.
        labels: names of its classes, in the order of its probabilities.
        files: names of its files, with the SHA-256 of each.
        created: when it was made, ISO 8601 with a zone.
        data_hash: SHA-256 of the samples it learnt from; empty for what others trained.
        test_hash: SHA-256 of the samples it was measured on; empty before it was.
        code_version: of what trained it.
        texts: how many samples it learnt from, by origin.
        threshold: confidence from which the figures count a prediction as traded.
        metrics: its figures on the test set.
        reference: how its predictions spread over the classes on everyday texts, as
            `models.drift.spread_of` gives it: what it reads in use is compared with that.
        trusted: for sklearn: the types that may be loaded, beside scikit-learn's own.
        input: for onnx: name of the input, a tensor of strings of the shape [1] or [1, 1].
        output: for onnx: name of the output, probabilities of the shape [1, classes].
        notes: for people.
    """

    kind: Kind
    labels: tuple[str, ...]
    files: dict[str, str]
    created: datetime
    data_hash: str = ""
    test_hash: str = ""
    code_version: str = ""
    texts: dict[str, int] = {}
    threshold: float = 0.7
    metrics: dict[str, Figure] = {}
    reference: dict[str, float] = {}
    trusted: tuple[str, ...] = ()
    input: str = "text"
    output: str = "probabilities"
    notes: str = ""


def read_manifest(folder: Path) -> tuple[Manifest, bytes]:
    """Read a model's manifest; gives its bytes, too, for their hash.

    Raises:
        ConfigurationError: it can't be read, is malformed, or names a file outside the folder.
    """
    path = folder / MANIFEST
    try:
        raw = path.read_bytes()
        manifest = msgspec.json.decode(raw, type=Manifest)
    except OSError as error:
        raise ConfigurationError(f"can't read {path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is no manifest: {error}") from error
    for name in manifest.files:
        if Path(name).name != name or name in ("", ".", "..", MANIFEST):
            raise ConfigurationError(f"{path} names {name!r}, which is no file of the model's own")
    if not all(ways_of(manifest.labels).columns):
        raise ConfigurationError(f"{path}: a label set needs buy, sell and no news")
    return manifest, raw


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a model's manifest."""
    made = msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=2)
    (folder / MANIFEST).write_bytes(made + b"\n")


def read_file(folder: Path, manifest: Manifest, name: str) -> bytes:
    """Read one of a model's files, and check it.

    Raises:
        ConfigurationError: it is not in the manifest, can't be read, or is not what was registered.
    """
    if name not in manifest.files:
        raise ConfigurationError(f"{folder / MANIFEST} has no file {name}")
    try:
        raw = (folder / name).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"can't read {folder / name}: {error.strerror}") from error
    if (found := sha256(raw)) != manifest.files[name]:
        raise ConfigurationError(
            f"{folder / name} was changed after it was registered: its SHA-256 is {found}, not"
            f" {manifest.files[name]}; put the original back, or register it anew"
        )
    return raw


def sha256(raw: bytes) -> str:
    """Give the SHA-256 of bytes, in hex."""
    return hashlib.sha256(raw).hexdigest()
