"""`tidings model`: train classifiers, judge them, and choose which one is in use."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from console.options import config_option

if TYPE_CHECKING:
    from models.manifest import Manifest
    from models.registry import Registry

SHARED = Path("../shared/data/text")

texts_option = click.option(
    "--texts",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of training texts (*.jsonl). Default: the bundled ones.",
)
shared_option = click.option(
    "--shared",
    type=click.Path(path_type=Path, file_okay=False),
    default=SHARED,
    show_default=True,
    help="Folder of further data sets; what is not there is left out.",
)


@click.group()
def model() -> None:
    """Train classifiers, judge them, and choose which one is in use."""


@model.command()
@config_option
@texts_option
@shared_option
@click.option("--seed", type=int, help="Default: the recipe's own; it repeats to the same weights.")
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    help="Write the weights here, as the bundled model is made; not to the registry.",
)
def train(
    config: Path | None, texts: Path | None, shared: Path, seed: int | None, into: Path | None
) -> None:
    """Train a model on the older texts, measure it on the latest, and register it."""
    import tempfile  # noqa: PLC0415 - --help stays quick

    from console.training import gather  # noqa: PLC0415
    from models.training.pipeline import Recipe  # noqa: PLC0415
    from models.training.train import train as train_model  # noqa: PLC0415
    from models.training.train import write  # noqa: PLC0415

    recipe = Recipe() if seed is None else Recipe(seed=seed)
    parted = gather(texts, shared)
    click.echo(
        f"{len(parted.train)} texts to learn from, {len(parted.test)} to be judged by,"
        f" {parted.dropped} in neither",
        err=True,
    )
    trained = train_model(parted.train, recipe)
    created = datetime.now(UTC).replace(microsecond=0)
    if into is not None:
        _print(write(trained, parted, into, created, recipe, pipelines=False))
        return
    registry = _registry(config)
    with tempfile.TemporaryDirectory() as draft:
        manifest = write(trained, parted, Path(draft), created, recipe)
        version = f"{created:%Y%m%d-%H%M%S}-{manifest.files['weights.npz'][:8]}"
        registry.add(Path(draft), version)
    _print(manifest)
    click.echo(f"registered {version}; `tidings model promote {version}` puts it in use")


@model.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("version")
@config_option
@texts_option
@shared_option
def add(folder: Path, version: str, config: Path | None, texts: Path | None, shared: Path) -> None:
    """Register a model made elsewhere; its manifest is described in docs/models."""
    from console.training import gather, measuring  # noqa: PLC0415
    from models.admission import add_measured  # noqa: PLC0415
    from models.training.pipeline import Recipe  # noqa: PLC0415
    from models.training.samples import data_hash  # noqa: PLC0415

    parted = gather(texts, shared)
    manifest = add_measured(
        _registry(config), folder, version, measuring(parted, Recipe()), data_hash(parted.test)
    )
    _print(manifest)
    click.echo(f"registered {version}")


@model.command()
@click.argument("version", required=False)
@config_option
@texts_option
@shared_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also draw confusions and calibration as PNG into this folder.",
)
def evaluate(
    version: str | None,
    config: Path | None,
    texts: Path | None,
    shared: Path,
    output: Path | None,
) -> None:
    """Measure a version (default: the one in use) on the latest texts, with 95% intervals."""
    from console.training import gather  # noqa: PLC0415
    from models.training.measure import measure, read  # noqa: PLC0415
    from models.training.pipeline import Recipe  # noqa: PLC0415

    registry = _registry(config)
    loaded = registry.load_live() if version is None else registry.load(version)
    parted = gather(texts, shared)
    readings = read(loaded.model, parted.test)
    threshold = loaded.manifest.threshold
    click.echo(f"{loaded.version} on {len(parted.test)} texts, threshold {threshold:.2f}")
    for name, figure in measure(readings, threshold, Recipe().seed).items():
        click.echo(f"{name:20} {figure.value:.3f}  ({figure.low:.3f} to {figure.high:.3f})")
    if output is not None:
        from models.training.pictures import draw_calibration, draw_confusion  # noqa: PLC0415

        output.mkdir(parents=True, exist_ok=True)
        draw_confusion(readings, output / "confusion.png")
        draw_calibration(readings, output / "calibration.png")
        click.echo(f"drawn: {output / 'confusion.png'}, {output / 'calibration.png'}")


@model.command()
@texts_option
@shared_option
@click.option("--output", type=click.Path(path_type=Path), help="Also write the table here.")
def compare(texts: Path | None, shared: Path, output: Path | None) -> None:
    """Train ours, spaCy's and the baselines on the same texts; print their figures as a table."""
    from console.training import gather  # noqa: PLC0415
    from models.training.compare import as_markdown  # noqa: PLC0415
    from models.training.compare import compare as compare_models  # noqa: PLC0415
    from models.training.pipeline import Recipe  # noqa: PLC0415

    table = as_markdown(compare_models(gather(texts, shared), Recipe()))
    click.echo(table, nl=False)
    if output is not None:
        output.write_text(table, encoding="utf-8")


@model.command("list")
@config_option
def list_versions(config: Path | None) -> None:
    """List every version, oldest first; * is in use, + runs beside it as the shadow."""
    for version, manifest, live, shadow in _registry(config).versions():
        f1 = manifest.metrics.get("type_macro_f1")
        measured = "not measured" if f1 is None else f"type macro-F1 {f1.value:.3f}"
        mark = "*" if live else "+" if shadow else " "
        click.echo(
            f"{mark} {version}  {manifest.kind.value}  {manifest.created:%Y-%m-%d}  {measured}"
        )


@model.command()
@click.argument("version", required=False)
@config_option
def show(version: str | None, config: Path | None) -> None:
    """Show a version's manifest (default: the one in use)."""
    registry = _registry(config)
    _print(registry.manifest(version or registry.live()))


@model.command()
@click.argument("version")
@config_option
@texts_option
@shared_option
def promote(version: str, config: Path | None, texts: Path | None, shared: Path) -> None:
    """Put a version in use, if no figure is worse than what is in use by more than its interval."""
    from models.registry import same_test  # noqa: PLC0415

    registry = _registry(config)
    measure = None
    if not same_test(registry.manifest(version), registry.manifest(registry.live())):
        from console.training import gather, measuring  # noqa: PLC0415
        from models.training.pipeline import Recipe  # noqa: PLC0415

        click.echo("measured on different tests: measuring both on the present one", err=True)
        measure = measuring(gather(texts, shared), Recipe())
    registry.promote(version, measure)
    click.echo(f"{version} is in use")


@model.command()
@config_option
def rollback(config: Path | None) -> None:
    """Put back in use what was before."""
    click.echo(f"{_registry(config).rollback()} is in use")


@model.command()
@click.argument("version", required=False)
@config_option
@click.option("--off", is_flag=True, help="Run none.")
def shadow(version: str | None, config: Path | None, *, off: bool) -> None:
    """Have a version run beside the one in use, without trading."""
    if off == (version is not None):
        raise click.UsageError("name a version, or say --off")
    _registry(config).shadow(version)
    click.echo("no shadow" if off else f"{version} runs as the shadow")


def _registry(config: Path | None) -> "Registry":
    from console.settings import load_settings  # noqa: PLC0415 - --help stays quick
    from models.registry import Registry  # noqa: PLC0415

    return Registry(load_settings(config).runtime.data_dir / "models")


def _print(manifest: "Manifest") -> None:
    import msgspec  # noqa: PLC0415

    raw = msgspec.json.encode(manifest, order="sorted")
    click.echo(msgspec.json.format(raw, indent=2).decode())
