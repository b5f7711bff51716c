"""What every shared store must do: the embedded one and a real Redis server."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from core.contracts.errors import ConfigurationError, Rejected, Retryable
from core.contracts.gate import GateChange, GateState
from core.runtime.state import State, open_state
from tests.servers.loopback import free_port
from tests.servers.redis import redis_server

NOW_NS = 1_767_323_045_678_901_234
SECOND_NS = 1_000_000_000


@pytest.fixture(params=["embedded", pytest.param("server", marks=pytest.mark.redis)])
async def state(request: pytest.FixtureRequest) -> AsyncIterator[State]:
    url = None
    if request.param == "server":
        url = str(request.getfixturevalue("redis_url"))
        async with redis.asyncio.Redis.from_url(url) as cleaner:
            await cleaner.flushdb()
    opened = await open_state(url)
    yield opened
    await opened.close()


async def test_heartbeats_come_back_with_their_age(state: State) -> None:
    await state.heartbeat("trade", NOW_NS, "12 orders open")
    await state.heartbeat("crawl", NOW_NS - SECOND_NS)
    await state.heartbeat("trade", NOW_NS + 1, "13 orders open")

    beats = await state.heartbeats(NOW_NS + SECOND_NS)

    assert list(beats) == ["crawl", "trade"]
    assert beats["trade"].age_ns == SECOND_NS - 1
    assert beats["trade"].detail == "13 orders open"
    assert beats["crawl"].age_ns == 2 * SECOND_NS


async def test_clock_that_runs_ahead_shows_as_a_negative_age(state: State) -> None:
    await state.heartbeat("crawl", NOW_NS + 5)
    assert (await state.heartbeats(NOW_NS))["crawl"].age_ns == -5


async def test_empty_store_has_no_balances_gate_orders_or_heartbeats(state: State) -> None:
    assert await state.balances("hitbtc", NOW_NS) is None
    assert await state.gate() is None
    assert await state.due_orders(NOW_NS, 10) == []
    assert await state.heartbeats(NOW_NS) == {}


async def test_balances_come_back_byte_for_byte_with_their_age(state: State) -> None:
    body = b'[{"currency":"USDT","available":"100.10","note":"\xc3\xa9"}]'
    await state.put_balances("hitbtc", b"[]", NOW_NS - 1)
    await state.put_balances("hitbtc", body, NOW_NS)
    await state.put_balances("binance", b"[]", NOW_NS)

    found = await state.balances("hitbtc", NOW_NS + 7)

    assert found is not None
    assert (found.body, found.at_ns, found.age_ns) == (body, NOW_NS, 7)


async def test_nonces_rise_one_by_one_from_the_floor(state: State) -> None:
    assert await state.next_nonce("kraken", NOW_NS) == NOW_NS
    assert await state.next_nonce("kraken", NOW_NS) == NOW_NS + 1
    assert await state.next_nonce("kraken", NOW_NS - SECOND_NS) == NOW_NS + 2
    assert await state.next_nonce("kraken", NOW_NS + SECOND_NS) == NOW_NS + SECOND_NS
    assert await state.next_nonce("bitstamp", 5) == 5


async def test_nonces_taken_at_once_are_all_different(state: State) -> None:
    taken = await asyncio.gather(*(state.next_nonce("kraken", NOW_NS) for _ in range(40)))
    assert sorted(taken) == list(range(NOW_NS, NOW_NS + 40))


async def test_orders_come_when_due_longest_due_first(state: State) -> None:
    await state.push_order_to_check("t-late", NOW_NS + SECOND_NS)
    await state.push_order_to_check("t-second", NOW_NS - 1_000)
    await state.push_order_to_check("t-first", NOW_NS - SECOND_NS)

    assert await state.due_orders(NOW_NS, 10) == ["t-first", "t-second"]
    assert await state.orders_to_check() == 3
    assert await state.due_orders(NOW_NS + SECOND_NS + 1_000, 10) == ["t-late"]


async def test_order_is_never_due_before_its_time(state: State) -> None:
    await state.push_order_to_check("t1", NOW_NS)
    assert await state.due_orders(NOW_NS - 1, 10) == []


async def test_no_more_orders_than_asked_for(state: State) -> None:
    for number in range(3):
        await state.push_order_to_check(f"t{number}", NOW_NS - SECOND_NS + number * 1_000)
    assert await state.due_orders(NOW_NS, 2) == ["t0", "t1"]
    assert await state.due_orders(NOW_NS, 2) == ["t2"]


async def test_two_workers_never_get_the_same_order(state: State) -> None:
    expected = [f"t{number:02}" for number in range(50)]
    for order in expected:
        await state.push_order_to_check(order, NOW_NS)

    batches = await asyncio.gather(*(state.due_orders(NOW_NS + SECOND_NS, 5) for _ in range(12)))

    assert sorted(order for batch in batches for order in batch) == expected


async def test_order_of_a_worker_that_died_comes_again_after_its_lease(state: State) -> None:
    await state.push_order_to_check("t1", NOW_NS)
    now_ns = NOW_NS + SECOND_NS
    assert await state.due_orders(now_ns, 1, lease_ns=SECOND_NS) == ["t1"]
    assert await state.due_orders(now_ns + SECOND_NS // 2, 1) == []
    assert await state.due_orders(now_ns + SECOND_NS + 1_000, 1) == ["t1"]


async def test_requeued_order_comes_at_its_new_time(state: State) -> None:
    await state.push_order_to_check("t1", NOW_NS)
    assert await state.due_orders(NOW_NS + 1_000, 1) == ["t1"]
    await state.requeue("t1", NOW_NS + 5 * SECOND_NS)
    assert await state.due_orders(NOW_NS + 4 * SECOND_NS, 1) == []
    assert await state.due_orders(NOW_NS + 6 * SECOND_NS, 1) == ["t1"]


async def test_order_settled_by_another_worker_is_not_requeued(state: State) -> None:
    await state.push_order_to_check("t1", NOW_NS)
    await state.order_checked("t1")
    await state.requeue("t1", NOW_NS)
    assert await state.orders_to_check() == 0


async def test_order_pushed_twice_is_queued_once(state: State) -> None:
    await state.push_order_to_check("t1", NOW_NS)
    await state.push_order_to_check("t1", NOW_NS + SECOND_NS)
    assert await state.orders_to_check() == 1
    assert await state.due_orders(NOW_NS + 1_000, 1) == []


async def test_gate_is_shown_as_it_was_last_put(state: State) -> None:
    halted = GateChange(state=GateState.HALTED, reason="stale book", by="trade", changed_ns=NOW_NS)
    active = GateChange(state=GateState.ACTIVE, reason="", by="operator", changed_ns=NOW_NS + 1)
    await state.put_gate(active)
    await state.put_gate(halted)
    assert await state.gate() == halted


async def test_two_embedded_stores_share_nothing() -> None:
    first, second = await open_state("embedded://"), await open_state(None)
    await first.next_nonce("kraken", 10)
    assert await second.next_nonce("kraken", 1) == 1
    await first.close()
    await second.close()


@pytest.mark.redis
async def test_two_clients_of_one_server_share_everything(redis_url: str, state: State) -> None:
    first, second = await open_state(redis_url), await open_state(redis_url)
    venue = "shared"
    one = [first.next_nonce(venue, NOW_NS) for _ in range(10)]
    two = [second.next_nonce(venue, NOW_NS) for _ in range(10)]
    assert len(set(await asyncio.gather(*one, *two))) == 20
    await first.close()
    await second.close()


async def test_unreachable_server_is_retryable_and_its_password_stays_secret() -> None:
    with pytest.raises(Retryable, match=r"127\.0\.0\.1:\d+/3 could not ping.*state\.url") as caught:
        await open_state(f"redis://bot:hunter2@127.0.0.1:{free_port()}/3")
    assert "hunter2" not in str(caught.value)


@pytest.mark.redis
async def test_server_that_goes_away_is_retryable_in_every_call(redis_binary: str) -> None:
    with redis_server(redis_binary) as url:
        opened = await open_state(url)
    change = GateChange(state=GateState.ACTIVE, reason="", by="test", changed_ns=NOW_NS)
    for call in (
        opened.heartbeat("trade", NOW_NS),
        opened.heartbeats(NOW_NS),
        opened.put_balances("hitbtc", b"[]", NOW_NS),
        opened.balances("hitbtc", NOW_NS),
        opened.next_nonce("hitbtc", NOW_NS),
        opened.push_order_to_check("t1", NOW_NS),
        opened.due_orders(NOW_NS, 1),
        opened.requeue("t1", NOW_NS),
        opened.order_checked("t1"),
        opened.orders_to_check(),
        opened.put_gate(change),
        opened.gate(),
    ):
        with pytest.raises(Retryable, match="see that the server runs"):
            await call
    await opened.close()


@pytest.mark.redis
async def test_server_that_comes_back_is_used_again(redis_binary: str) -> None:
    port = free_port()
    with redis_server(redis_binary, port=port) as url:
        opened = await open_state(url)
        await opened.next_nonce("hitbtc", NOW_NS)
    with pytest.raises(Retryable):
        await opened.next_nonce("hitbtc", NOW_NS)
    with redis_server(redis_binary, port=port):
        assert await opened.next_nonce("hitbtc", NOW_NS + SECOND_NS) == NOW_NS + SECOND_NS
    await opened.close()


@pytest.mark.redis
async def test_wrong_password_is_a_configuration_error_that_keeps_it_secret(
    redis_binary: str,
) -> None:
    with redis_server(redis_binary, password="right") as url:
        opened = await open_state(url)
        assert await opened.next_nonce("hitbtc", 1) == 1
        await opened.close()
        with pytest.raises(ConfigurationError, match=r"state\.url") as caught:
            await open_state(url.replace("right", "hunter2"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.redis
async def test_key_that_holds_something_else_is_rejected(redis_url: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url) as other_program:
        await other_program.flushdb()
        await other_program.set("tidings:heartbeats", "mine")
    opened = await open_state(redis_url)
    with pytest.raises(Rejected, match="refused to read heartbeats: WRONGTYPE"):
        await opened.heartbeats(NOW_NS)
    await opened.close()


@pytest.mark.parametrize(
    "url", ["http://bot:hunter2@localhost", "redis://bot:hunter2@localhost:port/0", "nonsense"]
)
async def test_malformed_url_is_a_configuration_error_without_the_url(url: str) -> None:
    with pytest.raises(ConfigurationError, match="TIDINGS_STATE__URL") as caught:
        await open_state(url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
