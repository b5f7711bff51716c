"""Composes the training of models with the resolver that masks their texts."""

from pathlib import Path

from models.manifest import Figure, Manifest
from models.predictor import Predictor
from models.registry import Measure
from models.training.measure import measure, read
from models.training.pipeline import Recipe
from models.training.samples import Mask, own_samples, shared_samples
from models.training.split import Split, split
from models.training.texts import BUNDLED
from signals.assets.resolve import Resolver
from signals.assets.universe import bundled_universe
from signals.rules.lead import Lead


def masking() -> Mask:
    """Give the function that makes of a text what a predictor gets."""
    resolver = Resolver(bundled_universe())

    def mask(title: str | None, text: str) -> str:
        return Lead(resolver.resolve(title, text)).masked

    return mask


def gather(texts: Path | None, shared: Path | None) -> Split:
    """Read all samples, and part them.

    Args:
        texts: a folder of training texts; None for the bundled ones.
        shared: a folder of other data sets; None for none.

    Raises:
        ConfigurationError: one of them is malformed.
    """
    mask = masking()
    samples = own_samples(mask, texts or BUNDLED)
    if shared is not None:
        samples += shared_samples(mask, shared)
    return split(samples)


def parted_texts(texts: Path | None, shared: Path) -> Split:
    """Read all samples unmasked, and part them as `gather` does.

    Raises:
        ConfigurationError: one of them is malformed.
    """
    samples = own_samples(_unmasked, texts or BUNDLED)
    return split([*samples, *shared_samples(_unmasked, shared)])


def _unmasked(title: str | None, text: str) -> str:
    return f"{title}\n{text}" if title else text


def measuring(parted: Split, recipe: Recipe) -> Measure:
    """Give the function that measures a model on the test set."""

    def measured(model: Predictor, manifest: Manifest) -> dict[str, Figure]:
        return measure(read(model, parted.test), manifest.threshold, recipe.seed)

    return measured
