"""HitBTC's trading socket: login, orders out, their answers, reports and balances in."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from core.contracts.clock import Clock
from core.contracts.errors import DecodeError, Fatal, Retryable
from core.contracts.orders import Approved, Intent, OrderReport, Report
from trader.venues.hitbtc import wire
from trader.venues.hitbtc.codes import VENUE, WRONG_CREDENTIALS
from trader.venues.hitbtc.connection import Connection
from trader.venues.hitbtc.oddities import Oddities
from trader.venues.hitbtc.parse import (
    parse_ack,
    parse_balances,
    parse_cancel_ack,
    parse_fault,
    parse_frame,
    parse_orders,
    parse_report,
    present,
    to_report,
)
from trader.venues.hitbtc.settings import HitBtcSettings
from trader.venues.hitbtc.sign import Signer
from trader.venues.port import VenueListener

T = TypeVar("T")

_CHECK_S: Final = 0.05
_OVER: Final = frozenset({Report.FILLED, Report.CANCELLED, Report.EXPIRED, Report.REJECTED})

_json: Final = msgspec.json.encode


class Asked(msgspec.Struct, frozen=True, gc=False):
    """A request about one order that went out; `id` 0 where an earlier connection sent it."""

    id: int
    client_order_id: str
    symbol: str
    sent_ns: int
    cancels: bool = False


class TradingSocket:
    """One logged-in connection; made by `open`, of no use after its end."""

    def __init__(
        self,
        settings: HitBtcSettings,
        signer: Signer,
        clock: Clock,
        listener: VenueListener,
        fee_assets: Mapping[str, str],
        oddities: Oddities,
    ) -> None:
        self._settings = settings
        self._signer = signer
        self._now_ns = clock.now_ns
        self._clock = clock
        self._listener = listener
        self._fee_assets = fee_assets
        self._oddities = oddities
        self._loop = asyncio.get_running_loop()
        self._last_id = 0
        self._heads: dict[tuple[str, str, str], str] = {}
        self._awaited: dict[int, Asked] = {}  # oldest first
        self._late: dict[int, Asked] = {}  # told TIMED_OUT, or known from a notification
        self._orders: dict[str, Asked] = {}  # those not over, as far as told
        self._question: asyncio.Future[wire.Frame] | None = None
        self._snapshots: dict[str, asyncio.Future[None]] = {}
        self._check: asyncio.TimerHandle | None = None
        self._timeout_ns = settings.request_timeout_ms * 1_000_000

    async def open(self) -> Connection:
        """Connect, log in, subscribe, and hear all active orders and balances.

        Raises:
            Retryable: not reachable, or it broke off or fell silent on the way.
            Fatal: the venue refused the credentials.
        """
        timeout_ms = self._settings.connect_timeout_ms
        self._connection = await Connection.open(
            self._settings.trading_url, self._clock, self._on_text, timeout_ms
        )
        try:
            now_ms = self._now_ns() // 1_000_000
            await self._ask("login", self._signer.login_params(now_ms, self._settings.window_ms))
            self._snapshots = {
                name: self._loop.create_future() for name in ("spot_orders", "spot_balance")
            }
            await self._ask("spot_subscribe", {})
            await self._ask("spot_balance_subscribe", {"mode": "updates"})
            for name, snapshot in self._snapshots.items():
                await self._within(snapshot, f"{name} after subscribing")
        except BaseException:
            await self._connection.close()
            raise
        self._check = self._loop.call_later(_CHECK_S, self._check_answers)
        return self._connection

    def send(self, approved: Approved) -> int:
        """Write the order and return when its bytes left (UTC ns). See `Venue.send`."""
        intent = approved.intent
        request_id = self._last_id + 1
        head = self._heads.get((intent.symbol, intent.side, intent.time_in_force))
        if head is None:
            head = self._head(intent)
        client_order_id = intent.client_order_id
        self._connection.send(
            f'{head}{intent.quantity:f}","price":"{intent.limit_price:f}","client_order_id":'
            f'{_json(client_order_id).decode()}}},"id":{request_id}}}'
        )
        sent_ns = self._now_ns()
        self._last_id = request_id
        asked = Asked(request_id, client_order_id, intent.symbol, sent_ns)
        self._awaited[request_id] = self._orders[client_order_id] = asked
        return sent_ns

    def _head(self, intent: Intent) -> str:
        """Prepare everything of an order's message that is the same for all like it."""
        params = {
            "symbol": intent.symbol,
            "side": intent.side,
            "type": "limit",
            "time_in_force": intent.time_in_force,
            "quantity": "",
        }
        text = _json({"method": "spot_new_order", "params": params}).decode()
        head = self._heads[intent.symbol, intent.side, intent.time_in_force] = text[: -len('"}}')]
        return head

    def cancel(self, client_order_id: str) -> None:
        """Write the cancel request. See `Venue.cancel`."""
        order = self._orders.get(client_order_id)
        request_id = self._write("spot_cancel_order", {"client_order_id": client_order_id})
        self._awaited[request_id] = Asked(
            request_id, client_order_id, order.symbol if order else "", self._now_ns(), cancels=True
        )

    def end(self, reason: str) -> None:
        """Tell DISCONNECTED of each request that nothing has been heard of."""
        if self._check is not None:
            self._check.cancel()
        while self._awaited:
            self._tell_silence(self._awaited.popitem()[1], Report.DISCONNECTED, reason)

    def _write(self, method: str, params: Mapping[str, Any]) -> int:
        request_id = self._last_id + 1
        message = _json({"method": method, "params": params, "id": request_id})
        self._connection.send(message.decode())
        self._last_id = request_id
        return request_id

    async def _ask(self, method: str, params: Mapping[str, Any]) -> None:
        """Ask one of the questions of the beginning, whose answer is `true`."""
        self._question = self._loop.create_future()
        self._write(method, params)
        frame = await self._within(self._question, f"answer to {method}")
        self._question = None
        if present(frame.error):
            fault = parse_fault(frame.error)
            words = f"hitbtc refused {method}: {fault.code} {fault.text()}"
            if fault.code in WRONG_CREDENTIALS:
                raise Fatal(f"{words}; check the key, its secret, its rights and this clock")
            raise Retryable(words)
        if bytes(frame.result) != b"true":
            raise Retryable(f"hitbtc answered {method} with {bytes(frame.result)[:100]!r}")

    async def _within(self, future: asyncio.Future[T], what: str) -> T:
        """Wait for what the venue should say now; its silence or end is `Retryable`."""
        ended = self._connection.ended
        await asyncio.wait(
            (future, ended),
            timeout=self._settings.connect_timeout_ms / 1000,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if future.done():
            return future.result()
        why = ended.result() if ended.done() else "timed out"
        raise Retryable(f"no {what} from hitbtc: {why}")

    def _on_text(self, raw: bytes, received_ns: int) -> None:
        try:
            frame = parse_frame(raw)
            if frame.method is not None:
                self._on_notification(frame, received_ns)
            else:
                self._on_answer(frame, raw, received_ns)
        except DecodeError as error:
            self._oddities.add(str(error))

    def _on_notification(self, frame: wire.Frame, received_ns: int) -> None:
        if frame.method == "spot_order":
            self._tell(parse_report(frame.params, self._fee_assets, received_ns))
        elif frame.method == "spot_balance":
            self._listener.on_balances(parse_balances(frame.params, received_ns))
        elif frame.method == "spot_orders":
            for order in parse_orders(frame.params):
                self._tell(to_report(order, received_ns))
        else:
            raise DecodeError(f"unknown notification {frame.method!r}", bytes(frame.params))
        snapshot = self._snapshots.get(frame.method)
        if snapshot is not None and not snapshot.done():
            snapshot.set_result(None)

    def _on_answer(self, frame: wire.Frame, raw: bytes, received_ns: int) -> None:
        question = self._question
        if question is not None and not question.done() and frame.id in {None, self._last_id}:
            question.set_result(frame)  # some answers to `login` come without an id
            return
        if frame.id is None:
            raise DecodeError(f"an answer to nothing: {raw[:200]!r}", raw)
        asked = self._awaited.pop(frame.id, None) or self._late.pop(frame.id, None)
        if asked is None:
            raise DecodeError(f"an answer to nothing: {raw[:200]!r}", raw)
        parse = parse_cancel_ack if asked.cancels else parse_ack
        self._tell(parse(frame, asked.client_order_id, asked.symbol, received_ns))

    def _tell(self, report: OrderReport) -> None:
        """Pass a report on; the venue having spoken of an order, its answer is not waited for."""
        order = self._orders.get(report.client_order_id)
        if order is not None and self._awaited.pop(order.id, None) is not None:
            self._late[order.id] = order
        if report.report in _OVER:
            self._orders.pop(report.client_order_id, None)
        elif order is None:
            self._orders[report.client_order_id] = Asked(
                0, report.client_order_id, report.symbol, report.received_ns
            )
        self._listener.on_report(report)

    def _tell_silence(self, asked: Asked, report: Report, detail: str) -> None:
        self._listener.on_report(
            OrderReport(
                client_order_id=asked.client_order_id,
                venue=VENUE,
                symbol=asked.symbol,
                report=report,
                detail=detail,
                received_ns=self._now_ns(),
            )
        )

    def _check_answers(self) -> None:
        """Tell TIMED_OUT, once, of each request that has waited for too long."""
        self._check = self._loop.call_later(_CHECK_S, self._check_answers)
        too_old_ns = self._now_ns() - self._timeout_ns
        while self._awaited:
            asked = next(iter(self._awaited.values()))
            if asked.sent_ns > too_old_ns:
                break
            self._late[asked.id] = self._awaited.pop(asked.id)
            self._tell_silence(
                asked,
                Report.TIMED_OUT,
                f"no answer within {self._settings.request_timeout_ms} ms",
            )
