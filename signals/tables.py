"""Builds what texts are read with (coins, rules, model) from files, and tells when they changed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from core.contracts.errors import ConfigurationError
from models.drift import Drift, Watched
from models.registry import Registry
from signals.assets.resolve import Resolver
from signals.assets.universe import bundled_universe, load_universe
from signals.reader import Reader
from signals.rules.engine import RuleBook, bundled_rules, load_rules

NO_MODEL: Final = "none"

Stamp = tuple[tuple[int, int] | None, ...]


class Tables(NamedTuple):
    """One state of all tables.

    Attributes:
        reader: reads with them.
        version: of the model in `reader`.
        drift: how its predictions differ from those it was made for.
        shadow: reads with the same coins and rules and another model; None where none is on trial.
        shadow_version: of that model.
    """

    reader: Reader
    version: str
    drift: Drift
    shadow: Reader | None = None
    shadow_version: str | None = None


class TableFiles:
    """The files behind the tables: a registry of models, users' coins and users' rules.

    Its methods read files and may take a second: call them off the event loop, one at a time.
    """

    def __init__(
        self, registry: Registry | None, assets: Sequence[Path] = (), rules: Sequence[Path] = ()
    ) -> None:
        """Take the users' files, in the order in which they go over one another.

        Without a registry there is no model: enough to tell what a text is about.
        """
        self._registry = registry
        self._assets, self._rules = tuple(assets), tuple(rules)
        self._seen: Stamp | None = None
        self._read: tuple[Resolver, RuleBook] | None = None

    def changed(self) -> bool:
        """Whether a file or the choice of the model was changed since `load` was last called."""
        if self._registry is not None and self._registry.changed():
            return True
        return self._seen != self._stamp()

    def load(self) -> Tables:
        """Read what is there now; coins and rules that have not changed are not read again.

        Raises:
            ConfigurationError: a file is malformed, or a model was tampered with or can't be
                opened; the message names it.
        """
        live = shadow = None
        if self._registry is not None:
            live, shadow = self._registry.load_live(), self._registry.load_shadow()
        resolver, rules = self._coins_and_rules()
        if live is None:
            return Tables(Reader(resolver, rules), NO_MODEL, Drift({}))
        drift = Drift(live.manifest.reference)
        reader = Reader(resolver, rules, Watched(live.model, drift), live.manifest.threshold)
        if shadow is None:
            return Tables(reader, live.version, drift)
        rival = Reader(resolver, rules, shadow.model)
        return Tables(reader, live.version, drift, rival, shadow.version)

    def _coins_and_rules(self) -> tuple[Resolver, RuleBook]:
        stamp = self._stamp()
        if self._read is None or self._seen != stamp:
            self._seen = stamp  # also where they are refused: they are not read every second
            self._read = None
            self._read = self._read_tables()
        return self._read

    def _read_tables(self) -> tuple[Resolver, RuleBook]:
        try:
            universe = load_universe(self._assets) if self._assets else bundled_universe()
        except OSError as error:
            raise ConfigurationError(f"can't read a table of coins: {error}") from error
        resolver = Resolver(universe)
        if self._assets or self._rules:
            return resolver, load_rules(self._rules, resolver)
        return resolver, bundled_rules()

    def _stamp(self) -> Stamp:
        return tuple(_stamp_of(path) for path in (*self._assets, *self._rules))


def _stamp_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None  # reading it says what is wrong
    return found.st_ino, found.st_mtime_ns
