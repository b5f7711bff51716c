"""Takes in what others trained: puts hashes and figures into its manifest, and registers it."""

import tempfile
from pathlib import Path

import msgspec

from core.contracts.errors import ConfigurationError
from models.manifest import Manifest, read_manifest, sha256, write_manifest
from models.predictors import open_model
from models.registry import Measure, Registry


def add_measured(
    registry: Registry, source: Path, version: str, measure: Measure, test_hash: str
) -> Manifest:
    """Take another team's model in with its files' hashes and its figures put into its manifest.

    Args:
        registry: takes it.
        source: its folder, left as it is; of a manifest's `files` the names are enough.
        version: its name from now on.
        measure: measures it.
        test_hash: of what it is measured on.

    Raises:
        ConfigurationError: see `Registry.add`.
    """
    with tempfile.TemporaryDirectory() as draft:
        folder = Path(draft)
        manifest, _ = read_manifest(source)
        hashes: dict[str, str] = {}
        for name in manifest.files:
            try:
                raw = (source / name).read_bytes()
            except OSError as error:
                raise ConfigurationError(f"can't read {source / name}: {error.strerror}") from error
            hashes[name] = sha256(raw)
            (folder / name).write_bytes(raw)
        manifest = msgspec.structs.replace(manifest, files=hashes)
        metrics = dict(measure(open_model(folder, manifest), manifest))
        manifest = msgspec.structs.replace(manifest, metrics=metrics, test_hash=test_hash)
        write_manifest(folder, manifest)
        return registry.add(folder, version)
