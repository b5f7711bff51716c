"""What texts are read with in a running lane: loaded, replaced while events flow, and shown."""

from console.lanes.host import Host
from console.settings import Settings
from core.runtime.metrics import Metrics
from models.registry import Registry
from signals.reloading import Reloading
from signals.shadow import Shadow
from signals.tables import TableFiles


def models_of(settings: Settings) -> Registry:
    """Open the registry of models; nothing is read yet."""
    return Registry(settings.runtime.data_dir / "models")


def load_tables(
    host: Host, *, shadow: Shadow | None = None, registry: Registry | None = None
) -> Reloading:
    """Load what a lane reads with; run its `run` as a supervised task.

    Args:
        host: of the lane.
        shadow: is given the model on trial.
        registry: of models; without one only the coins and rules are loaded, which is all that
            an event's keys depend on.

    Raises:
        ConfigurationError: a file is malformed, or the model in use was tampered with.
    """
    signals = host.settings.signals
    files = TableFiles(registry, signals.assets, signals.rules)
    return Reloading(files, shadow=shadow, tell=host.notifications.tell)


def show_tables(tables: Reloading, shadow: Shadow, metrics: Metrics) -> None:
    """Show which models run, whether they agree, and how the texts have drifted."""

    def versions() -> dict[tuple[str, str], float]:
        running = {("live", tables.version): 1.0}
        return running | ({("shadow", shadow.version): 1.0} if shadow.version else {})

    metrics.gauge("model", "Models that run", ("role", "version"), versions)
    metrics.gauge("input_drift", "Stability index of predictions", "version", tables.drift)
    metrics.count(
        "tables",
        "What became of new tables",
        "what",
        lambda: {"taken": tables.reloads, "refused": tables.refused},
    )
    metrics.count(
        "shadow_decisions",
        "Decisions by which model gave a signal",
        ("who", "direction"),
        lambda: shadow.agreement,
    )
