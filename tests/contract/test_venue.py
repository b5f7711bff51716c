"""What every venue promises, tried on each one with its exchange running over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from enum import StrEnum
from itertools import count
from typing import Any, ClassVar, Protocol

import pytest

from core.contracts.errors import Rejected, Retryable
from core.contracts.identity import client_order_id
from core.contracts.money import Amount
from core.contracts.orders import Approved, Fill, Intent, OrderReport, Report, Side, TimeInForce
from core.runtime.clock import SystemClock
from trader.simulator.faults import Fault, FaultKind
from trader.simulator.server import SimulatorServer
from trader.simulator.settings import SimulatorSettings
from trader.venues.hitbtc.client import HitBtc
from trader.venues.hitbtc.settings import HitBtcSettings
from trader.venues.port import Balance, Depth, Instrument, Level, Venue

PATIENCE_S = 5.0
OVER = {Report.FILLED, Report.CANCELLED, Report.EXPIRED, Report.REJECTED}


class Trouble(StrEnum):
    """What an exchange under test can be told to do to the next order or question."""

    UNANSWERED = "placed, and never answered"
    LOST = "never placed, never answered"
    DROPPED = "placed, and the connection dropped"
    BROKEN = "answered with the exchange's own failure, placed all the same"
    HIDDEN_ERROR = "answered with an error inside a success, not placed"
    REST_DOWN = "question answered 503"
    REST_BUSY = "question answered 429"
    REST_HIDDEN_ERROR = "question answered with an error inside a success"


class Exchange(Protocol):
    """A running exchange that a venue's client can be tried on.

    `symbol` is a pair quoted in USDT that is listed, its price about 100; the account can pay for
    at least 10 units, and not for 10,000. Requests time out within a second.
    """

    symbol: str

    def venue(self) -> Venue: ...

    def show(self, *, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> None:
        """Replace the pair's book."""

    def trouble(self, trouble: Trouble) -> None:
        """Do this to the next order or question."""


class SimulatedHitBtc:
    """HitBTC's client on the simulated exchange."""

    symbol = "ABCUSDT"
    _faults: ClassVar = {
        Trouble.UNANSWERED: Fault(kind=FaultKind.TIMEOUT),
        Trouble.LOST: Fault(kind=FaultKind.LOST),
        Trouble.DROPPED: Fault(kind=FaultKind.DROP_AFTER),
        Trouble.BROKEN: Fault(kind=FaultKind.SERVER_ERROR),
        Trouble.HIDDEN_ERROR: Fault(kind=FaultKind.ERROR_IN_SUCCESS),
        Trouble.REST_DOWN: Fault(kind=FaultKind.REST_503),
        Trouble.REST_BUSY: Fault(kind=FaultKind.REST_429),
        Trouble.REST_HIDDEN_ERROR: Fault(kind=FaultKind.REST_ERROR_IN_SUCCESS),
    }

    def __init__(self, server: SimulatorServer, settings: HitBtcSettings) -> None:
        self._server = server
        self._settings = settings

    @classmethod
    @asynccontextmanager
    async def started(cls) -> AsyncIterator[Exchange]:
        simulated = SimulatorSettings.model_validate(
            {
                "source": "control",
                "immediate": True,
                "balances": {"USDT": "100000", "ABC": "10"},
                "symbols": [
                    {
                        "symbol": cls.symbol,
                        "base": "ABC",
                        "quote": "USDT",
                        "mid": "100",
                        "tick_size": "0.01",
                        "lot_size": "0.001",
                        "level_quantity": "5",
                    }
                ],
            }
        )
        server = SimulatorServer(simulated)
        at = await server.start()
        try:
            settings = HitBtcSettings.model_validate(
                {
                    "api_key": simulated.api_key,
                    "secret": simulated.api_secret,
                    "trading_url": at.trading_url,
                    "public_url": at.public_url,
                    "rest_url": at.rest_url,
                    "request_timeout_ms": 200,
                }
            )
            yield cls(server, settings)
        finally:
            await server.stop()

    def venue(self) -> HitBtc:
        return HitBtc(self._settings, clock=SystemClock())

    def show(self, *, bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> None:
        buying, selling = ([(Decimal(p), Decimal(q)) for p, q in side] for side in (bids, asks))
        self._server.venue.set_book(self.symbol, buying, selling)

    def trouble(self, trouble: Trouble) -> None:
        self._server.venue.faults.arm(self._faults[trouble])


EXCHANGES = [SimulatedHitBtc]


class Heard:
    """A listener that keeps what it hears, in order."""

    def __init__(self) -> None:
        self._calls: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.kinds: list[str] = []

    def _keep(self, kind: str, what: object) -> None:
        self.kinds.append(kind)
        self._calls.put_nowait((kind, what))

    def on_report(self, report: OrderReport) -> None:
        self._keep("report", report)

    def on_depth(self, depth: Depth) -> None:
        self._keep("depth", depth)

    def on_balances(self, balances: tuple[Balance, ...]) -> None:
        self._keep("balances", balances)

    def on_connected(self, venue: str) -> None:
        self._keep("connected", venue)

    def on_disconnected(self, venue: str, reason: str) -> None:
        self._keep("disconnected", reason)

    async def next(self, kind: str) -> Any:  # noqa: ANN401 - as many types as kinds
        async with asyncio.timeout(PATIENCE_S):
            while True:
                heard, what = await self._calls.get()
                if heard == kind:
                    return what

    async def until(self, name: str, *wanted: Report) -> list[OrderReport]:
        """Collect the reports of one order up to the first of those wanted."""
        reports: list[OrderReport] = []
        while not reports or reports[-1].report not in wanted:
            report = await self.next("report")
            if report.client_order_id == name:
                reports.append(report)
        return reports


class Trying:
    """A connected venue, its exchange and what was heard."""

    def __init__(self, exchange: Exchange, venue: Venue, instrument: Instrument) -> None:
        self.exchange = exchange
        self.venue = venue
        self.instrument = instrument
        self.heard = Heard()
        self.task: asyncio.Task[None] | None = None
        self._names = (client_order_id(f"signal-{n}", venue.name, "entry") for n in count())

    async def connect(self) -> None:
        self.task = asyncio.create_task(self.venue.run(self.heard))
        await self.heard.next("connected")

    async def over(self) -> None:
        """Wait until `run` has returned by itself."""
        assert self.task is not None
        async with asyncio.timeout(PATIENCE_S):
            await self.task

    def order(self, **changes: Any) -> Approved:  # noqa: ANN401 - any field
        fields: dict[str, Any] = {
            "client_order_id": next(self._names),
            "signal_id": "signal",
            "desk": "event",
            "leg": "entry",
            "venue": self.venue.name,
            "symbol": self.exchange.symbol,
            "asset": self.instrument.asset,
            "quote_asset": self.instrument.quote_asset,
            "side": Side.BUY,
            "quantity": Amount(1),
            "limit_price": Amount(101),
            "time_in_force": TimeInForce.IOC,
            "created_ns": 1,
            "expires_ns": 2,
        } | changes
        return Approved(intent=Intent(**fields), approved_ns=1)

    def send(self, **changes: Any) -> str:  # noqa: ANN401 - any field
        approved = self.order(**changes)
        self.venue.send(approved)
        return approved.intent.client_order_id


@pytest.fixture(params=EXCHANGES, ids=lambda kind: kind.__name__)
async def trying(request: pytest.FixtureRequest) -> AsyncIterator[Trying]:
    async with request.param.started() as exchange:
        exchange.show(bids=[("100", "5"), ("99", "5")], asks=[("101", "5"), ("102", "5")])
        venue = exchange.venue()
        listed = {i.symbol: i for i in await venue.instruments()}
        trying = Trying(exchange, venue, listed[exchange.symbol])
        await trying.connect()
        try:
            yield trying
        finally:
            assert trying.task is not None
            trying.task.cancel()
            await asyncio.gather(trying.task, return_exceptions=True)
            if isinstance(venue, HitBtc):
                await venue.close()


def fills_of(reports: list[OrderReport]) -> Iterator[Fill]:
    """The executions in some reports, each once however often it was told."""
    return iter({r.fill.trade_id: r.fill for r in reports if r.fill}.values())


async def test_listed_pair_has_steps_that_an_order_can_keep(trying: Trying) -> None:
    pair = trying.instrument
    assert pair.venue == trying.venue.name
    assert min(pair.lot_size, pair.tick_size, pair.min_quantity) > 0
    assert pair.fee_asset in {pair.asset, pair.quote_asset}


async def test_all_balances_are_told_before_connected(trying: Trying) -> None:
    assert trying.heard.kinds[-1] == "connected"
    assert "balances" in trying.heard.kinds
    asked = {b.currency: b.available for b in await trying.venue.balances()}
    assert asked[trying.instrument.quote_asset] > 1000


async def test_order_at_the_touch_is_filled_whole(trying: Trying) -> None:
    before_ns = SystemClock.now_ns()
    approved = trying.order(quantity=Amount("1.5"))
    sent_ns = trying.venue.send(approved)
    name = approved.intent.client_order_id
    reports = await trying.heard.until(name, *OVER)
    assert before_ns <= sent_ns <= reports[0].received_ns
    assert reports[-1].report is Report.FILLED
    assert reports[-1].filled_quantity == Amount("1.5")
    [fill] = fills_of(reports)
    assert (fill.price, fill.quantity, fill.side) == (Amount(101), Amount("1.5"), Side.BUY)
    assert fill.taker
    assert fill.fee > 0
    assert fill.fee_asset == trying.instrument.fee_asset
    assert (fill.client_order_id, fill.symbol) == (name, trying.exchange.symbol)


async def test_balances_that_an_order_changed_are_told(trying: Trying) -> None:
    trying.send()
    told: dict[str, Amount] = {}
    while trying.instrument.asset not in told:
        told |= {b.currency: b.available for b in await trying.heard.next("balances")}
    asked = {b.currency: b.available for b in await trying.venue.balances()}
    assert told[trying.instrument.asset] == asked[trying.instrument.asset]


async def test_rest_of_an_immediate_order_ends_with_what_was_filled(trying: Trying) -> None:
    name = trying.send(quantity=Amount(8))
    reports = await trying.heard.until(name, Report.EXPIRED, Report.CANCELLED)
    assert reports[-1].filled_quantity == Amount(5)
    assert sum(f.quantity for f in fills_of(reports)) == Amount(5)


async def test_resting_order_is_open_until_it_is_cancelled(trying: Trying) -> None:
    name = trying.send(limit_price=Amount(90), time_in_force=TimeInForce.GTC)
    await trying.heard.until(name, Report.ACKNOWLEDGED)
    [open_order] = await trying.venue.open_orders()
    assert (open_order.client_order_id, open_order.status) == (name, Report.ACKNOWLEDGED)
    trying.venue.cancel(name)
    await trying.heard.until(name, Report.CANCELLED)
    assert await trying.venue.open_orders() == ()
    found = await trying.venue.find_order(name, trying.exchange.symbol)
    assert found is not None
    assert (found.status, found.fills) == (Report.CANCELLED, ())


async def test_resting_order_can_be_cancelled_without_the_socket(trying: Trying) -> None:
    name = trying.send(limit_price=Amount(90), time_in_force=TimeInForce.GTC)
    await trying.heard.until(name, Report.ACKNOWLEDGED)
    await trying.venue.cancel_order(name)
    await trying.heard.until(name, Report.CANCELLED)


async def test_order_sent_twice_under_one_id_is_one_order(trying: Trying) -> None:
    approved = trying.order()
    trying.venue.send(approved)
    trying.venue.send(approved)
    name = approved.intent.client_order_id
    reports = await trying.heard.until(name, Report.FAILED)
    assert Report.REJECTED not in {r.report for r in reports}  # for the first one stands
    found = await trying.venue.find_order(name, trying.exchange.symbol)
    assert found is not None
    assert found.filled_quantity == Amount(1)


async def test_order_beyond_the_balance_is_rejected_and_unknown(trying: Trying) -> None:
    name = trying.send(quantity=Amount(10_000))
    [report] = await trying.heard.until(name, *OVER)
    assert report.report is Report.REJECTED
    assert report.code
    assert await trying.venue.find_order(name, trying.exchange.symbol) is None


async def test_placed_order_without_answer_times_out_and_is_found_with_its_fills(
    trying: Trying,
) -> None:
    trying.exchange.trouble(Trouble.UNANSWERED)
    name = trying.send()
    [report] = await trying.heard.until(name, Report.TIMED_OUT)
    assert report.symbol == trying.exchange.symbol
    found = await trying.venue.find_order(name, trying.exchange.symbol)
    assert found is not None
    assert found.status is Report.FILLED
    assert found.quantity == found.filled_quantity == Amount(1)
    [fill] = found.fills
    assert (fill.price, fill.fee_asset) == (Amount(101), trying.instrument.fee_asset)


async def test_found_fills_are_the_told_ones(trying: Trying) -> None:
    name = trying.send(quantity=Amount(7), limit_price=Amount(102))
    told = list(fills_of(await trying.heard.until(name, Report.FILLED)))
    found = await trying.venue.find_order(name, trying.exchange.symbol)
    assert found is not None
    assert len(told) == 2
    key = [(f.trade_id, f.price, f.quantity, f.fee, f.fee_asset, f.taker) for f in told]
    assert sorted(key) == sorted(
        (f.trade_id, f.price, f.quantity, f.fee, f.fee_asset, f.taker) for f in found.fills
    )


async def test_lost_order_times_out_and_is_not_known(trying: Trying) -> None:
    trying.exchange.trouble(Trouble.LOST)
    name = trying.send()
    await trying.heard.until(name, Report.TIMED_OUT)
    assert await trying.venue.find_order(name, trying.exchange.symbol) is None


async def test_dropped_connection_disconnects_the_order_that_is_found_after_reconnecting(
    trying: Trying,
) -> None:
    trying.exchange.trouble(Trouble.DROPPED)
    name = trying.send()
    await trying.heard.until(name, Report.DISCONNECTED)
    await trying.heard.next("disconnected")
    await trying.over()
    with pytest.raises(Retryable):
        trying.send()
    await trying.connect()
    found = await trying.venue.find_order(name, trying.exchange.symbol)
    assert found is not None
    assert found.status is Report.FILLED
    again = trying.send()
    await trying.heard.until(again, Report.FILLED)


async def test_open_orders_are_told_again_on_reconnecting(trying: Trying) -> None:
    resting = trying.send(limit_price=Amount(90), time_in_force=TimeInForce.GTC)
    await trying.heard.until(resting, Report.ACKNOWLEDGED)
    trying.exchange.trouble(Trouble.DROPPED)
    trying.send()
    await trying.over()
    trying.task = asyncio.create_task(trying.venue.run(trying.heard))
    await trying.heard.until(resting, Report.ACKNOWLEDGED)
    await trying.heard.next("connected")


@pytest.mark.parametrize("trouble", [Trouble.BROKEN, Trouble.HIDDEN_ERROR])
async def test_answer_that_settles_nothing_is_failed_not_rejected(
    trying: Trying, trouble: Trouble
) -> None:
    trying.exchange.trouble(trouble)
    name = trying.send()
    reports = await trying.heard.until(name, Report.FAILED)
    assert Report.REJECTED not in {r.report for r in reports}
    found = await trying.venue.find_order(name, trying.exchange.symbol)
    assert (found is not None) == (trouble is Trouble.BROKEN)


async def test_unknown_order_is_none(trying: Trying) -> None:
    assert await trying.venue.find_order("t" + "0" * 31, trying.exchange.symbol) is None


async def test_cancelling_what_is_not_active_is_refused(trying: Trying) -> None:
    with pytest.raises(Rejected):
        await trying.venue.cancel_order("t" + "0" * 31)


async def test_refused_cancel_settles_nothing(trying: Trying) -> None:
    name = trying.send()
    await trying.heard.until(name, Report.FILLED)
    trying.venue.cancel(name)
    reports = await trying.heard.until(name, Report.FAILED)
    assert reports[-1].report is Report.FAILED


@pytest.mark.parametrize("trouble", [Trouble.REST_DOWN, Trouble.REST_BUSY])
async def test_unsure_answer_is_never_an_absence(trying: Trying, trouble: Trouble) -> None:
    trying.exchange.trouble(trouble)
    with pytest.raises(Retryable):
        await trying.venue.find_order("t" + "0" * 31, trying.exchange.symbol)
    trying.exchange.trouble(trouble)
    with pytest.raises(Retryable):
        await trying.venue.open_orders()


async def test_error_inside_a_success_is_found(trying: Trying) -> None:
    trying.exchange.trouble(Trouble.REST_HIDDEN_ERROR)
    with pytest.raises((Retryable, Rejected)):
        await trying.venue.balances()


async def test_followed_book_comes_whole_and_best_first_and_again_after_each_change(
    trying: Trying,
) -> None:
    def levels(*rows: tuple[str, str]) -> tuple[Level, ...]:
        return tuple((Amount(p), Amount(q)) for p, q in rows)

    trying.venue.subscribe_depth((trying.exchange.symbol,))
    depth: Depth = await trying.heard.next("depth")
    assert depth.bids == levels(("100", "5"), ("99", "5"))
    assert depth.asks == levels(("101", "5"), ("102", "5"))
    trying.exchange.show(bids=[("98", "1")], asks=[("100.5", "2")])
    while depth.bids[0][0] != Amount(98):
        depth = await trying.heard.next("depth")
    assert (depth.bids, depth.asks) == (levels(("98", "1")), levels(("100.5", "2")))
    assert depth.venue_ns > 0
    assert depth.received_ns > 0


async def test_followed_books_are_followed_again_after_reconnecting(trying: Trying) -> None:
    trying.venue.subscribe_depth((trying.exchange.symbol,))
    await trying.heard.next("depth")
    trying.exchange.trouble(Trouble.DROPPED)
    trying.send()
    await trying.over()
    await trying.heard.next("disconnected")
    await trying.connect()
    trying.exchange.show(bids=[("97", "1")], asks=[("103", "1")])
    while (await trying.heard.next("depth")).bids[0][0] != Amount(97):
        pass


@pytest.mark.parametrize("kind", EXCHANGES, ids=lambda kind: kind.__name__)
async def test_nothing_is_sent_before_connecting(kind: type[SimulatedHitBtc]) -> None:
    async with kind.started() as exchange:
        venue = exchange.venue()
        pair = Instrument(
            venue=venue.name,
            symbol=exchange.symbol,
            asset="ABC",
            quote_asset="USDT",
            lot_size=Amount("0.001"),
            tick_size=Amount("0.01"),
            min_quantity=Amount("0.001"),
            taker_fee=Amount(0),
            maker_fee=Amount(0),
            fee_asset="USDT",
        )
        trying = Trying(exchange, venue, pair)
        with pytest.raises(Retryable):
            trying.send()
        with pytest.raises(Retryable):
            venue.cancel("t" + "0" * 31)
