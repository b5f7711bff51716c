"""The risk check: an intent becomes an approved one, or is refused with the reason. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from core.contracts.gate import GateState
from core.contracts.orders import Approved, Intent, Refused, RefuseReason, Side
from trader.risk.closures import Closure
from trader.risk.portfolio import Portfolio
from trader.settings import LimitSettings
from trader.sizing import BPS
from trader.venues.port import Depth

MS = 1_000_000


def check(
    intent: Intent,
    portfolio: Portfolio,
    limits: LimitSettings,
    *,
    gate: GateState,
    depth: Depth | None,
    unresolved: bool,
    now_ns: int,
    closures: Sequence[Closure] = (),
) -> Approved | Refused:
    """Let an intent through, or say which limit it breaks; the first that objects ends it.

    Args:
        intent: what a desk wants.
        portfolio: balances, exposure and counters as they are now.
        limits: quote units, basis points and ages.
        gate: REDUCING lets only `intent.reduces` through, HALTED nothing.
        depth: the book the price was made from.
        unresolved: an order of this symbol has an unknown fate.
        now_ns: UTC ns.
        closures: what the venue's own notices keep back.
    """
    refusal = (
        _gate(intent, gate)
        or (_maintenance(intent, closures, now_ns) if closures else None)
        or _age(intent, portfolio, limits, depth, now_ns)
        or _price(intent, limits, depth)
        or _funds(intent, portfolio)
        or (None if intent.reduces else _exposure(intent, portfolio, limits, unresolved, now_ns))
    )
    if refusal is None:
        return Approved(intent=intent, approved_ns=now_ns)
    reason, detail = refusal
    return Refused(
        signal_id=intent.signal_id,
        reason=reason,
        client_order_id=intent.client_order_id,
        asset=intent.asset,
        detail=detail,
        refused_ns=now_ns,
    )


_Refusal = tuple[RefuseReason, str] | None


def _gate(intent: Intent, gate: GateState) -> _Refusal:
    if gate is GateState.ACTIVE or (gate is GateState.REDUCING and intent.reduces):
        return None
    if gate is GateState.HALTED:
        return RefuseReason.GATE_HALTED, "the gate is halted"
    return RefuseReason.GATE_REDUCING, "only orders that reduce exposure"


def _maintenance(intent: Intent, closures: Sequence[Closure], now_ns: int) -> _Refusal:
    for closure in closures:
        if closure.refuses(intent, now_ns):
            return RefuseReason.VENUE_MAINTENANCE, f"{intent.venue}: {closure.describe()}"
    return None


def _age(
    intent: Intent, portfolio: Portfolio, limits: LimitSettings, depth: Depth | None, now_ns: int
) -> _Refusal:
    if now_ns >= intent.expires_ns:
        return RefuseReason.EXPIRED, f"{(now_ns - intent.expires_ns) // MS} ms ago"
    if depth is None:
        return RefuseReason.NO_BOOK, f"no book of {intent.symbol} yet"
    if now_ns - depth.received_ns > limits.max_book_age_ms * MS:
        return RefuseReason.STALE_BOOK, f"{(now_ns - depth.received_ns) // MS} ms old"
    balance_ns = portfolio.balances_ns.get(intent.venue)
    if balance_ns is None or now_ns - balance_ns > limits.max_balance_age_ms * MS:
        return RefuseReason.STALE_BALANCE, f"balances of {intent.venue} are too old to trust"
    return None


def _price(intent: Intent, limits: LimitSettings, depth: Depth | None) -> _Refusal:
    levels = depth and (depth.asks if intent.side is Side.BUY else depth.bids)
    if not levels:
        return RefuseReason.NO_BOOK, f"{intent.symbol} has nothing to trade against"
    touch = levels[0][0]
    if abs(intent.limit_price - touch) * BPS > limits.price_band_bps * touch:
        return RefuseReason.PRICE_BAND, f"{intent.limit_price} against a touch of {touch}"
    return None


def _funds(intent: Intent, portfolio: Portfolio) -> _Refusal:
    if intent.side is Side.BUY:
        needed, currency = intent.quantity * intent.limit_price, intent.quote_asset
    else:
        needed, currency = Decimal(intent.quantity), intent.asset
    free = portfolio.free(intent.venue, currency)
    if needed > free:
        return RefuseReason.NO_BALANCE, f"needs {needed:f} {currency}, free are {free:f}"
    return None


def _exposure(
    intent: Intent, portfolio: Portfolio, limits: LimitSettings, unresolved: bool, now_ns: int
) -> _Refusal:
    notional = intent.quantity * intent.limit_price
    if unresolved:
        return RefuseReason.UNRESOLVED_ORDER, f"an order of {intent.symbol} has an unknown fate"
    if notional > limits.max_order_notional:
        return RefuseReason.MAX_ORDER, f"{notional:f} {intent.quote_asset}"
    if portfolio.of_asset(intent.asset) + notional > limits.max_position_notional:
        return RefuseReason.MAX_POSITION, f"{intent.asset} would weigh more than the limit"
    if portfolio.exposure + notional > limits.max_exposure_notional:
        return RefuseReason.MAX_EXPOSURE, f"{portfolio.exposure + notional:f} in all"
    if portfolio.realised_today(now_ns) < -limits.max_daily_loss:
        return RefuseReason.MAX_DAILY_LOSS, f"{portfolio.realised_today(now_ns):f} today"
    if portfolio.orders_last_minute(now_ns) >= limits.max_orders_per_minute:
        return RefuseReason.MAX_ORDER_RATE, f"{limits.max_orders_per_minute} a minute"
    return None
