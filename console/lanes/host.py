"""What every process of Tidings stands on: logs, health, metrics, heartbeats, supervised tasks."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from aiohttp import web

from console.settings import Settings
from core.contracts.clock import Clock
from core.runtime import logs
from core.runtime.alert_webhook import AlertWebhook
from core.runtime.clock import SystemClock
from core.runtime.health import Check, Health, HealthServer, tasks_check
from core.runtime.journal.database import default_url
from core.runtime.metrics import Metrics
from core.runtime.notifications import Notifications
from core.runtime.service import collect_when_idle, freeze_garbage
from core.runtime.state import State, open_state
from core.runtime.tasks import Supervisor

HEARTBEAT_S: Final = 1.0
SWITCH_S: Final = 0.0005  # feeds are parsed in threads; they may hold the interpreter this long


class Ready(msgspec.Struct, frozen=True):
    """The line a service prints once it works: who it is and where its health is served."""

    service: str
    health_url: str


def say_ready(ready: Ready) -> None:
    """Tell whoever started us, on standard output."""
    sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
    sys.stdout.flush()


def configure_logs(name: str, settings: Settings) -> None:
    """Send logs to stderr and, where configured, to a bounded file."""
    runtime = settings.runtime
    file = runtime.data_dir / "logs" / f"{name}.jsonl" if runtime.log_file else None
    logs.configure(runtime.log_level, service=name, format=runtime.log_format, file=file)


class Host:
    """What a process stands on; start it first, stop it last.

    Attributes:
        name: of the process.
        settings: of everything.
        clock: for everything.
        metrics: of the process.
        health: of the process.
        notifications: what its operator is told.
        supervisor: of its tasks.
    """

    def __init__(self, name: str, settings: Settings, *, clock: Clock | None = None) -> None:
        self.name = name
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.metrics = Metrics()
        self.health = Health(self.clock)
        self.notifications = self._make_notifications()
        self.supervisor = Supervisor(
            name, on_fatal=self._tell_of_end, on_restart=self._count_restart
        )
        self._state: State | None = None
        self._server: HealthServer | None = None

    @property
    def state(self) -> State:
        """The shared state, once started."""
        if self._state is None:
            raise RuntimeError(f"{self.name} is not started")
        return self._state

    @property
    def database_url(self) -> str:
        """Where the journal is copied to and cursors are kept."""
        url = self.settings.journal.url
        return url.get_secret_value() if url else default_url(self.settings.runtime.data_dir)

    async def start(self, routes: Sequence[web.RouteDef] = ()) -> str:
        """Open the shared state, serve health, begin the heartbeat; give the health address."""
        sys.setswitchinterval(SWITCH_S)
        self.settings.runtime.data_dir.mkdir(parents=True, exist_ok=True)
        url = self.settings.state.url
        self._state = await open_state(url.get_secret_value() if url else None)
        health = self.settings.health
        self.health.add("tasks", tasks_check(self.supervisor))
        self._server = HealthServer(
            self.health,
            health.host,
            health.port,
            metrics=self.metrics,
            routes=routes,
            known_hosts=health.known_hosts,
        )
        await self._server.start()
        self.supervisor.start("heartbeat", self._beat)
        self._start_notifications()
        return f"http://{health.host}:{self._server.port}"

    def add_checks(self, checks: dict[str, Check]) -> None:
        """Add a stage's checks to the health report."""
        for name, check in checks.items():
            self.health.add(name, check)

    def settle(self, is_idle: Callable[[], bool]) -> None:
        """Everything is built: take it out of the garbage collector's way."""
        freeze_garbage()
        self.supervisor.start("garbage", lambda: collect_when_idle(is_idle))

    async def stop(self) -> None:
        """End all tasks, tell what is left to tell, then stop serving."""
        try:
            await self.supervisor.stop()
        finally:
            await self.notifications.close()
        if self._server is not None:
            await self._server.stop()
        if self._state is not None:
            await self._state.close()

    def _make_notifications(self) -> Notifications:
        settings = self.settings.notifications
        receiver = None
        if settings.url is not None:
            receiver = AlertWebhook(
                settings.url.get_secret_value(),
                secret=settings.secret.get_secret_value() if settings.secret else None,
                timeout_ms=settings.timeout_ms,
                clock=self.clock,
            )
        return Notifications(
            self.name,
            clock=self.clock,
            receiver=receiver,
            min_interval_ms=settings.min_interval_ms,
            test_interval_ms=settings.test_interval_ms,
        )

    def _start_notifications(self) -> None:
        told = self.notifications
        self.metrics.count(
            "notifications", "What became of notifications", "what", lambda: told.counts
        )
        if self.settings.notifications.url is not None:
            self.health.add("notifications", told.check)
            self.supervisor.start("notifications", told.run)

    def _tell_of_end(self, error: BaseException) -> None:
        self.notifications.tell(f"{self.name} stops: {error}", "process")

    def _count_restart(self, task: str) -> None:
        self.metrics.restarts.labels(task).inc()

    async def _beat(self) -> None:
        while True:
            report = self.health.report()
            detail = "ready" if report.ready else "not ready"
            await self.state.heartbeat(self.name, self.clock.now_ns(), detail)
            await asyncio.sleep(HEARTBEAT_S)
