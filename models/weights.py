"""Stores flat weights as plain arrays in one file and reads them back, without any pickle."""

import io
import zipfile
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from core.contracts.errors import ConfigurationError
from models.flat import Weights

WEIGHTS: Final = "weights.npz"


def pack(weights: Weights) -> bytes:
    """Write weights; the same weights always give the same bytes.

    The stages' weights are kept in 16 bits and all else in 32, except the scalars: a model whose
    weights have more than that reads back otherwise.
    """
    names = msgspec.json.encode(list(weights.features))
    file = io.BytesIO()
    np.savez_compressed(
        file,
        features=np.frombuffer(names, np.uint8),
        scale=weights.scale.astype(np.float32),
        screen=weights.screen.astype(np.float16),
        screen_bias=np.array(weights.screen_bias),
        screen_at=np.array(weights.screen_at),
        classes=weights.classes.astype(np.float16),
        bias=weights.bias.astype(np.float32),
        version=np.frombuffer(weights.version.encode(), np.uint8),
    )
    return file.getvalue()


def unpack(raw: bytes, labels: tuple[str, ...]) -> Weights:
    """Read weights.

    Args:
        raw: what `pack` wrote.
        labels: names of the classes, from the manifest.

    Raises:
        ConfigurationError: they are not that.
    """
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            return Weights(
                features=msgspec.json.decode(arrays["features"].tobytes(), type=list[str]),
                scale=_wide(arrays["scale"]),
                screen=_wide(arrays["screen"]),
                screen_bias=float(arrays["screen_bias"]),
                screen_at=float(arrays["screen_at"]),
                classes=_wide(arrays["classes"]),
                bias=_wide(arrays["bias"]),
                labels=labels,
                version=arrays["version"].tobytes().decode(),
            )
    except (KeyError, TypeError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ConfigurationError(f"{WEIGHTS} holds no weights: {error!r}") from error


def _wide(stored: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(stored, np.float64)
