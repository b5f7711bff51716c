"""How much to trade and at what limit: from the signal, the balance and the book's depth. Pure."""

from decimal import Decimal
from typing import Final

from core.contracts.money import Amount, ceil_to_step, floor_to_step
from core.contracts.orders import RefuseReason, Side
from trader.settings import SizingSettings
from trader.venues.port import Depth, Instrument

BPS: Final = Decimal(10_000)
ZERO: Final = Decimal(0)


def limit_price(side: Side, depth: Depth, instrument: Instrument, slippage_bps: Decimal) -> Decimal:
    """Give the touch plus the slippage cap, on the tick and never beyond the cap.

    Args:
        side: ours.
        depth: the book, with at least one level on the other side.
        instrument: for its tick size.
        slippage_bps: how far beyond the touch, in basis points.

    Returns:
        Quote per base unit. Where the cap is finer than a tick, the touch itself.
    """
    if side is Side.BUY:
        touch = depth.asks[0][0]
        capped = floor_to_step(touch * (1 + slippage_bps / BPS), instrument.tick_size)
        return max(capped, touch)
    touch = depth.bids[0][0]
    capped = ceil_to_step(touch * (1 - slippage_bps / BPS), instrument.tick_size)
    return min(capped, touch)


def within(side: Side, depth: Depth, limit: Decimal) -> Decimal:
    """Sum the book's quantity that an order with this limit could take, in base units."""
    total = ZERO
    if side is Side.BUY:
        for price, quantity in depth.asks:
            if price > limit:
                break
            total += quantity
        return total
    for price, quantity in depth.bids:
        if price < limit:
            break
        total += quantity
    return total


def size(
    side: Side,
    confidence: float,
    *,
    instrument: Instrument,
    depth: Depth,
    free: Decimal,
    settings: SizingSettings,
    share: float = 1.0,
) -> tuple[Amount, Amount] | tuple[RefuseReason, str]:
    """Size an entry; the smallest of all limits wins.

    Args:
        side: ours.
        confidence: in (0, 1]; scales the share of the balance.
        instrument: for steps, smallest quantity and fees.
        depth: the book, not older than the risk limit allows.
        free: what is available (not reserved) of the quote asset for a buy, of the base asset
            for a sell.
        settings: the caps.
        share: the part of the full size that is wanted, in (0, 1].

    Returns:
        (quantity in base units, limit price), both on their steps; or why not.
    """
    if not depth.asks or not depth.bids:
        return RefuseReason.NO_BOOK, f"{depth.symbol} has an empty side"
    limit = limit_price(side, depth, instrument, settings.slippage_bps)
    part = Decimal(repr(share))
    fraction = settings.balance_fraction * Decimal(repr(confidence))
    if side is Side.BUY:
        # the fee is charged on top of the notional: keep it affordable
        affordable = free / (1 + max(instrument.taker_fee, ZERO))
        notional = min(affordable * fraction, settings.max_notional) * part
        wanted = notional / limit
    else:
        wanted = min(free, settings.max_notional / limit) * part
    if wanted <= 0:
        asset = instrument.quote_asset if side is Side.BUY else instrument.asset
        return RefuseReason.NO_BALANCE, f"no free {asset}"
    available = within(side, depth, limit) * settings.depth_share
    quantity = floor_to_step(min(wanted, available), instrument.lot_size)
    if quantity < instrument.min_quantity or quantity * limit < settings.min_notional:
        reason = RefuseReason.THIN_BOOK if available < wanted else RefuseReason.TOO_SMALL
        return reason, f"{quantity:f} {instrument.asset} at {limit:f} {instrument.quote_asset}"
    return Amount(quantity), Amount(limit)
