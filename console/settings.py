"""The whole configuration: every stage's section in one file, with what belongs to the process."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.contracts.errors import ConfigurationError
from core.runtime.settings import Millis, Secret, Section, load
from crawlers.settings import CrawlSettings
from signals.settings import SignalSettings
from trader.settings import TraderSettings
from trader.venues.hitbtc.settings import HitBtcSettings

CONFIG_VARIABLE: Final = "TIDINGS_CONFIG"
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class RuntimeSettings(Section):
    """The process itself."""

    data_dir: Path = Path("data")
    """Journal, database, cursors and logs live here."""
    log_level: str = "INFO"
    log_format: Literal["console", "json"] = "console"
    log_file: bool = True
    """Also write JSON logs to data_dir/logs, rotated."""
    rehearse_ms: Annotated[int, Field(ge=0, le=1000)] | None = 5
    """How often the way from event to order is rehearsed while nothing happens, so that the
    processor has it at hand; 0 without a pause: quickest, and takes a whole core."""
    drain_ms: Millis = 10_000
    """How long a process may take to finish after SIGTERM."""


class HealthSettings(Section):
    """Where health, metrics and the operator's commands are served."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    token: Secret | None = None
    """Asked of everybody who moves the gate or flattens; needed when `host` is not loopback."""
    known_hosts: tuple[str, ...] = ()


class NotificationSettings(Section):
    """What an operator is told: always in the log, and at a web address where one is set."""

    url: Secret | None = None
    """Takes a POST of JSON whose `text` says everything, as chat services' webhooks do."""
    secret: Secret | None = None
    """Signs each POST, for a receiver of one's own."""
    timeout_ms: Millis = 10_000
    min_interval_ms: Millis = 60_000
    """Between two about the same subject; those in between become one."""
    test_interval_ms: Millis = 86_400_000
    """Between two tests that prove the way; the first is sent at the start. 0 for none."""

    @model_validator(mode="after")
    def _is_an_address(self) -> "NotificationSettings":
        if self.url is not None:
            parts = urlsplit(self.url.get_secret_value())
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("url has to be an address that begins with https:// or http://")
        return self


class KafkaSettings(Section):
    """The broker; the fast lane publishes to it behind the trade, the other lane lives on it."""

    bootstrap: str | None = None
    topic_prefix: str = ""
    replication: Annotated[int, Field(ge=1)] = 1
    linger_ms: Annotated[int, Field(ge=0, le=1000)] = 0
    instance: str | None = None
    """A name this process keeps over restarts, so that it has its partitions back at once."""
    spool_mb: Annotated[int, Field(ge=0)] = 512
    """How much of what was read may wait in data_dir/spool, in MiB, while the broker is away; past
    it the crawlers stop reading. 0: nothing waits there, and without a broker nothing starts."""


class StateSettings(Section):
    """What processes share: embedded by default, a Redis server by URL."""

    url: Secret | None = None


class JournalSettings(Section):
    """Where the journal is copied to: SQLite in data_dir by default, PostgreSQL by URL."""

    url: Secret | None = None
    fsync: bool = False
    """Survive power cuts too, at a disk's round trip for each order."""


class PaperSettings(Section):
    """Paper trading: the simulated exchange, its books following the venue's public ones."""

    start_exchange: bool = True
    """Start one; otherwise the addresses in [hitbtc] are those of one that runs on this machine."""
    balances: dict[str, str] = Field(default_factory=lambda: {"USDT": "10000"})
    """What the paper account holds at the start."""
    max_symbols: Annotated[int, Field(ge=1, le=500)] = 50


class LiveSettings(Section):
    """Real money."""

    armed: bool = False
    """Has to be true, besides `--mode live`, before an order can reach the real exchange."""


class Settings(BaseModel):
    """Everything that can be configured; each table is one section."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runtime: RuntimeSettings = RuntimeSettings()
    health: HealthSettings = HealthSettings()
    notifications: NotificationSettings = NotificationSettings()
    kafka: KafkaSettings = KafkaSettings()
    state: StateSettings = StateSettings()
    journal: JournalSettings = JournalSettings()
    crawl: CrawlSettings = CrawlSettings()
    signals: SignalSettings = SignalSettings()
    trader: TraderSettings = TraderSettings()
    hitbtc: HitBtcSettings = HitBtcSettings()
    paper: PaperSettings = PaperSettings()
    live: LiveSettings = LiveSettings()


def load_settings(path: Path | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the configuration: the file named, or by TIDINGS_CONFIG, or the defaults.

    Without a file the bundled public feeds are read.

    Raises:
        ConfigurationError: it names every wrong key and what to do.
    """
    if path is None and environ.get(CONFIG_VARIABLE):
        path = Path(environ[CONFIG_VARIABLE])
    settings = load(Settings, path=path, environ=environ)
    crawl = settings.crawl
    if path is None and not crawl.live_sources():
        rss = crawl.rss.model_copy(update={"public_feeds": True})
        settings = settings.model_copy(update={"crawl": crawl.model_copy(update={"rss": rss})})
    if settings.health.host not in LOOPBACK and settings.health.token is None:
        raise ConfigurationError(
            f"health.host is {settings.health.host}, which others can reach: set health.token"
            " (TIDINGS_HEALTH__TOKEN), or listen on 127.0.0.1"
        )
    return settings


def require_bootstrap(settings: Settings) -> str:
    """Give the broker's address, which this command can't do without.

    Raises:
        ConfigurationError: none is configured.
    """
    if settings.kafka.bootstrap is None:
        raise ConfigurationError(
            "no Kafka broker: set kafka.bootstrap (TIDINGS_KAFKA__BOOTSTRAP), for example"
            " 127.0.0.1:9092; `tidings run` needs none"
        )
    return settings.kafka.bootstrap


def check_mode(settings: Settings, mode: str) -> None:
    """Refuse a mode and a venue address that don't belong together.

    Raises:
        ConfigurationError: paper trading pointed at a real exchange, or live trading not armed.
    """
    local = urlsplit(settings.hitbtc.trading_url).hostname in LOOPBACK
    if mode == "live":
        if not settings.live.armed:
            raise ConfigurationError(
                "live trading is not armed: set live.armed = true (TIDINGS_LIVE__ARMED=true) when"
                " you mean to trade real money"
            )
        if settings.hitbtc.api_key is None:
            raise ConfigurationError(
                "live trading needs hitbtc.api_key and hitbtc.secret (TIDINGS_HITBTC__API_KEY,"
                " TIDINGS_HITBTC__SECRET)"
            )
    elif not settings.paper.start_exchange and not local:
        raise ConfigurationError(
            "paper.start_exchange is false, so hitbtc.trading_url has to be a simulated exchange"
            f" on this machine, not {settings.hitbtc.trading_url}"
        )
