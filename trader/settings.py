"""The trader's settings: how much, how far, when out, and what counts as too old."""

from core.contracts.money import Amount
from core.runtime.settings import Millis, Money, Section


class SizingSettings(Section):
    """How large an entry is; the smallest of the limits wins."""

    balance_fraction: Money = Amount("0.05")
    """Share of the free balance that one full-confidence entry may use."""
    max_notional: Money = Amount("500")
    """Largest entry, in quote units."""
    min_notional: Money = Amount("10")
    """Smaller entries are not worth their fees, in quote units."""
    depth_share: Money = Amount("0.5")
    """Share of the book's quantity within the slippage cap that an entry may take."""
    slippage_bps: Money = Amount("30")
    """How far beyond the touch an entry's limit price may lie, in basis points."""


class LimitSettings(Section):
    """What the risk gate checks; amounts in quote units."""

    max_order_notional: Money = Amount("1000")
    max_position_notional: Money = Amount("2000")
    """Per asset, open and in flight."""
    max_exposure_notional: Money = Amount("10000")
    """All assets together, open and in flight."""
    max_daily_loss: Money = Amount("500")
    """Realised since midnight UTC; beyond it the gate goes to REDUCING."""
    max_orders_per_minute: int = 120
    price_band_bps: Money = Amount("300")
    """A limit price further from the touch than this is an error, not an order."""
    max_book_age_ms: Millis = 5_000
    max_balance_age_ms: Millis = 120_000
    max_unresolved_ms: Millis = 60_000
    """An order whose fate stays unknown for longer trips the gate to REDUCING."""


class ExitSettings(Section):
    """When a position is closed: whichever comes first."""

    take_profit_bps: Money = Amount("200")
    stop_bps: Money = Amount("100")
    time_limit_ms: Millis = 900_000
    slippage_bps: Money = Amount("100")
    """How far beyond the touch an exit's limit price may lie."""
    retry_ms: Millis = 250
    """Least time between two exit orders of one position."""


class ReconcileSettings(Section):
    """How an order's fate is asked for."""

    settle_ms: Millis = 1_500
    """An order that the venue doesn't know after this long never arrived."""
    checks: int = 3
    """How many times the venue must say so, over that time."""
    balance_refresh_ms: Millis = 30_000
    history_ms: Millis = 7 * 86_400_000
    """How far back the journal is read at the start."""


class TraderSettings(Section):
    """Everything the trader may be told."""

    quote_assets: tuple[str, ...] = ("USDT", "USD", "USDC")
    """Quote currencies, the preferred first."""
    assets: tuple[str, ...] = ()
    """Trade only these; empty means every asset the venue quotes in `quote_assets`."""
    max_symbols: int = 200
    """How many books to follow at most."""
    maintenance_lead_ms: Millis = 300_000
    """No entry so long before a maintenance begins that the venue has announced."""
    maintenance_grace_ms: Millis = 300_000
    """Nor so long after its announced end, while the venue does not say that it is over."""
    ignored_notices: tuple[str, ...] = ()
    """Ids of notices not to be heeded: for a page that never says that an incident is over."""
    sizing: SizingSettings = SizingSettings()
    limits: LimitSettings = LimitSettings()
    exits: ExitSettings = ExitSettings()
    reconcile: ReconcileSettings = ReconcileSettings()
