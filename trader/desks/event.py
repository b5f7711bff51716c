"""The event desk: a signal becomes an entry, a position becomes its exit. Pure decisions."""

from decimal import Decimal
from typing import Final

from core.contracts.identity import client_order_id
from core.contracts.money import Amount, ceil_to_step, floor_to_step
from core.contracts.orders import ExitPlan, Intent, Refused, RefuseReason, Side
from core.contracts.signal import Direction, Signal
from trader.risk.portfolio import Portfolio, Position
from trader.settings import ExitSettings, SizingSettings
from trader.sizing import BPS, limit_price, size
from trader.venues.port import Depth, Instrument

DESK: Final = "event"
ENTRY: Final = "entry"
MS: Final = 1_000_000
EXIT_TTL_MS: Final = 5_000


def enter(
    signal: Signal,
    *,
    venue: str,
    instrument: Instrument | None,
    depth: Depth | None,
    portfolio: Portfolio,
    settings: SizingSettings,
    now_ns: int,
) -> Intent | Refused:
    """Make the entry of a signal: a limit IOC at the touch plus the slippage cap, or say why not.

    A sell is made from what the account holds: a spot account can't sell short.
    """
    if instrument is None:
        return _refused(signal, RefuseReason.NO_SYMBOL, f"{venue} has no {signal.asset}", now_ns)
    if depth is None:
        return _refused(signal, RefuseReason.NO_BOOK, f"no book of {instrument.symbol}", now_ns)
    side = Side.BUY if signal.direction is Direction.BUY else Side.SELL
    paid_with = instrument.quote_asset if side is Side.BUY else instrument.asset
    sized = size(
        side,
        signal.confidence,
        instrument=instrument,
        depth=depth,
        free=portfolio.free(venue, paid_with),
        settings=settings,
        share=signal.share,
    )
    first, second = sized
    if isinstance(first, RefuseReason):
        return _refused(signal, first, str(second), now_ns)
    return Intent(
        client_order_id=client_order_id(signal.id, venue, ENTRY),
        signal_id=signal.id,
        desk=DESK,
        leg=ENTRY,
        venue=venue,
        symbol=instrument.symbol,
        asset=instrument.asset,
        quote_asset=instrument.quote_asset,
        side=side,
        quantity=first,
        limit_price=Amount(second),
        created_ns=now_ns,
        expires_ns=signal.expires_ns,
    )


def _refused(signal: Signal, reason: RefuseReason, detail: str, now_ns: int) -> Refused:
    return Refused(
        signal_id=signal.id,
        reason=reason,
        asset=signal.asset,
        detail=detail,
        refused_ns=now_ns,
    )


def plan_exit(
    position: Position, instrument: Instrument, settings: ExitSettings, now_ns: int
) -> ExitPlan:
    """Fix how a position is to be closed, from the entry's average price.

    Prices are put on the tick so that neither is reached earlier than set.
    """
    entry = position.intent
    price = position.cost / position.opened
    up, down = settings.take_profit_bps / BPS, settings.stop_bps / BPS
    if entry.side is Side.BUY:
        side = Side.SELL
        take_profit = ceil_to_step(price * (1 + up), instrument.tick_size)
        stop = floor_to_step(price * (1 - down), instrument.tick_size)
    else:
        side = Side.BUY
        take_profit = floor_to_step(price * (1 - up), instrument.tick_size)
        stop = ceil_to_step(price * (1 + down), instrument.tick_size)
    return ExitPlan(
        signal_id=entry.signal_id,
        entry_client_order_id=entry.client_order_id,
        venue=entry.venue,
        symbol=entry.symbol,
        asset=entry.asset,
        quote_asset=entry.quote_asset,
        side=side,
        entry_price=Amount(price.quantize(instrument.tick_size)),
        take_profit=Amount(take_profit),
        stop=Amount(stop),
        close_at_ns=now_ns + settings.time_limit_ms * MS,
    )


def exit_reason(plan: ExitPlan, depth: Depth | None, now_ns: int) -> str | None:
    """Say which part of the plan has come true: `take_profit`, `stop`, `time_limit` or none."""
    if depth is not None and plan.side is Side.SELL and depth.bids:
        bid = depth.bids[0][0]
        if bid >= plan.take_profit:
            return "take_profit"
        if bid <= plan.stop:
            return "stop"
    if depth is not None and plan.side is Side.BUY and depth.asks:
        ask = depth.asks[0][0]
        if ask <= plan.take_profit:
            return "take_profit"
        if ask >= plan.stop:
            return "stop"
    return "time_limit" if now_ns >= plan.close_at_ns else None


def leave(
    position: Position,
    plan: ExitPlan,
    *,
    instrument: Instrument,
    depth: Depth,
    free: Decimal,
    settings: ExitSettings,
    now_ns: int,
) -> Intent | None:
    """Make the next exit order of a position; None when what is left is below the smallest order.

    A sell is capped by the free base asset, so that it is not refused for the dust that a fee
    paid in the base asset took.
    """
    quantity = position.open_quantity
    if plan.side is Side.SELL:
        quantity = min(quantity, free)
    quantity = floor_to_step(quantity, instrument.lot_size)
    levels = depth.bids if plan.side is Side.SELL else depth.asks
    if quantity < instrument.min_quantity or quantity <= 0 or not levels:
        return None
    leg = f"exit-{position.exits + 1}"
    return Intent(
        client_order_id=client_order_id(plan.signal_id, plan.venue, leg),
        signal_id=plan.signal_id,
        desk=DESK,
        leg=leg,
        venue=plan.venue,
        symbol=plan.symbol,
        asset=plan.asset,
        quote_asset=plan.quote_asset,
        side=plan.side,
        quantity=Amount(quantity),
        limit_price=Amount(limit_price(plan.side, depth, instrument, settings.slippage_bps)),
        reduces=True,
        created_ns=now_ns,
        expires_ns=now_ns + EXIT_TTL_MS * MS,
    )
