"""The way to Kafka that both lanes take: the bus, and a spool on disk before it."""

from typing import Final

from console.lanes.host import Host
from console.settings import Settings, require_bootstrap
from core.runtime.bus.kafka import CONFIRM_TIMEOUT_MS, MAX_BUFFERED, KafkaBus
from core.runtime.bus.port import Bus
from core.runtime.bus.spool import SpoolBus

MIB: Final = 1024 * 1024
IN_MEMORY: Final = 10_000  # records; with a spool the others wait on disk
LEAST_CONFIRM_MS: Final = 250


def kafka_bus(
    settings: Settings,
    host: Host,
    name: str,
    *,
    max_buffered: int = MAX_BUFFERED,
    confirm_timeout_ms: int = CONFIRM_TIMEOUT_MS,
) -> KafkaBus:
    """Make a process's bus; `name` is what the broker knows it by.

    Raises:
        ConfigurationError: no broker is configured.
    """
    kafka = settings.kafka
    return KafkaBus(
        require_bootstrap(settings),
        clock=host.clock,
        client_id=f"tidings-{name}",
        linger_ms=kafka.linger_ms,
        max_buffered=max_buffered,
        replication=kafka.replication,
        topic_prefix=kafka.topic_prefix,
        instance=kafka.instance,
        confirm_timeout_ms=confirm_timeout_ms,
    )


def spooled_bus(settings: Settings, host: Host, name: str) -> Bus:
    """Make the bus of a process that crawls: what it read outlives an absent broker.

    With `kafka.spool_mb` 0 it is `kafka_bus`.

    Raises:
        ConfigurationError: no broker is configured.
    """
    if not settings.kafka.spool_mb:
        return kafka_bus(settings, host, name)
    return SpoolBus(
        kafka_bus(
            settings,
            host,
            name,
            max_buffered=IN_MEMORY,
            # A process that ends asks twice for confirmation, and has its cursors to save as well.
            confirm_timeout_ms=max(LEAST_CONFIRM_MS, settings.runtime.drain_ms // 5),
        ),
        settings.runtime.data_dir / "spool",
        clock=host.clock,
        max_bytes=settings.kafka.spool_mb * MIB,
    )
