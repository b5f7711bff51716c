"""Tells over HTTP whether the process lives and is ready, and shows its metrics."""

import hmac
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import msgspec
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from core.contracts.clock import Clock
from core.contracts.errors import ConfigurationError
from core.runtime.metrics import CONTENT_TYPE, Metrics
from core.runtime.tasks import Status, Supervisor

_SHUTDOWN_S: Final = 1.0  # what an open request may take to end when the server stops
_MAX_BODY: Final = 65_536


class CheckResult(NamedTuple):
    """One check's answer; `detail` is for people."""

    ok: bool
    detail: str


Check = Callable[[], CheckResult]


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """All checks at one time.

    Attributes:
        live: False means that only a restart helps.
        ready: True when every check is ok: the process does its work now.
        checked_ns: UTC ns.
        checks: each check's answer, by name.
    """

    live: bool
    ready: bool
    checked_ns: int
    checks: dict[str, dict[str, bool | str]]


class Health:
    """The checks of one process, asked when somebody wants to know."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._checks: dict[str, tuple[Check, bool]] = {}

    def add(self, name: str, check: Check, *, vital: bool = False) -> None:
        """Add a check; must not block. A `vital` one that fails also says: restart me."""
        self._checks[name] = (check, vital)

    def report(self) -> HealthReport:
        """Ask every check; one that raises has failed."""
        live = ready = True
        checks: dict[str, dict[str, bool | str]] = {}
        for name, (check, vital) in self._checks.items():
            try:
                result = check()
            except Exception as error:  # noqa: BLE001 - a check that can't tell is not ok
                result = CheckResult(ok=False, detail=f"{type(error).__name__}: {error}")
            checks[name] = result._asdict()
            ready = ready and result.ok
            live = live and (result.ok or not vital)
        return HealthReport(
            live=live, ready=ready and live, checked_ns=self._clock.now_ns(), checks=checks
        )


def tasks_check(supervisor: Supervisor) -> Check:
    """Make the check that all of a supervisor's tasks are running."""

    def check() -> CheckResult:
        off = [
            f"{name} {state.status} after {state.restarts} restarts ({state.last_error})"
            for name, state in supervisor.states().items()
            if state.status is not Status.RUNNING
        ]
        return CheckResult(not off, "; ".join(off) or "all tasks running")

    return check


def require_token(token: str | None, handler: Handler) -> Handler:
    """Let only requests with `Authorization: Bearer <token>` through to `handler`.

    Without a configured token everybody who reaches the port gets through.

    Raises:
        ConfigurationError: the token is empty, which would protect nothing.
    """
    if token is None:
        return handler
    if not token:
        raise ConfigurationError("the control token is empty: set one, or leave the key out")
    expected = f"Bearer {token}".encode()

    async def guarded(request: web.Request) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, expected):
            raise web.HTTPUnauthorized(
                text="this needs the control token, as a bearer token\n",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return await handler(request)

    return guarded


def known_hosts_only(*names: str) -> Middleware:
    """Refuse requests whose Host, or whose Origin where it has one, is not known.

    Loopback is, and so are `names`. A web page must not reach a server through a name that it
    has pointed here (DNS rebinding), nor post to it from another site.
    """
    known = frozenset(name.lower() for name in ("localhost", *names))

    def is_known(address: str) -> bool:
        try:
            name = urlsplit(address).hostname
        except ValueError:
            return False
        if not name:
            return False
        if name in known:
            return True
        try:
            return ip_address(name).is_loopback
        except ValueError:
            return False

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if not is_known(f"//{request.headers.get('Host', '')}") or (
            origin is not None and not is_known(origin)
        ):
            raise web.HTTPForbidden(text="this host name is not known here\n")
        return await handler(request)

    return guard


class HealthServer:
    """Serves /health/live, /health/ready, /metrics and the routes given.

    Only under `host`, `known_hosts` and loopback, see `known_hosts_only`.

    Args:
        health: what /health answers from.
        host: address to listen on.
        port: 0 takes a free one.
        metrics: what /metrics shows; without it there is no such route.
        routes: more routes, as aiohttp has them; guard those that change something with
            `require_token`.
        known_hosts: names under which others reach this server.

    Attributes:
        port: the real port, once started.
    """

    def __init__(
        self,
        health: Health,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        metrics: Metrics | None = None,
        routes: Sequence[web.RouteDef] = (),
        known_hosts: Sequence[str] = (),
    ) -> None:
        self.host = host
        self.port = port
        self._health = health
        self._app = web.Application(
            middlewares=[known_hosts_only(host, *known_hosts)], client_max_size=_MAX_BODY
        )
        self._app.add_routes(
            [
                web.get("/health/live", self._live),
                web.get("/health/ready", self._ready),
                *([_metrics_route(metrics)] if metrics is not None else []),
                *routes,
            ]
        )
        self._runner = web.AppRunner(
            self._app, access_log=None, shutdown_timeout=_SHUTDOWN_S, handle_signals=False
        )

    async def start(self) -> None:
        """Listen.

        Raises:
            ConfigurationError: the address or port can't be had.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, self.port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigurationError(
                f"can't listen on {self.host}:{self.port}: {error.strerror}; "
                "choose another address or port for the health server"
            ) from error
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening; open requests get a second to end."""
        await self._runner.cleanup()

    async def _live(self, _request: web.Request) -> web.Response:
        live = self._health.report().live
        return web.json_response({"live": live}, status=200 if live else 503)

    async def _ready(self, _request: web.Request) -> web.Response:
        report = self._health.report()
        return web.Response(
            body=msgspec.json.encode(report),
            status=200 if report.ready else 503,
            content_type="application/json",
        )


def _metrics_route(metrics: Metrics) -> web.RouteDef:
    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE})

    return web.get("/metrics", show)
