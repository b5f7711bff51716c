"""The hands of tests and demonstrations on the simulated exchange: state, faults, books, steps."""

from collections.abc import Callable
from typing import Final

import msgspec
from aiohttp import web

from core.contracts.errors import Rejected
from trader.simulator.faults import parse_fault
from trader.simulator.orders import plain_decimal
from trader.simulator.rest import json_response
from trader.simulator.venue import SimulatedVenue
from trader.simulator.wire import (
    plain,
    wire_balances,
    wire_levels,
    wire_status,
    wire_trade,
)

PREFIX: Final = "/control"
_MAX_STEPS: Final = 100_000


class _BookRequest(msgspec.Struct, forbid_unknown_fields=True):
    symbol: str
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    venue_ns: int | None = None


class _StepRequest(msgspec.Struct, forbid_unknown_fields=True):
    steps: int = 1


class Control:
    """Answers `/control/...`; a request that can't be done is answered 400 with the reason.

    Args:
        venue: the exchange.
        step: shows the next books of the source; False when it has no more.
    """

    def __init__(self, venue: SimulatedVenue, step: Callable[[], bool]) -> None:
        self._venue = venue
        self._step = step

    def routes(self) -> list[web.RouteDef]:
        """List what is served."""
        return [
            web.get(f"{PREFIX}/state", self.state),
            web.post(f"{PREFIX}/faults", self.arm),
            web.post(f"{PREFIX}/reset-faults", self.reset_faults),
            web.post(f"{PREFIX}/book", self.book),
            web.post(f"{PREFIX}/step", self.step),
        ]

    async def state(self, request: web.Request) -> web.Response:
        """Give everything the exchange knows.

        `orders` (each with `received_ns`, the times its frame came in), `unplaced` (received times
        of client order ids that are no order), `trades`, `balances`, `fees_paid`, `books`, `faults`
        that still hold, and `counts`. With `?only=counts` the counts alone.
        """
        exchange, receipts = self._venue.exchange, self._venue.receipts
        counts = {
            "order_frames": receipts.frames,
            "duplicate_client_order_ids": receipts.duplicates,
            "orders": len(exchange.orders),
            "active_orders": len(exchange.active),
            "trades": len(exchange.trades),
            "report_listeners": len(self._venue.report_listeners),
            "faults_fired": dict(self._venue.faults.fired),
        }
        if request.query.get("only") == "counts":
            return json_response({"counts": counts})
        return json_response(
            {
                "counts": counts,
                "orders": [
                    {
                        **msgspec.to_builtins(wire_status(order)),
                        "received": len(receipts.received_ns.get(name, ())),
                        "received_ns": receipts.received_ns.get(name, []),
                    }
                    for name, order in exchange.orders.items()
                ],
                "unplaced": {
                    name: times
                    for name, times in receipts.received_ns.items()
                    if name not in exchange.orders
                },
                "trades": [
                    wire_trade(order, trade, exchange.instruments[order.asked.symbol])
                    for order, trade in exchange.trades
                ],
                "balances": wire_balances(exchange.ledger, exchange.ledger.available),
                "fees_paid": {
                    currency: plain(fee) for currency, fee in exchange.ledger.fees_paid.items()
                },
                "books": {
                    symbol: {
                        "bids": wire_levels(book.bids, len(book.bids)),
                        "asks": wire_levels(book.asks, len(book.asks)),
                        "venue_ns": book.venue_ns,
                        "sequence": book.sequence,
                    }
                    for symbol, book in exchange.books.items()
                },
                "faults": [
                    {"kind": fault.kind, "left": left} for fault, left in self._venue.faults.armed()
                ],
                "clock_skew_ms": self._venue.faults.skew_ns // 1_000_000,
            }
        )

    async def arm(self, request: web.Request) -> web.Response:
        """Take one instruction to do something wrong; see `faults.Fault` for its fields."""
        try:
            self._venue.faults.arm(parse_fault(await request.read()))
        except Rejected as refusal:
            return _refused(str(refusal))
        return json_response({"ok": True})

    async def reset_faults(self, _: web.Request) -> web.Response:
        """Forget all instructions, and send what was withheld."""
        self._venue.faults.reset()
        self._venue.release_all()
        return json_response({"ok": True})

    async def book(self, request: web.Request) -> web.Response:
        """Show a whole book: {"symbol":"BTCUSDT","bids":[["99","1"]],"asks":[["101","2"]]}."""
        try:
            asked = msgspec.json.decode(await request.read(), type=_BookRequest)
            bids = [(plain_decimal(p), plain_decimal(q)) for p, q in asked.bids]
            asks = [(plain_decimal(p), plain_decimal(q)) for p, q in asked.asks]
            self._venue.set_book(asked.symbol, bids, asks, asked.venue_ns)
        except (msgspec.DecodeError, ValueError, Rejected) as error:
            return _refused(str(error))
        return json_response({"ok": True})

    async def step(self, request: web.Request) -> web.Response:
        """Show the source's next books, once or {"steps":N} times; `done` when it has no more."""
        try:
            asked = msgspec.json.decode(await request.read() or b"{}", type=_StepRequest)
        except msgspec.DecodeError as error:
            return _refused(str(error))
        if not 1 <= asked.steps <= _MAX_STEPS:
            return _refused(f"steps must be between 1 and {_MAX_STEPS}")
        shown = 0
        while shown < asked.steps and self._step():
            shown += 1
        return json_response({"ok": True, "steps": shown, "done": shown < asked.steps})


def _refused(reason: str) -> web.Response:
    return json_response({"error": reason}, status=400)
