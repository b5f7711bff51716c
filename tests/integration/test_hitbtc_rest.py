"""HitBTC's REST questions against a scripted server: signed exactly, and never guessed."""

import hmac
from base64 import b64decode
from collections.abc import AsyncIterator
from hashlib import sha256

import pytest
from aiohttp import web

from core.contracts.clock import ManualClock
from core.contracts.errors import Rejected, Retryable
from core.contracts.money import Amount
from core.contracts.orders import Report
from tests.integration.hitbtc_script import KEY, SECRET, Message, ScriptedExchange, order
from trader.venues.hitbtc.client import HitBtc
from trader.venues.hitbtc.rest import MAX_ANSWER, VenueRefusal

ACTIVE = "GET /spot/order/t1"
ORDERS = "GET /spot/history/order"
TRADES = "GET /spot/history/trade"
NOT_FOUND = {"error": {"code": 20002, "message": "Order not found"}}
TRADE = {
    "id": 1,
    "order_id": 584244931496,
    "client_order_id": "t1",
    "symbol": "BTCUSDT",
    "side": "buy",
    "quantity": "0.004",
    "price": "49595.04",
    "fee": "0.49",
    "fee_currency": "USDT",
    "timestamp": "2026-01-02T03:04:05.679Z",
    "taker": True,
}
CLOCK = ManualClock()


@pytest.fixture
async def exchange() -> AsyncIterator[ScriptedExchange]:
    async with ScriptedExchange().started() as exchange:
        yield exchange


@pytest.fixture
async def venue(exchange: ScriptedExchange) -> AsyncIterator[HitBtc]:
    venue = HitBtc(exchange.settings(rest_timeout_ms=500), clock=CLOCK)
    yield venue
    await venue.close()


def answer(exchange: ScriptedExchange, request: str, body: object, **how: object) -> None:
    status = how.get("status", 200)
    headers = {"Retry-After": str(how["retry_after"])} if "retry_after" in how else None
    assert isinstance(status, int)
    exchange.rest[request] = lambda _: web.json_response(body, status=status, headers=headers)


def known_to_history(exchange: ScriptedExchange, orders: list[Message], trades: object) -> None:
    answer(exchange, ACTIVE, NOT_FOUND, status=400)
    answer(exchange, ORDERS, orders)
    answer(exchange, TRADES, trades)


async def test_request_is_signed_as_it_is_sent(exchange: ScriptedExchange, venue: HitBtc) -> None:
    known_to_history(exchange, [], [])
    await venue.find_order("t1", "BTCUSDT")
    assert len(exchange.requests) == 3
    for request in exchange.requests:
        kind, _, proof = request.headers["Authorization"].partition(" ")
        now_ms = CLOCK.now_ns() // 1_000_000
        text = f"{request.method}{request.raw_path}{now_ms}"
        signature = hmac.new(SECRET.encode(), text.encode(), sha256).hexdigest()
        assert (kind, b64decode(proof).decode()) == ("HS256", f"{KEY}:{signature}:{now_ms}")


async def test_odd_id_is_asked_for_whole(exchange: ScriptedExchange, venue: HitBtc) -> None:
    exchange.rest["GET /spot/order/a/b?c"] = lambda _: web.json_response(NOT_FOUND, status=400)
    answer(exchange, ORDERS, [])
    answer(exchange, TRADES, [])
    assert await venue.find_order("a/b?c", "BTCUSDT") is None
    assert exchange.requests[0].raw_path == "/api/3/spot/order/a%2Fb%3Fc"
    assert exchange.requests[1].query["client_order_id"] == "a/b?c"


async def test_public_question_carries_no_key(exchange: ScriptedExchange, venue: HitBtc) -> None:
    [instrument] = await venue.instruments()
    assert instrument.symbol == "BTCUSDT"
    assert "Authorization" not in exchange.requests[0].headers


async def test_pair_that_can_not_be_understood_is_left_out_and_logged(
    exchange: ScriptedExchange, venue: HitBtc, caplog: pytest.LogCaptureFixture
) -> None:
    pair = {"type": "spot", "status": "working"}
    answer(exchange, "GET /public/symbol", {"ODD": pair})
    assert await venue.instruments() == ()
    assert "left out" in caplog.text


async def test_active_order_without_fills_takes_one_question(
    exchange: ScriptedExchange, venue: HitBtc
) -> None:
    answer(exchange, ACTIVE, order())
    found = await venue.find_order("t1", "BTCUSDT")
    assert found is not None
    assert (found.status, found.fills) == (Report.ACKNOWLEDGED, ())
    assert len(exchange.requests) == 1


async def test_past_order_is_found_with_its_fills(
    exchange: ScriptedExchange, venue: HitBtc
) -> None:
    past = order(status="expired", quantity_cumulative="0.004", report_type="status")
    known_to_history(exchange, [past], [TRADE])
    found = await venue.find_order("t1", "BTCUSDT")
    assert found is not None
    assert (found.status, found.filled_quantity) == (Report.EXPIRED, Amount("0.004"))
    assert [f.trade_id for f in found.fills] == ["1"]


async def test_not_found_inside_http_200_counts_as_not_found(
    exchange: ScriptedExchange, venue: HitBtc
) -> None:
    known_to_history(exchange, [], [])
    answer(exchange, ACTIVE, NOT_FOUND)
    assert await venue.find_order("t1", "BTCUSDT") is None


@pytest.mark.parametrize(
    ("orders", "trades"),
    [
        pytest.param([], [TRADE], id="fills of an order that is not there"),
        pytest.param([order(quantity_cumulative="0.004")], [], id="fills behind"),
        pytest.param([order(quantity_cumulative="0.004")], [TRADE, TRADE], id="fills twice"),
        pytest.param([order("t2")], [], id="another order"),
        pytest.param([order(symbol="ETHBTC")], [], id="another pair"),
        pytest.param(
            [order(quantity_cumulative="0.004")],
            [TRADE | {"client_order_id": "t2"}],
            id="another order's fill",
        ),
        pytest.param([order(), order()], [], id="two orders"),
        pytest.param([order(status="teleported")], [], id="unknown status"),
        pytest.param([order(quantity="NaN")], [], id="no amount"),
        pytest.param([], {"error": {"code": 500, "message": "sorry"}}, id="error in success"),
        pytest.param([], {}, id="no list"),
        pytest.param([], None, id="null"),
    ],
)
async def test_unsure_answer_is_never_an_absence(
    exchange: ScriptedExchange, venue: HitBtc, orders: list[Message], trades: object
) -> None:
    known_to_history(exchange, orders, trades)
    with pytest.raises(Retryable):
        await venue.find_order("t1", "BTCUSDT")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (NOT_FOUND, 500),
        (NOT_FOUND, 503),
        ({}, 404),
        ("page not found", 404),
        ([], 404),
        (NOT_FOUND, 429),
        ({"error": {"code": 503, "message": "busy"}}, 200),
        ({"error": {"code": 20010, "message": "maintenance"}}, 400),
        ({"error": "words"}, 400),
        ({"error": None}, 200),
    ],
)
async def test_answer_that_does_not_say_so_is_no_not_found(
    exchange: ScriptedExchange, venue: HitBtc, body: object, status: int
) -> None:
    known_to_history(exchange, [], [])
    answer(exchange, ACTIVE, body, status=status)
    with pytest.raises(Retryable):
        await venue.find_order("t1", "BTCUSDT")


async def test_definite_refusal_tells_its_code(exchange: ScriptedExchange, venue: HitBtc) -> None:
    error = {"error": {"code": 1003, "message": "Action is forbidden", "description": "rights"}}
    answer(exchange, "GET /spot/balance", error, status=403)
    with pytest.raises(VenueRefusal, match="1003 Action is forbidden: rights") as refusal:
        await venue.balances()
    assert refusal.value.code == 1003


@pytest.mark.parametrize(
    ("said", "wait_ns"),
    [("2", 2_000_000_000), ("999999", 3_600_000_000_000), ("soon", None), ("-1", None)],
)
async def test_venues_wish_to_wait_is_passed_on(
    exchange: ScriptedExchange, venue: HitBtc, said: str, wait_ns: int | None
) -> None:
    answer(exchange, "GET /spot/order", {}, status=429, retry_after=said)
    with pytest.raises(Retryable) as refusal:
        await venue.open_orders()
    assert refusal.value.retry_after_ns == wait_ns


@pytest.mark.parametrize("text", ["", "not json", "[" * 100_000, "[{}", '"', "\x00"])
async def test_broken_json_is_retryable(
    exchange: ScriptedExchange, venue: HitBtc, text: str
) -> None:
    exchange.rest["GET /spot/order"] = lambda _: web.Response(text=text)
    with pytest.raises(Retryable):
        await venue.open_orders()


async def test_answer_beyond_the_limit_is_not_read_to_its_end(
    exchange: ScriptedExchange, venue: HitBtc
) -> None:
    exchange.rest["GET /spot/balance"] = lambda _: web.Response(body=b" " * (MAX_ANSWER + 1))
    with pytest.raises(Retryable, match="over"):
        await venue.balances()


async def test_redirect_is_not_followed(exchange: ScriptedExchange, venue: HitBtc) -> None:
    def elsewhere(_: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "/api/3/public/symbol"})

    exchange.rest["GET /spot/balance"] = elsewhere
    with pytest.raises(Retryable, match="302"):
        await venue.balances()
    assert len(exchange.requests) == 1


async def test_nobody_there_is_retryable(exchange: ScriptedExchange) -> None:
    venue = HitBtc(exchange.settings(rest_url="http://127.0.0.1:1/api/3"), clock=CLOCK)
    with pytest.raises(Retryable):
        await venue.instruments()
    await venue.close()


async def test_silence_is_retryable(exchange: ScriptedExchange) -> None:
    settings = exchange.settings(
        rest_url=f"http://127.0.0.1:{exchange.ws_port}/api/3", rest_timeout_ms=100
    )
    venue = HitBtc(settings, clock=CLOCK)  # where websockets are spoken
    with pytest.raises(Retryable):
        await venue.instruments()
    await venue.close()


async def test_balances_of_nothing_are_left_out(exchange: ScriptedExchange, venue: HitBtc) -> None:
    holdings = [
        {"currency": "USDT", "available": "0", "reserved": "5"},
        {"currency": "BTC", "available": "0", "reserved": "0"},
    ]
    answer(exchange, "GET /spot/balance", holdings)
    assert [b.currency for b in await venue.balances()] == ["USDT"]


async def test_cancelled_order_is_named_in_the_answer(
    exchange: ScriptedExchange, venue: HitBtc
) -> None:
    answer(exchange, "DELETE /spot/order/t1", order(status="canceled"))
    await venue.cancel_order("t1")
    answer(exchange, "DELETE /spot/order/t1", order("t2", status="canceled"))
    with pytest.raises(Retryable, match="another order"):
        await venue.cancel_order("t1")


async def test_private_question_without_credentials_is_refused_here(
    exchange: ScriptedExchange,
) -> None:
    venue = HitBtc(exchange.settings(api_key=None, secret=None), clock=CLOCK)
    with pytest.raises(Rejected, match="api_key"):
        await venue.balances()
    assert not exchange.requests
    await venue.close()
