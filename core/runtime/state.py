"""What the processes share and can rebuild: balances, nonces, orders to check, heartbeats, gate.

Kept in Redis, or in an embedded store behind the same client where there is one process only. The
truth is elsewhere (the venue, then the journal): an empty store costs some questions to the venues
and nothing else. None of it is on the way from event to order.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from fakeredis import FakeAsyncRedis, FakeServer
from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from core.contracts.codec import decoder, encode
from core.contracts.errors import ConfigurationError, Rejected, Retryable
from core.contracts.gate import GateChange

EMBEDDED: Final = "embedded://"
TIMEOUT_SECONDS: Final = 2.0  # to connect, and for each answer
LEASE_NS: Final = 30_000_000_000

_PREFIX: Final = "tidings:"
_HEARTBEATS: Final = _PREFIX + "heartbeats"
_ORDERS: Final = _PREFIX + "orders-to-check"
_GATE: Final = _PREFIX + "gate"

# Scores are doubles, exact for integers to 2**53: nanoseconds of today are not, microseconds are.
_NS_PER_SCORE: Final = 1_000


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The last sign of life of a service.

    Attributes:
        at_ns: when it was given, by the service's clock, UTC ns.
        age_ns: how long ago that is; negative where the service's clock is ahead of the reader's.
        detail: what the service said about itself.
    """

    at_ns: int
    age_ns: int
    detail: str


class SharedBalances(msgspec.Struct, frozen=True, kw_only=True):
    """A venue's balances as the trader last wrote them.

    Attributes:
        body: JSON, as it was put.
        at_ns: when they were put, UTC ns.
        age_ns: how long ago that is; negative where the writer's clock is ahead of the reader's.
    """

    body: bytes
    at_ns: int
    age_ns: int


class _Beat(msgspec.Struct, frozen=True):
    """A heartbeat as it is stored."""

    at_ns: int
    detail: str


_decode_beat: Final = decoder(_Beat)
_decode_gate: Final = decoder(GateChange)


class State:
    """The shared store; made by `open_state`, safe to use from many tasks at once.

    Every method is one round trip, or one transaction that is tried again when another process
    changed the same key. Every method raises:

        Retryable: the server can't be reached, or can't write now.
        ConfigurationError: the server refuses our user or password.
        Rejected: the server refuses the command, or holds something else under our key.
    """

    def __init__(self, client: Redis, where: str) -> None:
        """Wrap a connected client that gives bytes; `where` names the server without secrets."""
        self._client = client
        self._where = where

    async def ping(self) -> None:
        """Ask whether the server answers."""
        with self._errors("ping"):
            await self._client.ping()

    async def heartbeat(self, service: str, now_ns: int, detail: str = "") -> None:
        """Give a sign of life; `service` is a stable name, since each name is kept for good."""
        with self._errors("write a heartbeat"):
            await self._client.hset(_HEARTBEATS, service, encode(_Beat(now_ns, detail)))

    async def heartbeats(self, now_ns: int) -> dict[str, Heartbeat]:
        """Give the last sign of life of every service that ever gave one, by name."""
        with self._errors("read heartbeats"):
            stored: Any = await self._client.hgetall(_HEARTBEATS)
        beats = {name.decode(): _decode_beat(raw) for name, raw in sorted(stored.items())}
        return {
            name: Heartbeat(at_ns=beat.at_ns, age_ns=now_ns - beat.at_ns, detail=beat.detail)
            for name, beat in beats.items()
        }

    async def put_balances(self, venue: str, body: bytes, now_ns: int) -> None:
        """Replace a venue's balances by `body` (JSON), valid at `now_ns`."""
        with self._errors("write balances"):
            await self._client.hset(
                f"{_PREFIX}balances:{venue}", mapping={"at_ns": now_ns, "body": body}
            )

    async def balances(self, venue: str, now_ns: int) -> SharedBalances | None:
        """Give a venue's balances with their age; None where nobody put any."""
        with self._errors("read balances"):
            stored: Any = await self._client.hmget(f"{_PREFIX}balances:{venue}", ["at_ns", "body"])
        at_ns, body = stored
        if at_ns is None or body is None:
            return None
        return SharedBalances(body=body, at_ns=int(at_ns), age_ns=now_ns - int(at_ns))

    async def next_nonce(self, venue: str, floor: int) -> int:
        """Give a number above every one given before for this venue, and at least `floor`.

        With a floor made from the time (up to 2**63 - 1), the numbers keep rising even when the
        store was emptied.
        """
        key = f"{_PREFIX}nonce:{venue}"

        async def step(pipe: Pipeline) -> int:
            last = await pipe.get(key)
            nonce = floor if last is None else max(floor, int(last) + 1)
            pipe.multi()  # type: ignore[no-untyped-call]
            pipe.set(key, nonce)
            return nonce

        with self._errors("take a nonce"):
            return int(await self._client.transaction(step, key, value_from_callable=True))

    async def push_order_to_check(self, client_order_id: str, due_ns: int) -> None:
        """Have an order's fate asked for at `due_ns`; one already queued moves there."""
        with self._errors("queue an order to check"):
            await self._client.zadd(_ORDERS, {client_order_id: _score(due_ns)})

    async def due_orders(self, now_ns: int, limit: int, lease_ns: int = LEASE_NS) -> list[str]:
        """Take up to `limit` orders that are due, longest due first.

        They are this caller's for `lease_ns`: nobody else gets them meanwhile. Within that time
        say `order_checked` or `requeue`; a worker that died leaves them to the next one.
        """

        async def step(pipe: Pipeline) -> list[bytes]:
            due: list[Any] = await pipe.zrangebyscore(
                _ORDERS, "-inf", now_ns // _NS_PER_SCORE, start=0, num=limit
            )
            pipe.multi()  # type: ignore[no-untyped-call]
            if due:
                pipe.zadd(_ORDERS, dict.fromkeys(due, _score(now_ns + lease_ns)))
            return due

        with self._errors("take due orders"):
            taken = await self._client.transaction(step, _ORDERS, value_from_callable=True)
        return [order.decode() for order in taken]

    async def requeue(self, client_order_id: str, due_ns: int) -> None:
        """Have a taken order asked for again at `due_ns`; one settled meanwhile stays settled."""
        with self._errors("requeue an order"):
            await self._client.zadd(_ORDERS, {client_order_id: _score(due_ns)}, xx=True)

    async def order_checked(self, client_order_id: str) -> None:
        """Take an order whose fate is known off the queue; harmless where it isn't on it."""
        with self._errors("take an order off the queue"):
            await self._client.zrem(_ORDERS, client_order_id)

    async def orders_to_check(self) -> int:
        """Count the orders that are queued, due or not."""
        with self._errors("count the orders to check"):
            return int(await self._client.zcard(_ORDERS))

    async def put_gate(self, change: GateChange) -> None:
        """Show the gate's state to other processes; the journal holds the gate itself."""
        with self._errors("write the gate"):
            await self._client.set(_GATE, encode(change))

    async def gate(self) -> GateChange | None:
        """Give the gate as last shown; None where the trader has not started yet."""
        with self._errors("read the gate"):
            raw: Any = await self._client.get(_GATE)
        return None if raw is None else _decode_gate(raw)

    async def close(self) -> None:
        """Give the connections back; the embedded store's content goes with them."""
        await self._client.aclose()

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        """Say what failed, where and what to do, in the project's kinds; never the password."""
        try:
            yield
        except (exceptions.AuthenticationError, exceptions.NoPermissionError) as error:
            raise ConfigurationError(
                f"Redis at {self._where} refused to {doing}: {error}; "
                "correct user and password in state.url (TIDINGS_STATE__URL)"
            ) from error
        except (
            exceptions.ConnectionError,
            exceptions.TimeoutError,
            exceptions.ReadOnlyError,
            exceptions.OutOfMemoryError,
        ) as error:
            raise Retryable(
                f"Redis at {self._where} could not {doing}: {error}; see that the server runs "
                "and can write, or correct state.url (TIDINGS_STATE__URL)"
            ) from error
        except exceptions.RedisError as error:
            raise Rejected(
                f"Redis at {self._where} refused to {doing}: {error}; "
                f"see what else uses keys that begin with {_PREFIX!r} in that database"
            ) from error


async def open_state(url: str | None) -> State:
    """Connect to the shared store, and ask it whether it answers.

    Args:
        url: `redis://[user:password@]host:port/database`, `rediss://` for TLS, `unix://path`;
            None or `embedded://` makes an empty store that lives in this process only.

    Raises:
        ConfigurationError: the URL is malformed, or the server refuses our user or password.
        Retryable: the server does not answer.
    """
    if url is None or url == EMBEDDED:
        client: Redis = FakeAsyncRedis(server=FakeServer())
        return State(client, EMBEDDED)
    try:
        client = Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 1),  # a connection that idled away; what else is the caller's
        )
    except ValueError:
        # Its text may hold parts of the URL, and so the password.
        raise ConfigurationError(
            "state.url (TIDINGS_STATE__URL) is not a Redis URL; write it as "
            f"redis://user:password@host:6379/0, or {EMBEDDED} for a store in this process"
        ) from None
    state = State(client, _place(client))
    try:
        await state.ping()
    except BaseException:
        await state.close()
        raise
    return state


def _place(client: Redis) -> str:
    """Name a server by host, port and database (or socket path), without user and password."""
    known: dict[str, Any] = client.get_connection_kwargs()  # type: ignore[no-untyped-call]
    if "path" in known:
        return str(known["path"])
    return f"{known.get('host', 'localhost')}:{known.get('port', 6379)}/{known.get('db', 0)}"


def _score(due_ns: int) -> int:
    """Round up, so that nothing is due before its time."""
    return -(-due_ns // _NS_PER_SCORE)
