"""HitBTC's vocabulary, each word with what it means to us: errors, statuses, assets, channels."""

from collections.abc import Mapping
from typing import Final

from core.contracts.orders import Report

VENUE: Final = "hitbtc"
DEPTH_CHANNEL: Final = "orderbook/D10/100ms"

NOT_FOUND: Final = 20002

OUTCOMES: Final[Mapping[int, Report]] = {
    # the order does not exist there
    **dict.fromkeys((429, 600, 800, 1001, 1002, 1003, 1004, 1005), Report.REJECTED),
    **dict.fromkeys((2001, 2002, 2010, 2011, 2012, 2020, 2022, 10001), Report.REJECTED),
    **dict.fromkeys((20001, 20010), Report.REJECTED),
    **dict.fromkeys((20003, 20012, 20045, 20047, 20048, 20049), Report.REJECTED),
    # the venue's own trouble: it may exist
    **dict.fromkeys((500, 503, 504, 22008), Report.FAILED),
    NOT_FOUND: Report.FAILED,  # says nothing about an order being placed
    20008: Report.FAILED,  # an order of this id exists already: ask what became of it
    20009: Report.FAILED,
}
"""What an error code, answering a new order, says of that order; any other code settles nothing."""

WRONG_CREDENTIALS: Final = frozenset({600, 800, 1001, 1002, 1003, 1004, 1005})
TRY_LATER: Final = frozenset({429, 500, 503, 504, 20010, 22008})

STATUSES: Final[Mapping[str, Report]] = {
    "new": Report.ACKNOWLEDGED,
    "suspended": Report.ACKNOWLEDGED,
    "partiallyFilled": Report.PARTIALLY_FILLED,
    "filled": Report.FILLED,
    "canceled": Report.CANCELLED,
    "expired": Report.EXPIRED,
    "rejected": Report.REJECTED,
}

TOLD_BY_STATUS: Final = frozenset({"status", "new", "suspended", "replaced", "trade"})
"""The kinds of report whose meaning is the order's status."""
TOLD_BY_KIND: Final = frozenset({"canceled", "expired", "rejected"})
"""The kinds of report that say it themselves."""

ASSETS: Final[Mapping[str, str]] = {
    "IOT": "IOTA",
    "MIOTA": "IOTA",
    "XMT": "MTL",
    "HSR": "HC",
    "STEPN": "GMT",
    "XPNT": "PNT",
    # codes that mean another coin here than everywhere else: never to be taken for that one
    "AUTO": "CUBE",
    "BDP": "BIDIPASS",
    "BET": "DAOCASINO",
    "BIT": "BITREWARDS",
    "BOX": "BOXTOKEN",
    "CPT": "CRYPTAUR",
    "GET": "THEMIS",
    "GMT": "GMTTOKEN",
    "IQ": "IQCASH",
    "LNC": "LINKERCOIN",
    "PLA": "PLAYCHIP",
    "PNT": "PENTA",
    "SBTC": "SUPERBITCOIN",
    "STX": "STOX",
    "TV": "TOKENVILLE",
}
"""HitBTC's code to the canonical one, where they differ."""


def canonical(code: str) -> str:
    """Give the canonical code of what HitBTC calls `code`."""
    return ASSETS.get(code, code)
