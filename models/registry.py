"""The registry: versions of models in a folder, which of them is in use, and how that changes."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from core.contracts.errors import ConfigurationError, Rejected
from models.gate import objections
from models.manifest import Figure, Manifest, read_file, read_manifest, sha256
from models.predictor import Predictor
from models.predictors import open_model

BUNDLED: Final = "bundled"
"""The version that comes with the package: in use until another one is promoted."""

BUNDLED_FOLDER: Final = Path(__file__).with_name("bundled")

_LIVE: Final = "live.json"
_SHADOW: Final = "shadow.json"

Measure = Callable[[Predictor, Manifest], Mapping[str, Figure]]
"""Measures a model on the present test set."""


class Pointer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names the version in use.

    Attributes:
        version: its folder's name.
        manifest: SHA-256 of its manifest as it was when it was chosen.
        before: pointers to what was in use before, latest first.
    """

    version: str
    manifest: str
    before: tuple["Pointer", ...] = ()


class Loaded(NamedTuple):
    """A model ready to predict."""

    version: str
    manifest: Manifest
    model: Predictor


class Listed(NamedTuple):
    """One version."""

    version: str
    manifest: Manifest
    live: bool
    shadow: bool


class Registry:
    """Versions in `folder`, one folder each, beside a pointer to the live one and one to a shadow.

    Every change is one atomic rename: whoever reads at that time sees the old or the new state.
    Several processes may read one folder; one at a time may change it.
    """

    def __init__(self, folder: Path, bundled: Path = BUNDLED_FOLDER) -> None:
        """Take the folder; it need not exist."""
        self._folder = folder
        self._bundled = bundled
        self._seen: tuple[object, ...] = ()

    # Reading

    def versions(self) -> list[Listed]:
        """Give every version, oldest first, the bundled one before them.

        Raises:
            ConfigurationError: a manifest or pointer is malformed.
        """
        live, shadow = self.live(), self._pointer(_SHADOW)
        names = [
            path.name
            for path in (self._folder.iterdir() if self._folder.is_dir() else ())
            if path.is_dir() and not path.name.startswith(".")
        ]
        found = [(name, self.manifest(name)) for name in names]
        found.sort(key=lambda each: (each[1].created, each[0]))
        return [
            Listed(name, manifest, name == live, shadow is not None and name == shadow.version)
            for name, manifest in [(BUNDLED, self.manifest(BUNDLED)), *found]
        ]

    def live(self) -> str:
        """Name the version in use."""
        pointer = self._pointer(_LIVE)
        return pointer.version if pointer else BUNDLED

    def manifest(self, version: str) -> Manifest:
        """Read a version's manifest.

        Raises:
            ConfigurationError: there is no such version, or its manifest is malformed.
        """
        return read_manifest(self.folder_of(version))[0]

    def folder_of(self, version: str) -> Path:
        """Give a version's folder.

        Raises:
            ConfigurationError: there is no such version.
        """
        folder = self._bundled if version == BUNDLED else self._folder / version
        if not version or version != Path(version).name or not folder.is_dir():
            raise ConfigurationError(
                f"there is no model {version!r} in {self._folder}: `tidings model list` shows all"
            )
        return folder

    def load(self, version: str) -> Loaded:
        """Open a version, its files checked against its manifest.

        Raises:
            ConfigurationError: it is not there, or was tampered with.
        """
        folder = self.folder_of(version)
        manifest, _ = read_manifest(folder)
        return Loaded(version, manifest, open_model(folder, manifest))

    def load_live(self) -> Loaded:
        """Open the version in use, its manifest checked against what was promoted.

        Raises:
            ConfigurationError: it is not there, or was tampered with.
        """
        self._seen = self._stamp()
        pointer = self._pointer(_LIVE)
        return self._load_checked(pointer) if pointer else self.load(BUNDLED)

    def load_shadow(self) -> Loaded | None:
        """Open the version that runs beside the live one without trading; None where none does.

        Raises:
            ConfigurationError: it is not there, or was tampered with.
        """
        pointer = self._pointer(_SHADOW)
        return self._load_checked(pointer) if pointer else None

    def changed(self) -> bool:
        """Whether a pointer was replaced since `load_live`: two looks at the file system."""
        return self._stamp() != self._seen

    # Changing

    def add(self, source: Path, version: str) -> Manifest:
        """Take a model's folder in as a new version, after checking and opening it.

        Args:
            source: has a manifest and the files that it names; what else is there is left.
            version: a name that is not taken: letters, digits, `.`, `_` and `-`.

        Raises:
            ConfigurationError: the name can't be had, or the model can't be opened.
        """
        plain = version.replace(".", "").replace("_", "").replace("-", "")
        if not plain.isalnum() or version.startswith(".") or version == BUNDLED:
            raise ConfigurationError(f"{version!r} can't be a version's name")
        if (self._folder / version).exists():
            raise ConfigurationError(f"there is a model {version} in {self._folder} already")
        manifest, raw = read_manifest(source)
        open_model(source, manifest)
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self._folder))
        try:
            (draft / "manifest.json").write_bytes(raw)
            for name in manifest.files:
                (draft / name).write_bytes(read_file(source, manifest, name))
            draft.chmod(0o755)
            draft.rename(self._folder / version)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return manifest

    def promote(self, version: str, measure: Measure | None = None) -> None:
        """Put a version in use, if it is no worse than the one in use.

        Where the two were measured on different tests, both are measured again first.

        Raises:
            Rejected: a figure is worse than the one in use by more than its confidence interval;
                the message names every one.
            ConfigurationError: it is not there, was tampered with, or is not measured.
        """
        loaded = self.load(version)
        used = self.load(self.live())
        candidate, standard = loaded.manifest.metrics, used.manifest.metrics
        if not same_test(loaded.manifest, used.manifest):
            if measure is None:
                raise ConfigurationError(
                    f"{version} and {used.version}, which is in use, were measured on different"
                    " tests: they have to be measured on the same one"
                )
            candidate = dict(measure(loaded.model, loaded.manifest))
            standard = dict(measure(used.model, used.manifest))
        if problems := objections(candidate, standard):
            raise Rejected(
                f"{version} is not promoted, {used.version} stays in use: {'; '.join(problems)}"
            )
        before = self._pointer(_LIVE)
        history: tuple[Pointer, ...] = ()
        if before is not None:
            history = (Pointer(before.version, before.manifest), *before.before)
        self._point(_LIVE, Pointer(version, self._manifest_hash(version), history))

    def rollback(self) -> str:
        """Put back in use what was before; gives its name.

        Raises:
            Rejected: nothing was: the bundled version is in use.
            ConfigurationError: what was before is not there any more, or was tampered with.
        """
        pointer = self._pointer(_LIVE)
        if pointer is None:
            raise Rejected("the bundled model is in use: there is nothing to roll back to")
        if not pointer.before:
            (self._folder / _LIVE).unlink()
            return BUNDLED
        last, *older = pointer.before
        self._load_checked(last)
        self._point(_LIVE, Pointer(last.version, last.manifest, tuple(older)))
        return last.version

    def shadow(self, version: str | None) -> None:
        """Have a version run beside the live one, or none.

        Raises:
            ConfigurationError: it is not there, or was tampered with.
        """
        if version is None:
            (self._folder / _SHADOW).unlink(missing_ok=True)
            return
        self.load(version)
        self._point(_SHADOW, Pointer(version, self._manifest_hash(version)))

    # Pointers

    def _load_checked(self, pointer: Pointer) -> Loaded:
        folder = self.folder_of(pointer.version)
        manifest, raw = read_manifest(folder)
        if sha256(raw) != pointer.manifest and pointer.version != BUNDLED:
            raise ConfigurationError(
                f"the manifest of {pointer.version} in {folder} was changed after it was chosen:"
                " put the original back, roll back, or promote it again"
            )
        return Loaded(pointer.version, manifest, open_model(folder, manifest))

    def _manifest_hash(self, version: str) -> str:
        return sha256(read_manifest(self.folder_of(version))[1])

    def _pointer(self, name: str) -> Pointer | None:
        path = self._folder / name
        try:
            return msgspec.json.decode(path.read_bytes(), type=Pointer)
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
            raise ConfigurationError(
                f"{path} does not name a model: {error}; remove it to use the bundled one"
            ) from error

    def _point(self, name: str, pointer: Pointer) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=".draft-", dir=self._folder)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(pointer))
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(0o644)
        Path(draft).replace(self._folder / name)

    def _stamp(self) -> tuple[object, ...]:
        stamps: list[object] = []
        for name in (_LIVE, _SHADOW):
            try:
                found = os.stat(self._folder / name)  # noqa: PTH116 - no Path is made each time
            except FileNotFoundError:
                stamps.append(None)
            else:
                stamps.append((found.st_ino, found.st_mtime_ns))
        return tuple(stamps)


def same_test(one: Manifest, other: Manifest) -> bool:
    """Whether two models' figures can be compared as they are."""
    return bool(one.metrics and other.metrics) and one.test_hash == other.test_hash != ""
