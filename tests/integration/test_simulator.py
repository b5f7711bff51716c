"""The simulated exchange over real sockets: what a client sees, whole and under each fault."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from picows import WSHandshakeError, WSMsgType

from tests.integration.simulator_client import (
    Rest,
    Socket,
    login_params,
    order_params,
    trader,
)
from trader.simulator.server import Endpoints, SimulatorServer
from trader.simulator.settings import SimulatorSettings

BOOKS = Path(__file__).resolve().parents[2].parent / "shared/data/books"
CHANNEL = "orderbook/D10/100ms"
SETTINGS: dict[str, Any] = {
    "source": "control",
    "immediate": True,
    "balances": {"USDT": "1000", "BTC": "10"},
    "symbols": [
        {
            "symbol": symbol,
            "base": symbol[:3],
            "quote": "USDT",
            "mid": "100",
            "tick_size": "0.01",
            "lot_size": "0.001",
            "level_quantity": "1",
        }
        for symbol in ("BTCUSDT", "ETHUSDT")
    ],
}
BOOK = {
    "symbol": "BTCUSDT",
    "bids": [["99", "1"], ["98", "2"]],
    "asks": [["101", "1"], ["102", "2"]],
}


@asynccontextmanager
async def running(settings: SimulatorSettings) -> AsyncIterator[Endpoints]:
    server = SimulatorServer(settings)
    try:
        yield await server.start()
    finally:
        await server.stop()


@pytest.fixture
async def urls() -> AsyncIterator[Endpoints]:
    async with running(SimulatorSettings.model_validate(SETTINGS)) as endpoints:
        yield endpoints


@pytest.fixture
async def rest(urls: Endpoints) -> AsyncIterator[Rest]:
    async with aiohttp.ClientSession() as session:
        client = Rest(session, urls.rest_url, urls.control_url)
        assert (await client.control("book", BOOK))[0] == 200
        yield client


@pytest.fixture
async def client(urls: Endpoints, rest: Rest) -> AsyncIterator[Socket]:
    socket = await trader(urls.trading_url)
    yield socket
    await socket.close()


def balances(message: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {b["currency"]: (b["available"], b["reserved"]) for b in message["params"]}


async def settled(rest: Rest) -> dict[str, Any]:
    """Read the state: everything sent before on any socket has been handled by then."""
    status, state = await rest.control("state")
    assert status == 200
    return dict(state)


# Login


async def test_nothing_but_login_is_answered_before_login(urls: Endpoints) -> None:
    socket = await Socket.connect(urls.trading_url)
    for method in ("spot_new_order", "spot_balances", "spot_subscribe"):
        answer = await socket.call(method, order_params("a"))
        assert answer["error"]["code"] == 1001
    await socket.close()


@pytest.mark.parametrize("wrong", [{"secret": "other"}, {"at_ms": 1_000}])
async def test_bad_login_is_refused(urls: Endpoints, wrong: dict[str, Any]) -> None:
    socket = await Socket.connect(urls.trading_url)
    answer = await socket.call("login", login_params(**wrong))
    assert answer["error"]["code"] == 1002
    assert (await socket.call("spot_balances"))["error"]["code"] == 1001
    await socket.close()


async def test_unknown_path_is_not_found(urls: Endpoints) -> None:
    with pytest.raises(WSHandshakeError):
        await Socket.connect(urls.trading_url.replace("trading", "margin"))


# Orders


async def test_filled_order_is_reported_answered_and_paid(client: Socket) -> None:
    answer = await client.call("spot_new_order", order_params("a", quantity="0.5"))
    result = answer["result"]
    assert (result["status"], result["quantity_cumulative"]) == ("filled", "0.5")
    new, trade = client.reports("a")
    assert (new["report_type"], new["status"], "trade_id" in new) == ("new", "new", False)
    assert trade == result
    assert (trade["report_type"], trade["trade_price"], trade["trade_quantity"]) == (
        "trade",
        "101",
        "0.5",
    )
    assert (float(trade["trade_fee"]), trade["trade_taker"]) == (0.12625, True)
    told = await client.until(lambda m: m.get("method") == "spot_balance", count=2)
    available = {name: (float(a), float(r)) for name, (a, r) in balances(told).items()}
    assert available == {"BTC": (10.5, 0), "USDT": (949.37375, 0)}


async def test_partly_filled_ioc_order_ends_expired(client: Socket) -> None:
    params = order_params("a", quantity="4", price="102")
    answer = await client.call("spot_new_order", params)
    assert (answer["result"]["status"], answer["result"]["quantity_cumulative"]) == (
        "expired",
        "3",
    )
    reports = client.reports("a")
    assert [r["report_type"] for r in reports] == ["new", "trade", "trade", "expired"]
    assert [r["status"] for r in reports][1:] == ["partiallyFilled", "partiallyFilled", "expired"]
    assert reports[1]["trade_id"] != reports[2]["trade_id"]


async def test_order_that_meets_nothing_ends_expired_without_a_trade(client: Socket) -> None:
    await client.call("spot_new_order", order_params("a", price="100"))
    assert [r["report_type"] for r in client.reports("a")] == ["new", "expired"]


async def test_resting_order_reserves_is_listed_and_cancel_frees_it(
    client: Socket, urls: Endpoints
) -> None:
    params = order_params("a", price="50", time_in_force="GTC")
    assert (await client.call("spot_new_order", params))["result"]["status"] == "new"
    reserved = await client.until(lambda m: m.get("method") == "spot_balance", count=2)
    assert balances(reserved)["USDT"] == ("949.8750", "50.1250")
    (listed,) = (await client.call("spot_get_orders"))["result"]
    assert (listed["client_order_id"], listed["report_type"]) == ("a", "status")
    second = await trader(urls.trading_url)
    snapshot = await second.until(lambda m: m.get("method") == "spot_orders")
    assert [o["client_order_id"] for o in snapshot["params"]] == ["a"]
    answer = await client.call("spot_cancel_order", {"client_order_id": "a"})
    assert (answer["result"]["status"], answer["result"]["report_type"]) == (
        "canceled",
        "canceled",
    )
    assert (await second.report("a", "canceled"))["status"] == "canceled"
    again = await client.call("spot_cancel_order", {"client_order_id": "a"})
    assert again["error"]["code"] == 20002
    free = (await client.call("spot_balances"))["result"]
    assert {b["currency"]: float(b["reserved"]) for b in free} == {"BTC": 0, "USDT": 0}
    await second.close()


async def test_all_orders_are_cancelled_at_once(client: Socket) -> None:
    for name in ("a", "b"):
        await client.call("spot_new_order", order_params(name, price="5", time_in_force="GTC"))
    answer = await client.call("spot_cancel_orders")
    assert {o["client_order_id"] for o in answer["result"]} == {"a", "b"}
    assert (await client.call("spot_get_orders"))["result"] == []


async def test_resting_order_fills_when_the_book_comes_to_it(client: Socket, rest: Rest) -> None:
    await client.call("spot_new_order", order_params("a", price="100", time_in_force="GTC"))
    await rest.control("book", {"symbol": "BTCUSDT", "bids": [], "asks": [["99.5", "3"]]})
    trade = await client.report("a", "trade")
    assert (trade["status"], trade["trade_price"], trade["trade_taker"]) == (
        "filled",
        "100",
        False,
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "DOGEUSDT"}, 2001),
        ({"quantity": "0.0001"}, 10001),
        ({"price": "101.001"}, 10001),
        ({"quantity": "1E-1"}, 10001),
        ({"price": "1.01e2"}, 10001),
        ({"quantity": 1}, 10001),
        ({"price": 101.0}, 10001),
        ({"quantity": "0"}, 2011),
        ({"quantity": "100"}, 20001),
        ({"side": "sell", "price": "99", "quantity": "11"}, 20001),
    ],
)
async def test_refused_order_gets_its_code_and_no_report(
    client: Socket, changes: dict[str, Any], code: int
) -> None:
    answer = await client.call("spot_new_order", order_params("a", **changes))
    assert answer["error"]["code"] == code
    assert answer["error"]["message"]
    assert client.reports("a") == []


async def test_same_client_order_id_is_refused_and_counted(client: Socket, rest: Rest) -> None:
    await client.call("spot_new_order", order_params("a", quantity="0.1"))
    answer = await client.call("spot_new_order", order_params("a", quantity="0.1"))
    assert answer["error"]["code"] == 20008
    state = await settled(rest)
    assert state["counts"]["duplicate_client_order_ids"] == 1
    assert state["orders"][0]["received"] == 2
    assert state["orders"][0]["received_ns"][0] < state["orders"][0]["received_ns"][1]


@pytest.mark.parametrize(
    "frame", ["", "{", "[]", '{"id":1}', '{"method":7}', "[" * 100_000, '{"method":"dance"}']
)
async def test_senseless_frame_is_answered_and_the_socket_lives(client: Socket, frame: str) -> None:
    client.write(frame)
    await client.until(lambda m: m.get("error", {}).get("code") == 10001)
    assert "result" in await client.call("spot_balances")


async def test_binary_frame_ends_the_connection(urls: Endpoints) -> None:
    socket = await Socket.connect(urls.trading_url)
    socket.transport.send(WSMsgType.BINARY, b"{}")
    await asyncio.wait_for(socket.closed.wait(), 5)


async def test_two_thousand_orders_in_one_go_are_each_answered_once(
    client: Socket, rest: Rest
) -> None:
    await rest.control(
        "book", {"symbol": "BTCUSDT", "bids": [["99", "1"]], "asks": [["101", "1000000"]]}
    )
    asked = [
        client.ask("spot_new_order", order_params(f"o{n}", quantity="0.001")) for n in range(2000)
    ]
    await client.until(lambda m: m.get("id") == asked[-1])
    answers = [m for m in client.messages if m.get("id") in set(asked)]
    assert len(answers) == 2000
    assert all(m["result"]["status"] == "filled" for m in answers)
    state = await settled(rest)
    assert state["counts"]["order_frames"] == len(state["trades"]) == 2000
    assert state["counts"]["duplicate_client_order_ids"] == 0


# Books


async def test_subscriber_gets_the_whole_book_at_once_and_after_each_change(
    urls: Endpoints, rest: Rest, client: Socket
) -> None:
    public = await Socket.connect(urls.public_url)
    answer = await public.call("subscribe", {"symbols": ["BTCUSDT", "ETHUSDT"]}, ch=CHANNEL)
    assert answer["result"] == {"ch": CHANNEL, "subscriptions": ["BTCUSDT", "ETHUSDT"]}
    first = await public.until(lambda m: m.get("ch") == CHANNEL)
    shown = first["data"]["BTCUSDT"]
    assert shown["a"] == [["101", "1"], ["102", "2"]]
    assert shown["b"] == [["99", "1"], ["98", "2"]]
    await client.call("spot_new_order", order_params("a", quantity="0.4"))
    second = (await public.until(lambda m: m.get("ch") == CHANNEL, count=2))["data"]["BTCUSDT"]
    assert second["a"][0] == ["101", "0.6"]
    assert second["s"] > shown["s"]
    await rest.control("book", {"symbol": "ETHUSDT", "bids": [["1", "1"]], "asks": []})
    third = await public.until(lambda m: m.get("ch") == CHANNEL, count=3)
    assert third["data"]["ETHUSDT"]["b"] == [["1", "1"]]
    await public.close()


async def test_without_immediate_books_are_sent_at_most_every_hundred_ms_and_end_current() -> None:
    settings = SimulatorSettings.model_validate(SETTINGS | {"immediate": False})
    async with running(settings) as urls, aiohttp.ClientSession() as session:
        public = await Socket.connect(urls.public_url)
        await public.call("subscribe", {"symbols": ["BTCUSDT"]}, ch=CHANNEL)
        control = Rest(session, urls.rest_url, urls.control_url)
        for ask in range(101, 121):
            book = {"symbol": "BTCUSDT", "bids": [], "asks": [[str(ask), "1"]]}
            await control.control("book", book)
        await public.until(
            lambda m: m.get("ch") == CHANNEL and m["data"]["BTCUSDT"]["a"][0][0] == "120"
        )
        assert len([m for m in public.messages if m.get("ch") == CHANNEL]) < 20
        await public.close()


async def test_trades_are_public(urls: Endpoints, client: Socket) -> None:
    public = await Socket.connect(urls.public_url)
    await public.call("subscribe", {"symbols": ["BTCUSDT"]}, ch="trades")
    await client.call("spot_new_order", order_params("a", quantity="0.4"))
    (trade,) = (await public.until(lambda m: m.get("ch") == "trades"))["update"]["BTCUSDT"]
    assert (trade["p"], trade["q"], trade["s"]) == ("101", "0.4", "buy")
    await public.close()


@pytest.mark.parametrize(
    ("params", "channel", "code"),
    [
        ({"symbols": ["DOGE"]}, CHANNEL, 2001),
        ({"symbols": []}, CHANNEL, 10001),
        ({}, CHANNEL, 10001),
        ({"symbols": ["BTCUSDT"]}, "candles", 10001),
    ],
)
async def test_bad_subscription_is_refused(
    urls: Endpoints, params: dict[str, Any], channel: str, code: int
) -> None:
    public = await Socket.connect(urls.public_url)
    assert (await public.call("subscribe", params, ch=channel))["error"]["code"] == code
    await public.close()


# Faults


async def test_timeout_places_the_order_says_nothing_and_tells_once_asked(
    client: Socket, rest: Rest
) -> None:
    await rest.arm("timeout")
    silent = client.ask("spot_new_order", order_params("a", quantity="0.5"))
    assert (await client.call("spot_new_order", order_params("b", quantity="0.1")))["result"]
    assert not [m for m in client.messages if m.get("id") == silent]
    assert client.reports("a") == []
    status, (found,) = await rest.ask("/spot/history/order?client_order_id=a")
    assert (status, found["status"]) == (200, "filled")
    assert (await client.report("a", "trade"))["quantity_cumulative"] == "0.5"


async def test_timeout_for_a_time_tells_after_it(client: Socket, rest: Rest) -> None:
    await rest.arm("timeout", hold_ms=30)
    client.ask("spot_new_order", order_params("a", quantity="0.5"))
    await client.report("a", "trade")
    assert [r["report_type"] for r in client.reports("a")] == ["new", "trade"]


async def test_lost_order_was_never_there(client: Socket, rest: Rest) -> None:
    await rest.arm("lost")
    client.ask("spot_new_order", order_params("a"))
    await client.call("spot_balances")
    assert await rest.ask("/spot/history/order?client_order_id=a") == (200, [])
    state = await settled(rest)
    assert list(state["unplaced"]) == ["a"]
    assert client.reports("a") == []


@pytest.mark.parametrize(("kind", "placed"), [("drop_before", 0), ("drop_after", 1)])
async def test_dropped_socket_leaves_the_order_placed_or_not(
    client: Socket, rest: Rest, urls: Endpoints, kind: str, placed: int
) -> None:
    other = await trader(urls.trading_url)
    await rest.arm(kind)
    client.ask("spot_new_order", order_params("a", quantity="0.5"))
    await asyncio.wait_for(client.closed.wait(), 5)
    assert client.reports("a") == []
    assert len((await settled(rest))["orders"]) == placed
    if placed:
        await other.report("a", "trade")
    await other.close()


@pytest.mark.parametrize(("more", "placed"), [({}, 0), ({"placed": True, "code": 500}, 1)])
async def test_error_in_a_success(
    client: Socket, rest: Rest, more: dict[str, Any], placed: int
) -> None:
    await rest.arm("error_in_success", **more)
    answer = await client.call("spot_new_order", order_params("a"))
    assert answer["result"]["error"]["code"] == more.get("code", 20001)
    assert "error" not in answer
    assert len((await settled(rest))["orders"]) == placed


@pytest.mark.parametrize(("more", "placed"), [({}, 1), ({"placed": False}, 0)])
async def test_server_error_leaves_the_order_placed_or_not(
    client: Socket, rest: Rest, more: dict[str, Any], placed: int
) -> None:
    await rest.arm("server_error", **more)
    answer = await client.call("spot_new_order", order_params("a"))
    assert answer["error"]["code"] == 500
    assert len((await settled(rest))["orders"]) == placed


async def test_refusal_on_request_places_nothing(client: Socket, rest: Rest) -> None:
    await rest.arm("reject", code=429)
    assert (await client.call("spot_new_order", order_params("a")))["error"]["code"] == 429
    assert (await settled(rest))["orders"] == []


async def test_late_fill_is_acknowledged_first_and_meets_the_book_of_then(
    client: Socket, rest: Rest
) -> None:
    await rest.arm("fill_late", delay_ms=30)
    answer = await client.call("spot_new_order", order_params("a", price="102"))
    assert (answer["result"]["status"], answer["result"]["report_type"]) == ("new", "new")
    await rest.control("book", {"symbol": "BTCUSDT", "bids": [], "asks": [["100.5", "5"]]})
    assert (await client.report("a", "trade"))["trade_price"] == "100.5"


async def test_part_of_an_order_fills(client: Socket, rest: Rest) -> None:
    await rest.arm("partial", fraction="0.3")
    answer = await client.call("spot_new_order", order_params("a"))
    assert (answer["result"]["status"], answer["result"]["quantity_cumulative"]) == (
        "expired",
        "0.3",
    )


async def test_reports_come_twice(client: Socket, rest: Rest) -> None:
    await rest.arm("duplicate_reports")
    await client.call("spot_new_order", order_params("a"))
    first, second, third, fourth = client.reports("a")
    assert first == second
    assert third == fourth
    assert third["report_type"] == "trade"


async def test_slow_answer_comes_after_faster_ones(client: Socket, rest: Rest) -> None:
    await rest.arm("slow", delay_ms=30)
    slow = client.ask("spot_new_order", order_params("a", quantity="0.1"))
    await client.call("spot_new_order", order_params("b", quantity="0.1"))
    assert client.reports("a") == []
    assert (await client.until(lambda m: m.get("id") == slow))["result"]["status"] == "filled"


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [("rest_503", 503, 503), ("rest_429", 429, 429), ("rest_error_in_success", 200, 20001)],
)
async def test_rest_fails_as_told_and_then_works_again(
    rest: Rest, kind: str, status: int, code: int
) -> None:
    await rest.arm(kind)
    got, body = await rest.ask("/spot/balance")
    assert (got, body["error"]["code"]) == (status, code)
    assert (await rest.ask("/spot/balance"))[0] == 200


async def test_stale_book_is_not_sent_though_orders_meet_the_new_one(
    urls: Endpoints, rest: Rest, client: Socket
) -> None:
    public = await Socket.connect(urls.public_url)
    await public.call("subscribe", {"symbols": ["BTCUSDT"]}, ch=CHANNEL)
    await public.until(lambda m: m.get("ch") == CHANNEL)
    await rest.arm("stale_book", always=True)
    await rest.control("book", {"symbol": "BTCUSDT", "bids": [], "asks": [["105", "1"]]})
    answer = await client.call("spot_new_order", order_params("a", price="105", quantity="0.1"))
    assert answer["result"]["trade_price"] == "105"
    await rest.control("reset-faults")
    await rest.control("book", {"symbol": "BTCUSDT", "bids": [], "asks": [["106", "1"]]})
    second = await public.until(lambda m: m.get("ch") == CHANNEL, count=2)
    assert second["data"]["BTCUSDT"]["a"] == [["106", "1"]]
    await public.close()


async def test_skewed_clock_refuses_logins_that_were_signed_in_time(
    urls: Endpoints, rest: Rest
) -> None:
    await rest.arm("clock_skew", skew_ms=60_000)
    socket = await Socket.connect(urls.trading_url)
    assert (await socket.call("login", login_params()))["error"]["code"] == 1002
    assert (await rest.ask("/spot/balance"))[0] == 401
    await rest.control("reset-faults")
    assert (await socket.call("login", login_params()))["result"] is True
    await socket.close()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"kind": "explode"}),
        ("book", {"symbol": "DOGE", "bids": [], "asks": []}),
        ("book", {"symbol": "BTCUSDT", "bids": [["2", "1"]], "asks": [["1", "1"]]}),
        ("book", {"symbol": "BTCUSDT", "bids": [["1e1", "1"]], "asks": []}),
        ("book", {"symbol": "BTCUSDT"}),
        ("step", {"steps": 0}),
    ],
)
async def test_senseless_control_request_is_refused_with_the_reason(
    rest: Rest, path: str, body: dict[str, Any]
) -> None:
    status, answer = await rest.control(path, body)
    assert status == 400
    assert answer["error"]


# REST


async def test_rules_and_book_are_public(rest: Rest) -> None:
    status, symbols = await rest.ask("/public/symbol", signed=False)
    assert status == 200
    assert symbols["BTCUSDT"] == {
        "type": "spot",
        "base_currency": "BTC",
        "quote_currency": "USDT",
        "status": "working",
        "quantity_increment": "0.001",
        "tick_size": "0.01",
        "take_rate": "0.0025",
        "make_rate": "0.001",
        "fee_currency": "USDT",
    }
    status, book = await rest.ask("/public/orderbook/BTCUSDT?depth=1", signed=False)
    assert (status, book["ask"], book["bid"]) == (200, [["101", "1"]], [["99", "1"]])
    assert (await rest.ask("/public/orderbook/DOGE", signed=False))[1]["error"]["code"] == 2001


async def test_private_requests_need_the_signature(rest: Rest) -> None:
    for path in ("/spot/balance", "/spot/order", "/spot/history/trade"):
        status, body = await rest.ask(path, signed=False)
        assert (status, body["error"]["code"]) == (401, 1001)


async def test_orders_and_trades_are_found_by_client_order_id(client: Socket, rest: Rest) -> None:
    await client.call("spot_new_order", order_params("done", quantity="1.5", price="102"))
    resting = order_params("open", price="5", time_in_force="GTC")
    await client.call("spot_new_order", resting)
    assert [o["client_order_id"] for o in (await rest.ask("/spot/order"))[1]] == ["open"]
    assert (await rest.ask("/spot/order/open"))[1]["status"] == "new"
    status, body = await rest.ask("/spot/order/done")
    assert (status, body["error"]["code"]) == (400, 20002)
    _, history = await rest.ask("/spot/history/order?client_order_id=done")
    assert [o["status"] for o in history] == ["filled"]
    assert len((await rest.ask("/spot/history/order"))[1]) == 2
    assert (await rest.ask("/spot/history/order?client_order_id=none")) == (200, [])
    _, trades = await rest.ask("/spot/history/trade?client_order_id=done")
    assert [(t["price"], t["quantity"], t["fee_currency"], t["taker"]) for t in trades] == [
        ("101", "1", "USDT", True),
        ("102", "0.5", "USDT", True),
    ]
    assert [t["id"] for t in (await rest.ask("/spot/history/trade"))[1]] == [2, 1]
    assert (await rest.ask("/spot/history/trade?client_order_id=open")) == (200, [])
    status, cancelled = await rest.ask("/spot/order/open", method="DELETE")
    assert (status, cancelled["status"]) == (200, "canceled")
    assert (await client.report("open", "canceled"))["status"] == "canceled"
    _, held = await rest.ask("/spot/balance")
    assert {b["currency"]: float(b["reserved"]) for b in held} == {"BTC": 0, "USDT": 0}


# Sources


async def test_synthetic_books_move_by_step_and_alike_for_a_seed() -> None:
    async def books(seed: int) -> tuple[object, object]:
        settings = SimulatorSettings(step_interval_ms=0, seed=seed)
        async with running(settings) as urls, aiohttp.ClientSession() as session:
            control = Rest(session, urls.rest_url, urls.control_url)
            before = (await settled(control))["books"]["BTCUSDT"]
            _, stepped = await control.control("step", {"steps": 5})
            assert stepped == {"ok": True, "steps": 5, "done": False}
            after = (await settled(control))["books"]["BTCUSDT"]
        assert after["sequence"] == before["sequence"] + 5
        return after["bids"], after["asks"]

    assert await books(1) == await books(1) != await books(2)


async def test_synthetic_books_move_with_time() -> None:
    async with running(SimulatorSettings(step_interval_ms=1, immediate=True)) as urls:
        public = await Socket.connect(urls.public_url)
        await public.call("subscribe", {"symbols": ["BTCUSDT"]}, ch=CHANNEL)
        await public.until(lambda m: m.get("ch") == CHANNEL, count=5)
        await public.close()


@pytest.mark.parametrize(
    ("name", "symbol", "quote"),
    [("HITBTC.ws.1.0", "VETBTC", "BTC"), ("BINANCE.ws.1.0", "NKNUSDT", "USDT")],
)
async def test_order_trades_against_a_real_recording(name: str, symbol: str, quote: str) -> None:
    if not (BOOKS / name).is_file():
        pytest.skip("the recorded books (shared/data/books) are not here")
    settings = SimulatorSettings(
        source="capture", capture=BOOKS / name, speed=1000, repeat=False, immediate=True
    )
    async with running(settings) as urls, aiohttp.ClientSession() as session:
        public = await Socket.connect(urls.public_url)
        await public.call("subscribe", {"symbols": [symbol]}, ch=CHANNEL)
        shown = await public.until(lambda m: m.get("ch") == CHANNEL, count=3)
        client = await trader(urls.trading_url)
        control = Rest(session, urls.rest_url, urls.control_url)
        _, symbols = await control.ask("/public/symbol", signed=False)
        worst_ask = shown["data"][symbol]["a"][-1][0]
        params = order_params(
            "a", symbol=symbol, price=worst_ask, quantity=symbols[symbol]["quantity_increment"]
        )
        answer = await client.call("spot_new_order", params)
        assert answer["result"]["status"] == "filled"
        assert float(answer["result"]["trade_price"]) <= float(worst_ask)
        assert symbols[symbol]["quote_currency"] == quote
        await client.close()
        await public.close()


# The process


async def start_process(*arguments: str) -> tuple[asyncio.subprocess.Process, dict[str, str]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "trader.simulator", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    if "-" in arguments:
        process.stdin.write(json.dumps(SETTINGS).encode() + b"\n")
    line = await asyncio.wait_for(process.stdout.readline(), 20)
    return process, json.loads(line)


async def finish(process: asyncio.subprocess.Process) -> tuple[int | None, bytes]:
    _, errors = await asyncio.wait_for(process.communicate(), 10)
    return process.returncode, errors


async def test_process_serves_and_ends_cleanly_on_sigterm() -> None:
    process, urls = await start_process()
    client = await trader(urls["trading_url"])
    assert (await client.call("spot_balances"))["result"]
    process.send_signal(signal.SIGTERM)
    assert await finish(process) == (0, b"")
    await asyncio.wait_for(client.closed.wait(), 5)


async def test_process_ends_when_its_parent_lets_go_of_its_input() -> None:
    process, urls = await start_process("--with-parent", "--config", "-")
    client = await trader(urls["trading_url"])
    answer = await client.call("spot_balances")
    assert [b["currency"] for b in answer["result"]] == ["BTC", "USDT"]
    assert process.stdin is not None
    process.stdin.close()
    assert await finish(process) == (0, b"")


async def test_process_says_what_is_wrong_with_its_configuration(tmp_path: Path) -> None:
    config = tmp_path / "simulator.json"
    config.write_text('{"source":"capture","capture":"/nowhere/books"}')
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "trader.simulator", "--config", os.fspath(config)),
        stderr=asyncio.subprocess.PIPE,
    )
    code, errors = await finish(process)
    assert code == 2
    assert b"/nowhere/books" in errors
    assert b"Traceback" not in errors
