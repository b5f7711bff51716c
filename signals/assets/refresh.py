"""Takes changed tables of coins into use while texts are being read."""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from signals.assets.known import Universe
from signals.assets.resolve import Resolver
from signals.assets.universe import load_universe

_TURN_S: Final = 0.000_05
"""How long the building thread may keep the interpreter when the loop's thread wants it."""


def user_tables(data_dir: Path) -> tuple[Path, ...]:
    """Give the user's own tables of coins, sorted: `assets/*.tsv` in the data directory."""
    return tuple(sorted((data_dir / "assets").glob("*.tsv")))


async def refresh(resolver: Resolver, tables: Iterable[Path]) -> Universe:
    """Build the universe anew in a thread and have the resolver read by it from then on.

    The loop goes on meanwhile: a text is read by the old universe or by the new one as a whole.
    The interpreter's switch interval is short while the thread builds, so that a post that comes
    in waits microseconds, not the usual five milliseconds.

    Raises:
        ConfigurationError: a table is malformed; the old universe stays in use.
        OSError: a table cannot be read; the same.
    """
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_S)
    try:
        universe = await asyncio.to_thread(load_universe, tuple(tables))
    finally:
        sys.setswitchinterval(usual)
    resolver.use(universe)
    return universe
