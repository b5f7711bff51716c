"""HitBTC's client against scripted servers over real sockets: the ways it can go, and go wrong."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import picows
import pytest

from core.contracts.clock import ManualClock
from core.contracts.errors import Fatal, Retryable
from core.contracts.money import Amount
from core.contracts.orders import OrderReport, Report
from core.runtime.clock import SystemClock
from tests.integration.hitbtc_script import (
    PATIENCE_S,
    Heard,
    Message,
    ScriptedExchange,
    approved,
    order,
    told,
    trade_report,
)
from trader.venues.hitbtc.client import HitBtc
from trader.venues.hitbtc.connection import MAX_MESSAGE
from trader.venues.port import Depth


@pytest.fixture
async def exchange() -> AsyncIterator[ScriptedExchange]:
    async with ScriptedExchange().started() as exchange:
        yield exchange


class Running:
    def __init__(self, venue: HitBtc, heard: Heard, task: asyncio.Task[None]) -> None:
        self.venue = venue
        self.heard = heard
        self.task = task

    async def over(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.task


@asynccontextmanager
async def running(
    exchange: ScriptedExchange, clock: ManualClock | None = None, **settings: object
) -> AsyncIterator[Running]:
    """A connected client; stopped at the end if it still runs."""
    venue = HitBtc(exchange.settings(**settings), clock=clock or SystemClock())
    heard = Heard()
    task = asyncio.create_task(venue.run(heard))
    try:
        await heard.next("connected")
        yield Running(venue, heard, task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await venue.close()


def answer_orders(exchange: ScriptedExchange, answer: Message) -> None:
    """Answer each new order and cancel with this, under the request's id."""

    def script(message: Message) -> list[Message | str]:
        if message["method"] in {"spot_new_order", "spot_cancel_order"}:
            return [answer | {"jsonrpc": "2.0", "id": message["id"]}]
        return exchange.greet(message)

    exchange.scripts["trading"] = script


async def run_once(exchange: ScriptedExchange, **settings: object) -> None:
    venue = HitBtc(exchange.settings(**settings), clock=SystemClock())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await venue.run(Heard())
    finally:
        await venue.close()


async def test_balances_and_active_orders_are_told_before_connected(
    exchange: ScriptedExchange,
) -> None:
    exchange.active = [order("t0", status="partiallyFilled", quantity_cumulative="0.002")]
    venue = HitBtc(exchange.settings(), clock=SystemClock())
    heard = Heard()
    task = asyncio.create_task(venue.run(heard))
    try:
        async with asyncio.timeout(PATIENCE_S):
            calls = [await heard.calls.get() for _ in range(3)]
        assert [kind for kind, _ in calls] == ["report", "balances", "connected"]
        assert calls[0][1].client_order_id == "t0"
        assert calls[0][1].report is Report.PARTIALLY_FILLED
        assert [b.currency for b in calls[1][1]] == ["USDT", "BTC"]
        login = await exchange.asked("login")
        assert login["params"]["api_key"] == "key-1"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await venue.close()


async def test_answer_to_login_without_an_id_is_taken(exchange: ScriptedExchange) -> None:
    def script(message: Message) -> list[Message | str]:
        answers = exchange.greet(message)
        if message["method"] == "login":
            return [{"jsonrpc": "2.0", "result": True}]
        return answers

    exchange.scripts["trading"] = script
    async with running(exchange) as run:
        assert run.venue.oddities.count == 0


@pytest.mark.parametrize("code", [600, 800, 1001, 1002, 1003, 1004, 1005])
async def test_refused_credentials_are_fatal(exchange: ScriptedExchange, code: int) -> None:
    error = {"code": code, "message": "Authorization is required or has been failed"}
    exchange.scripts["trading"] = lambda m: [{"jsonrpc": "2.0", "error": error, "id": m["id"]}]
    with pytest.raises(Fatal, match=f"refused login: {code}"):
        await run_once(exchange)


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"code": 503, "message": "Service unavailable"}},
        {"error": {"code": 429, "message": "Too many requests"}},
        {"result": None},
        {"result": False},
        {"result": {"status": "maybe"}},
        {},
    ],
)
async def test_login_that_settles_nothing_may_be_tried_again(
    exchange: ScriptedExchange, answer: Message
) -> None:
    exchange.scripts["trading"] = lambda m: [{"jsonrpc": "2.0", "id": m["id"]} | answer]
    with pytest.raises(Retryable, match="login"):
        await run_once(exchange)


async def test_silence_at_login_is_retryable(exchange: ScriptedExchange) -> None:
    exchange.scripts["trading"] = lambda _: []
    with pytest.raises(Retryable, match="no answer to login"):
        await run_once(exchange, connect_timeout_ms=100)


async def test_balances_that_never_come_are_retryable(exchange: ScriptedExchange) -> None:
    exchange.scripts["trading"] = lambda m: exchange.greet(m)[:1]
    with pytest.raises(Retryable, match="spot_orders"):
        await run_once(exchange, connect_timeout_ms=100)


async def test_closing_during_login_is_retryable(exchange: ScriptedExchange) -> None:
    def script(message: Message) -> list[Message | str]:
        exchange.drop()
        return []

    exchange.scripts["trading"] = script
    with pytest.raises(Retryable, match="connection lost"):
        await run_once(exchange)


async def test_refused_upgrade_is_retryable(exchange: ScriptedExchange) -> None:
    response = picows.WSUpgradeResponse.create_error_response(503, b"busy")
    exchange.upgrade = lambda: picows.WSUpgradeResponseWithListener(response, None)
    with pytest.raises(Retryable, match="can't connect"):
        await run_once(exchange)


async def test_closing_before_the_upgrade_is_retryable(exchange: ScriptedExchange) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Retryable, match="can't connect"):
            await run_once(exchange, public_url=f"ws://127.0.0.1:{port}/")


async def test_nobody_listening_is_retryable(exchange: ScriptedExchange) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(Retryable, match="can't connect"):
            await run_once(exchange, public_url=f"ws://127.0.0.1:{port}/")


async def test_tls_to_a_plain_port_is_retryable(exchange: ScriptedExchange) -> None:
    with pytest.raises(Retryable, match="can't connect"):
        await run_once(
            exchange,
            public_url=f"wss://127.0.0.1:{exchange.ws_port}/",
            connect_timeout_ms=100,
        )


async def test_order_is_written_in_full_without_an_exponent(exchange: ScriptedExchange) -> None:
    async with running(exchange) as run:
        before_ns = SystemClock.now_ns()
        sent_ns = run.venue.send(approved(quantity=Amount("1E-7"), limit_price=Amount("1E+5")))
        assert before_ns <= sent_ns <= SystemClock.now_ns()
        message = await exchange.asked("spot_new_order")
        assert message["params"] == {
            "client_order_id": "t1",
            "symbol": "BTCUSDT",
            "side": "buy",
            "type": "limit",
            "time_in_force": "IOC",
            "quantity": "0.0000001",
            "price": "100000",
        }


async def test_names_that_hold_quotes_stay_inside_their_strings(
    exchange: ScriptedExchange,
) -> None:
    async with running(exchange) as run:
        run.venue.send(approved('t1","quantity":"9', symbol='B"T'))
        params = (await exchange.asked("spot_new_order"))["params"]
        assert (params["client_order_id"], params["symbol"]) == ('t1","quantity":"9', 'B"T')
        assert params["quantity"] == "0.01"


async def test_small_messages_are_not_held_back(exchange: ScriptedExchange) -> None:
    async with running(exchange) as run:
        assert run.venue._trading is not None
        transport = run.venue._trading._connection._transport
        assert transport is not None
        sock = transport.underlying_transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_order_is_acknowledged_filled_in_part_and_expires(
    exchange: ScriptedExchange,
) -> None:
    answer_orders(exchange, {"result": order()})
    async with running(exchange) as run:
        run.venue.send(approved())
        assert (await run.heard.report()).report is Report.ACKNOWLEDGED
        exchange.tell(told("spot_order", trade_report()))
        exchange.tell(
            told(
                "spot_order",
                order(status="expired", report_type="expired", quantity_cumulative="0.004"),
            )
        )
        filled = await run.heard.report()
        assert filled.report is Report.PARTIALLY_FILLED
        assert filled.fill is not None
        assert (filled.fill.price, filled.fill.fee_asset) == (Amount("49595.04"), "USDT")
        expired = await run.heard.report()
        assert (expired.report, expired.filled_quantity) == (Report.EXPIRED, Amount("0.004"))
        assert run.venue.oddities.count == 0


@pytest.mark.parametrize(
    ("answer", "report", "code"),
    [
        ({"error": {"code": 20001, "message": "Insufficient funds"}}, Report.REJECTED, "20001"),
        ({"error": {"code": 504, "message": "Timeout"}}, Report.FAILED, "504"),
        ({"error": {"code": 20008, "message": "Duplicate"}}, Report.FAILED, "20008"),
        ({"error": "oops"}, Report.FAILED, None),
        ({"result": None}, Report.FAILED, None),
        ({"result": [1]}, Report.FAILED, None),
        ({"result": order("another")}, Report.FAILED, None),
        ({"result": order(quantity="NaN")}, Report.FAILED, None),
    ],
)
async def test_answer_that_is_no_order_ends_the_waiting(
    exchange: ScriptedExchange, answer: Message, report: Report, code: str | None
) -> None:
    answer_orders(exchange, answer)
    async with running(exchange) as run:
        run.venue.send(approved())
        heard = await run.heard.report()
        assert (heard.client_order_id, heard.report, heard.code) == ("t1", report, code)


async def test_unanswered_order_times_out_once_and_a_late_answer_is_told(
    exchange: ScriptedExchange,
) -> None:
    clock = ManualClock()
    async with running(exchange, clock, request_timeout_ms=1000) as run:
        run.venue.send(approved())
        request = await exchange.asked("spot_new_order")
        clock.advance(1_000_000_000)
        assert (await run.heard.report()).report is Report.TIMED_OUT
        clock.advance(60_000_000_000)
        run.venue.send(approved("t2"))
        clock.advance(1_000_000_000)
        assert (await run.heard.report()).client_order_id == "t2"  # and t1 not again
        exchange.tell({"jsonrpc": "2.0", "result": order(), "id": request["id"]})
        late = await run.heard.report()
        assert (late.client_order_id, late.report) == ("t1", Report.ACKNOWLEDGED)


async def test_order_known_from_a_notification_does_not_time_out(
    exchange: ScriptedExchange,
) -> None:
    clock = ManualClock()
    async with running(exchange, clock, request_timeout_ms=1000) as run:
        run.venue.send(approved())
        await exchange.asked("spot_new_order")
        exchange.tell(told("spot_order", order()))
        assert (await run.heard.report()).report is Report.ACKNOWLEDGED
        run.venue.send(approved("t2"))
        clock.advance(1_000_000_000)
        timed_out = await run.heard.report()
        assert (timed_out.client_order_id, timed_out.report) == ("t2", Report.TIMED_OUT)


async def test_unanswered_orders_are_disconnected_before_the_disconnection_is_told(
    exchange: ScriptedExchange,
) -> None:
    async with running(exchange) as run:
        for name in ("t1", "t2"):
            run.venue.send(approved(name))
            await exchange.asked("spot_new_order")
        exchange.drop()
        await run.over()
        calls = [run.heard.calls.get_nowait() for _ in range(3)]
        assert [kind for kind, _ in calls] == ["report", "report", "disconnected"]
        assert {c[1].client_order_id for c in calls[:2]} == {"t1", "t2"}
        assert {c[1].report for c in calls[:2]} == {Report.DISCONNECTED}
        assert run.heard.calls.empty()


async def test_nothing_is_written_once_disconnected(exchange: ScriptedExchange) -> None:
    async with running(exchange) as run:
        exchange.drop()
        await run.over()
        with pytest.raises(Retryable, match="nothing was sent"):
            run.venue.send(approved())
        with pytest.raises(Retryable, match="nothing was sent"):
            run.venue.cancel("t1")
        assert not [text for text in exchange.raw if "spot_new_order" in text]


async def test_order_between_the_end_and_its_telling_is_refused(
    exchange: ScriptedExchange,
) -> None:
    async with running(exchange) as run:
        trading = run.venue._trading
        assert trading is not None
        refused = asyncio.Event()

        def try_at_once(_: asyncio.Future[str]) -> None:
            assert run.venue._trading is trading  # `run` has not woken up yet
            with pytest.raises(Retryable, match="nothing was sent"):
                run.venue.send(approved())
            refused.set()

        trading._connection.ended.add_done_callback(try_at_once)
        exchange.drop()
        await run.over()
        assert refused.is_set()
        assert await run.heard.next("report", "disconnected") == "connection lost"


async def test_order_behind_unsent_bytes_is_refused_before_it_is_written(
    exchange: ScriptedExchange,
) -> None:
    async with running(exchange) as run:
        assert run.venue._trading is not None
        connection = run.venue._trading._connection
        assert connection._transport is not None
        below = connection._transport.underlying_transport
        while not below.get_write_buffer_size():  # the peer can't read while this runs
            connection.write(" " * 1_000_000)
        with pytest.raises(Retryable, match="stuck"):
            run.venue.send(approved())


async def test_end_of_the_public_socket_ends_the_run(exchange: ScriptedExchange) -> None:
    async with running(exchange) as run:
        exchange.drop("public")
        await run.over()
        assert await run.heard.next("disconnected") == "connection lost"


async def test_reason_of_the_venues_goodbye_is_told(exchange: ScriptedExchange) -> None:
    async with running(exchange) as run:
        exchange.peers["trading"].send_close(picows.WSCloseCode.GOING_AWAY, b"maintenance")
        await run.over()
        assert "maintenance" in await run.heard.next("disconnected")


async def test_stopped_run_reports_its_unanswered_orders(exchange: ScriptedExchange) -> None:
    async with running(exchange) as run:
        run.venue.send(approved())
        run.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run.over()
        assert (await run.heard.report()).report is Report.DISCONNECTED
        assert await run.heard.next("disconnected") == "stopped"


async def test_run_after_a_run_connects_again_and_follows_the_same_books(
    exchange: ScriptedExchange,
) -> None:
    async with running(exchange) as run:
        run.venue.subscribe_depth(("BTCUSDT",))
        await exchange.asked("subscribe")
        exchange.drop()
        await run.over()
        run.task = asyncio.create_task(run.venue.run(run.heard))
        await run.heard.next("connected")
        assert (await exchange.asked("subscribe"))["params"]["symbols"] == ["BTCUSDT"]
        run.venue.send(approved())
        run.task.cancel()
        await asyncio.gather(run.task, return_exceptions=True)


async def test_cancel_is_answered_by_the_orders_end(exchange: ScriptedExchange) -> None:
    answer_orders(exchange, {"result": order(status="canceled", report_type="canceled")})
    async with running(exchange) as run:
        run.venue.cancel("t1")
        assert (await exchange.asked("spot_cancel_order"))["params"] == {"client_order_id": "t1"}
        assert (await run.heard.report()).report is Report.CANCELLED


async def test_refused_cancel_says_nothing_of_the_order(exchange: ScriptedExchange) -> None:
    answer_orders(exchange, {"error": {"code": 1003, "message": "Action is forbidden"}})
    async with running(exchange) as run:
        run.venue.cancel("t1")
        report = await run.heard.report()
        assert (report.report, report.code) == (Report.FAILED, "1003")


async def test_unanswered_cancel_times_out_under_the_orders_symbol(
    exchange: ScriptedExchange,
) -> None:
    clock = ManualClock()
    async with running(exchange, clock, request_timeout_ms=1000) as run:
        run.venue.send(approved())
        exchange.tell(told("spot_order", order()))
        await run.heard.report()
        run.venue.cancel("t1")
        clock.advance(1_000_000_000)
        report = await run.heard.report()
        assert (report.report, report.symbol) == (Report.TIMED_OUT, "BTCUSDT")


async def test_unanswered_cancel_of_an_earlier_connections_order_knows_its_symbol(
    exchange: ScriptedExchange,
) -> None:
    exchange.active = [order("t0")]
    async with running(exchange) as run:
        run.venue.cancel("t0")
        await exchange.asked("spot_cancel_order")
        exchange.drop()
        report = await run.heard.report()
        assert (report.report, report.symbol) == (Report.DISCONNECTED, "BTCUSDT")


async def test_no_start_without_the_listing(exchange: ScriptedExchange) -> None:
    exchange.rest.clear()
    with pytest.raises(Retryable, match="listing"):
        await run_once(exchange)


async def test_fragments_are_put_together_around_a_ping(exchange: ScriptedExchange) -> None:
    async with running(exchange) as run:
        peer = exchange.peers["trading"]
        parts = [b'{"jsonrpc":"2.0","method":"spot_balance","params":', b"", b"[]", b"}"]
        kinds = [picows.WSMsgType.TEXT] + [picows.WSMsgType.CONTINUATION] * 3
        for number, (kind, part) in enumerate(zip(kinds, parts, strict=True)):
            peer.send(kind, part, fin=number == len(parts) - 1)
            peer.send_ping(b"still there?")
        assert await run.heard.next("balances") == ()


@pytest.mark.parametrize(
    "lie",
    [
        "",
        "null",
        "[]",
        "{}",
        "not json",
        '{"jsonrpc":"2.0","method":"spot_order"',
        '{"jsonrpc":"2.0","error":{"code":500,"message":"no id"}}',
        '{"jsonrpc":"2.0","result":true,"id":999}',
        '{"jsonrpc":"2.0","result":true,"id":"7"}',
        '{"jsonrpc":"2.0","method":"spot_order"}',
        '{"jsonrpc":"2.0","method":"spot_order","params":null}',
        '{"jsonrpc":"2.0","method":"something_new","params":{}}',
        "[" * 100_000,
        "1" * 100_000,
        told("spot_order", []),
        told("spot_order", order(status="teleported")),
        told("spot_order", order(report_type="rumour")),
        told("spot_order", order(quantity=0.01)),
        told("spot_order", order(quantity="-0.01")),
        told("spot_order", order(quantity="NaN")),
        told("spot_order", order(quantity="Infinity")),
        told("spot_order", order(quantity="1e999999")),
        told("spot_order", order(quantity_cumulative="0.02")),
        told("spot_order", order(updated_at="2026-01-02T03:04:05.679")),
        told("spot_order", order(side="sideways")),
        told("spot_order", order(id=10**400)),
        told("spot_order", trade_report(trade_price="0")),
        told("spot_order", trade_report(trade_quantity="-0.004")),
        told("spot_order", trade_report(trade_id=None)),
        told("spot_balance", [{"currency": "USDT", "available": "-1", "reserved": "0"}]),
        told("spot_balance", {"currency": "USDT"}),
    ],
)
async def test_lie_is_counted_and_the_truth_after_it_heard(
    exchange: ScriptedExchange, lie: Message | str
) -> None:
    async with running(exchange) as run:
        exchange.tell(lie)
        exchange.tell(told("spot_order", trade_report("not-ours", symbol="UNKNOWN")))
        report = await run.heard.report()
        assert run.venue.oddities.count == 1
        assert report.client_order_id == "not-ours"  # told all the same: the trader decides
        assert report.fill is not None
        assert report.fill.fee_asset == ""


async def test_report_told_twice_is_heard_twice(exchange: ScriptedExchange) -> None:
    async with running(exchange) as run:
        for _ in range(2):
            exchange.tell(told("spot_order", trade_report()))
        reports: list[OrderReport] = [await run.heard.report(), await run.heard.report()]
        assert {r.fill.trade_id for r in reports if r.fill} == {"1361977606"}


async def test_message_without_end_ends_the_connection(exchange: ScriptedExchange) -> None:
    async with running(exchange) as run:
        peer = exchange.peers["trading"]
        kind = picows.WSMsgType.TEXT
        for _ in range(MAX_MESSAGE // 1_000_000 + 1):
            peer.send(kind, b" " * 1_000_000, fin=False)
            kind = picows.WSMsgType.CONTINUATION
        await run.over()
        assert "MESSAGE_TOO_BIG" in await run.heard.next("disconnected")


async def test_huge_frame_ends_the_connection(exchange: ScriptedExchange) -> None:
    async with running(exchange) as run:
        exchange.peers["trading"].send(picows.WSMsgType.TEXT, b" " * (MAX_MESSAGE + 1))
        await run.over()
        await run.heard.next("disconnected")


@pytest.mark.parametrize("kind", [picows.WSMsgType.BINARY, picows.WSMsgType.CONTINUATION])
async def test_frame_out_of_place_ends_the_connection(
    exchange: ScriptedExchange, kind: picows.WSMsgType
) -> None:
    async with running(exchange) as run:
        exchange.peers["trading"].send(kind, b"{}")
        await run.over()
        assert "closed by us" in await run.heard.next("disconnected")


async def test_failure_of_the_listener_comes_out_of_run(exchange: ScriptedExchange) -> None:
    class Broken(Heard):
        def on_report(self, report: OrderReport) -> None:
            raise ZeroDivisionError("the trader's own mistake")

    venue = HitBtc(exchange.settings(), clock=SystemClock())
    heard = Broken()
    task = asyncio.create_task(venue.run(heard))
    await heard.next("connected")
    exchange.tell(told("spot_order", order()))
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(PATIENCE_S):
            await task
    await venue.close()


BOOK = {"t": 1790511595279, "s": 1, "a": [["101.5", "2"]], "b": [["100.5", "1"], ["100", "3"]]}


def market_data(**books: Message) -> Message:
    return {"ch": "orderbook/D10/100ms", "data": books}


async def test_books_are_followed_without_credentials(exchange: ScriptedExchange) -> None:
    async with running(exchange, api_key=None, secret=None) as run:
        run.venue.subscribe_depth(("BTCUSDT", "ETHBTC"))
        assert (await exchange.asked("subscribe"))["params"]["symbols"] == ["BTCUSDT", "ETHBTC"]
        exchange.tell(market_data(BTCUSDT=BOOK), "public")
        depth = await run.heard.next("depth")
        assert isinstance(depth, Depth)
        assert depth.bids == ((Amount("100.5"), Amount(1)), (Amount(100), Amount(3)))
        assert depth.venue_ns == 1790511595279_000_000
        assert list(exchange.peers) == ["public"]
        with pytest.raises(Retryable, match="nothing was sent"):
            run.venue.send(approved())


async def test_only_chosen_books_are_told_and_new_ones_asked_for_at_once(
    exchange: ScriptedExchange,
) -> None:
    async with running(exchange) as run:
        run.venue.subscribe_depth(("BTCUSDT",))
        await exchange.asked("subscribe")
        run.venue.subscribe_depth(("ETHBTC",))
        assert (await exchange.asked("subscribe"))["params"]["symbols"] == ["ETHBTC"]
        exchange.tell(market_data(BTCUSDT=BOOK, ETHBTC=BOOK, DOGEBTC=BOOK), "public")
        assert (await run.heard.next("depth")).symbol == "ETHBTC"
        assert run.heard.calls.empty()


@pytest.mark.parametrize(
    "lie",
    [
        {"error": {"code": 2001, "message": "Symbol not found"}, "id": 1},
        {"ch": "trades", "update": {}},
        {"ch": "orderbook/D10/100ms", "data": None},
        {"ch": "orderbook/D10/100ms", "data": []},
        market_data(BTCUSDT=BOOK | {"a": [["NaN", "1"]]}),
        market_data(BTCUSDT=BOOK | {"a": [["0", "1"]]}),
        market_data(BTCUSDT=BOOK | {"a": [["101", "-1"]]}),
        market_data(BTCUSDT=BOOK | {"a": [["101", 1]]}),
        market_data(BTCUSDT=BOOK | {"a": [["101"]]}),
        market_data(BTCUSDT=BOOK | {"a": [["102", "1"], ["101", "1"]]}),
        market_data(BTCUSDT=BOOK | {"b": [["99", "1"], ["100", "1"]]}),
        market_data(BTCUSDT=BOOK | {"b": [["101.5", "1"]]}),
        market_data(BTCUSDT=BOOK | {"t": 10**30}),
        market_data(BTCUSDT=BOOK | {"t": -1}),
    ],
)
async def test_book_that_can_not_be_is_counted_and_the_next_one_told(
    exchange: ScriptedExchange, lie: Message
) -> None:
    async with running(exchange) as run:
        run.venue.subscribe_depth(("BTCUSDT",))
        await exchange.asked("subscribe")
        exchange.tell(lie, "public")
        exchange.tell(market_data(BTCUSDT=BOOK), "public")
        depth = await run.heard.next("depth")
        assert depth.asks == ((Amount("101.5"), Amount(2)),)
        assert run.venue.oddities.count == 1
