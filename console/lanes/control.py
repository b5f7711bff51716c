"""The operator's routes over HTTP: status, gate, flatten, orders, balances."""

from datetime import UTC, datetime
from typing import Final

import msgspec
from aiohttp import web

from core.contracts.codec import encode
from core.contracts.gate import GateState
from core.runtime.health import require_token
from core.runtime.settings import Secret
from trader.engine import Trader
from trader.risk.closures import Closure

PREFIX: Final = "/control"


class GateRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What an operator wants of the gate."""

    state: GateState
    reason: str
    by: str


class OpenPosition(msgspec.Struct, frozen=True, kw_only=True):
    """One position not yet closed; amounts as text without exponents."""

    asset: str
    symbol: str
    side: str
    quantity: str
    entry_price: str
    take_profit: str
    stop: str


class KeptBack(msgspec.Struct, frozen=True, kw_only=True):
    """What a notice of the venue keeps from being entered, now or later; times in UTC.

    `until` is empty until the venue says when it is over; `positions` counts those that are open.
    """

    notice: str
    kind: str
    state: str
    title: str
    url: str
    pairs: tuple[str, ...]
    now: bool
    since: str
    until: str
    positions: int


class TraderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a trader stands; amounts in quote units, as text."""

    venue: str
    ready: bool
    connected: bool
    gate: str
    gate_reason: str
    gate_by: str
    exposure: str
    realised_today: str
    orders: int
    in_flight: int
    unresolved: int
    positions: tuple[OpenPosition, ...]
    kept_back: tuple[KeptBack, ...]
    counts: dict[str, int]


def status_of(trader: Trader) -> TraderStatus:
    """Describe a trader as it stands now."""
    change = trader.gate.last_change
    now_ns = trader.clock.now_ns()
    return TraderStatus(
        venue=trader.venue.name,
        ready=trader.ready,
        connected=trader.connected,
        gate=trader.gate.state,
        gate_reason=change.reason,
        gate_by=change.by,
        exposure=f"{trader.portfolio.exposure:f}",
        realised_today=f"{trader.portfolio.realised_today(now_ns):f}",
        orders=len(trader.orders),
        in_flight=len(trader.orders.live()),
        unresolved=len(trader.orders.unresolved()),
        positions=tuple(
            OpenPosition(
                asset=position.intent.asset,
                symbol=position.intent.symbol,
                side=position.intent.side,
                quantity=f"{position.open_quantity:f}",
                entry_price=f"{position.plan.entry_price:f}" if position.plan else "",
                take_profit=f"{position.plan.take_profit:f}" if position.plan else "",
                stop=f"{position.plan.stop:f}" if position.plan else "",
            )
            for position in trader.portfolio.open_positions()
        ),
        kept_back=tuple(
            _kept_back(trader, closure, now_ns)
            for closure in trader.closures.pending
            if closure.until_ns is None or now_ns < closure.until_ns
        ),
        counts=dict(trader.counts),
    )


def _kept_back(trader: Trader, closure: Closure, now_ns: int) -> KeptBack:
    notice = closure.notice
    touched = [
        position
        for position in trader.portfolio.open_positions()
        if not notice.pairs
        or f"{position.intent.asset}/{position.intent.quote_asset}" in notice.pairs
    ]
    return KeptBack(
        notice=notice.id,
        kind=notice.kind,
        state=notice.state,
        title=notice.title,
        url=notice.url or "",
        pairs=notice.pairs,
        now=closure.holds(now_ns),
        since=_utc(closure.from_ns),
        until=_utc(closure.until_ns),
        positions=len(touched),
    )


def _utc(at_ns: int | None) -> str:
    if at_ns is None:
        return ""
    return f"{datetime.fromtimestamp(at_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def control_routes(trader: Trader, token: Secret | None) -> list[web.RouteDef]:
    """Make the routes; those that change something ask for the token where one is configured."""
    secret = token.get_secret_value() if token else None

    async def status(_request: web.Request) -> web.Response:
        return _json(status_of(trader))

    async def gate(request: web.Request) -> web.Response:
        try:
            wanted = msgspec.json.decode(await request.read(), type=GateRequest)
        except msgspec.DecodeError as error:
            raise web.HTTPBadRequest(text=f"not a gate request: {error}\n") from error
        trader.move_gate(wanted.state, reason=wanted.reason, by=wanted.by)
        return _json(trader.gate.last_change)

    async def flatten(_request: web.Request) -> web.Response:
        return _json({"closing": trader.closing.flatten()})

    async def balances(_request: web.Request) -> web.Response:
        held = [b for b in trader.portfolio.balances.values() if b.available or b.reserved]
        return _json({"at_ns": trader.portfolio.balances_ns, "balances": held})

    return [
        web.get(f"{PREFIX}/status", status),
        web.get(f"{PREFIX}/balances", balances),
        web.post(f"{PREFIX}/gate", require_token(secret, gate)),
        web.post(f"{PREFIX}/flatten", require_token(secret, flatten)),
    ]


def _json(body: object) -> web.Response:
    return web.Response(body=encode(body), content_type="application/json")
