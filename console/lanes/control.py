"""The operator's routes over HTTP: status, gate, flatten, orders, balances."""

from typing import Final

import msgspec
from aiohttp import web

from core.contracts.codec import encode
from core.contracts.gate import GateState
from core.runtime.health import require_token
from core.runtime.settings import Secret
from trader.engine import Trader

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
        counts=dict(trader.counts),
    )


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
