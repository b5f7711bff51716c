"""`tidings assets`: the coins that texts are searched for; adding some; learning to tell them."""

from pathlib import Path

import click

from console.options import config_option

SHARED = Path("../shared/data/text")


@click.group()
def assets() -> None:
    """Show coins, add what an exchange lists, and learn to tell coins from other words."""


@assets.command("show")
@click.argument("codes", nargs=-1, required=True)
@config_option
def show(codes: tuple[str, ...], config: Path | None) -> None:
    """Say what each of CODES is taken for, and by which names it is found."""
    from console.settings import load_settings  # noqa: PLC0415 - --help stays quick
    from signals.assets.universe import load_universe, names_of  # noqa: PLC0415

    universe = load_universe(load_settings(config).signals.assets)
    names = names_of(universe)
    for code in codes:
        meant = universe.codes.get(code.upper(), ())
        if not meant:
            click.echo(f"{code}: not known")
        for one in meant:
            click.echo(f"{code}: {one} {names.get(one, '(no name of its own)')}")


@assets.command("add")
@click.argument("listing", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--source", required=True, help="Whose list it is: stands in the table's rows.")
@click.option(
    "--table",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Your table, made where missing; name it in signals.assets.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what is new.")
@config_option
def add(listing: Path, source: str, table: Path, config: Path | None, *, dry_run: bool) -> None:
    """Add the coins of LISTING that are not known, an exchange's answer about its symbols.

    The JSON of Binance (exchangeInfo), HitBTC (symbols), Kraken (AssetPairs), Coinbase, OKX,
    Bybit and Bitget is understood.
    """
    import msgspec  # noqa: PLC0415

    from console.settings import load_settings  # noqa: PLC0415
    from signals.assets.listing import add_to_table, new_coins  # noqa: PLC0415
    from signals.assets.universe import load_universe  # noqa: PLC0415

    try:
        document = msgspec.json.decode(listing.read_bytes())
    except msgspec.DecodeError as error:
        raise click.UsageError(f"{listing} is no JSON: {error}") from error
    tables = load_settings(config).signals.assets
    known = (*tables, *((table,) if table.exists() and table not in tables else ()))
    coins = new_coins(load_universe(known), document)
    for code, name in coins:
        click.echo(f"{code}\t{name}")
    added = 0 if dry_run else add_to_table(table, coins, source)
    click.echo(f"{len(coins)} new, {added} added", err=True)


@assets.command("learn")
@click.option(
    "--texts",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of training texts (*.jsonl). Default: the bundled ones.",
)
@click.option(
    "--shared",
    type=click.Path(path_type=Path, file_okay=False),
    default=SHARED,
    show_default=True,
    help="Folder of further data sets; what is not there is left out.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the weights go. Default: over the bundled ones.",
)
def learn_senses(texts: Path | None, shared: Path, into: Path | None) -> None:
    """Learn from the older texts which words are coins, and which coins a text is about.

    It tells how often that is right on the latest texts. Models read what it marks: train them
    again afterwards.
    """
    from console.training import parted_texts  # noqa: PLC0415 - --help stays quick
    from signals.assets.resolve import Resolver  # noqa: PLC0415
    from signals.assets.senses import BUNDLED, read_senses, write_senses  # noqa: PLC0415
    from signals.assets.universe import bundled_universe  # noqa: PLC0415
    from signals.sense_training import examples, learn, subjects_f1  # noqa: PLC0415

    parted = parted_texts(texts, shared)
    universe = bundled_universe()
    known = list(examples(universe, parted.train))
    target = into or BUNDLED
    write_senses(target, learn(known))
    resolver = Resolver(universe, read_senses(target))
    click.echo(f"{len(known)} candidates in {len(parted.train)} texts: {target}", err=True)
    click.echo(f"F1 of subjects on the latest texts: {subjects_f1(resolver, parted.test):.3f}")
