"""Reads a venue's own list of symbols and tells which of its coins we don't know yet."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from core.contracts.errors import ConfigurationError
from signals.assets.known import Universe

_TICKER: Final = re.compile(r"(?=.*[A-Z])[A-Z0-9]{2,10}")
_MULTIPLIED: Final = re.compile(r"1(?:0{2,}|0*[KM])[A-Z]+")
_LEVERAGED: Final = re.compile(r"([A-Z0-9]{2,}?)(?:UP|DOWN|BULL|BEAR|HALF|HEDGE|[2-5][LS])")
_BASE_KEYS: Final = ("baseAsset", "baseCurrency", "base_currency", "baseCoin", "base", "baseCcy")
_HEADER: Final = "code\tname\tsources\tflags\n"


class NewCoin(NamedTuple):
    """A coin that a venue lists and no table has: its code, and its name where the venue says."""

    code: str
    name: str = ""


def bases_in(document: object) -> frozenset[str]:
    """Give the base codes of a venue's answer about its symbols, in upper case.

    Reads the shapes of Binance (`exchangeInfo`: `symbols[].baseAsset`), HitBTC (a list with
    `baseCurrency`, or an object by symbol with `base_currency`), Kraken (`AssetPairs`:
    `result{}.wsname`, whose first half is the base), Coinbase, OKX, Bybit and Bitget (lists
    under `data`, `result.list` or at the top with one of `_BASE_KEYS`).

    Raises:
        ConfigurationError: no symbol is found in it; it is some other document.
    """
    bases = {base.upper() for row in _rows(document) if (base := _base(row))}
    if not bases:
        raise ConfigurationError(
            "the document names no pair: give a venue's own answer about its symbols"
        )
    return frozenset(bases)


def new_coins(universe: Universe, document: object) -> tuple[NewCoin, ...]:
    """Give the coins of a venue's list that `universe` lacks, sorted by code.

    Left out is what is no coin of its own: money, numbers, multiplied and leveraged codes.

    Raises:
        ConfigurationError: as `bases_in`.
    """
    bases = bases_in(document)
    return tuple(
        NewCoin(base)
        for base in sorted(bases)
        if base not in universe.codes
        and base not in universe.not_codes
        and _TICKER.fullmatch(base)
        and not _MULTIPLIED.fullmatch(base)
        and not _is_leveraged(base, bases, universe.codes)
    )


def add_to_table(path: Path, coins: Iterable[NewCoin], source: str) -> int:
    """Add coins to a user's own table, made where it is missing; give how many were new in it.

    The table is sorted and replaced as a whole, so that a reader sees the old or the new one.
    A row that is there is kept as its user wrote it. Blocks for the disk.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else _HEADER
    rows = {line.split("\t", 1)[0]: line for line in text.splitlines()[1:] if line.strip()}
    added = 0
    for code, name in coins:
        if code not in rows:
            rows[code] = f"{code}\t{name}\t{source}\t{'t' if ' ' in name else 'w' if name else ''}"
            added += 1
    if added:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(
            _HEADER + "".join(f"{rows[code]}\n" for code in sorted(rows)), encoding="utf-8"
        )
        fresh.replace(path)
    return added


def _rows(document: object) -> Sequence[Mapping[str, object]]:
    if isinstance(document, Mapping):
        for key in ("symbols", "result", "data", "list"):
            inner = document.get(key)
            if isinstance(inner, Mapping | Sequence) and not isinstance(inner, str):
                return _rows(inner)
        document = list(document.values())
    if not isinstance(document, Sequence) or isinstance(document, str):
        return ()
    return [row for row in document if isinstance(row, Mapping)]


def _base(row: Mapping[str, object]) -> str:
    spelled = row.get("wsname")
    if isinstance(spelled, str) and "/" in spelled:
        return spelled.partition("/")[0]
    for key in _BASE_KEYS:
        if isinstance(base := row.get(key), str):
            return base
    return ""


def _is_leveraged(code: str, bases: frozenset[str], known: Mapping[str, object]) -> bool:
    found = _LEVERAGED.fullmatch(code)
    return found is not None and (found[1] in bases or found[1] in known)
