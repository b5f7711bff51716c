"""The distributed lane's classifier: Tidings' health and logs around the Faust worker."""

import asyncio

from console.lanes.host import Host, Ready, say_ready
from console.lanes.tables import load_tables, models_of, show_tables
from console.settings import Settings, require_bootstrap
from core.runtime.health import CheckResult
from core.runtime.service import Service
from signals.app import work
from signals.classifier import Classifier
from signals.shadow import Shadow


async def classify(service: Service, settings: Settings) -> None:
    """Classify the events that Kafka brings; a worker that fails ends the process."""
    host = Host("classify", settings)
    kafka, bootstrap = settings.kafka, require_bootstrap(settings)
    shadow = Shadow()
    tables = load_tables(host, shadow=shadow, registry=models_of(settings))
    flowing = asyncio.Event()
    finished = asyncio.Event()
    url = await host.start()

    def on_started(classifier: Classifier) -> None:
        flowing.set()
        host.metrics.read("signals", "Signals given", lambda: classifier.signals)
        host.metrics.count("skips", "Events without a signal", "reason", lambda: classifier.skipped)
        show_tables(tables, shadow, host.metrics)
        host.settle(lambda: True)
        say_ready(Ready(service.name, url))

    def flows() -> CheckResult:
        return CheckResult(flowing.is_set(), "events flow" if flowing.is_set() else "restoring")

    host.health.add("worker", flows)
    host.health.add("model", tables.check)
    host.supervisor.start("tables", tables.run)

    async def until_finished() -> None:
        await finished.wait()

    service.on_drain("worker", until_finished)
    service.on_drain("host", host.stop)
    try:
        await work(
            bootstrap=bootstrap,
            topic_prefix=kafka.topic_prefix,
            reader=tables.reader,
            limits=settings.signals.limits(),
            trust=settings.signals.trust.judge(),
            shadow=shadow,
            clock=host.clock,
            data_dir=settings.runtime.data_dir / "faust",
            replication=kafka.replication,
            instance=kafka.instance,
            stopping=service.stopping,
            on_started=on_started,
        )
    finally:
        finished.set()
