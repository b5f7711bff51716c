"""Starts one process of Tidings from its configuration and gives its exit code."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from console.lanes.host import configure_logs
from console.settings import Settings, check_mode, load_settings
from core.runtime.service import Service, run_service

Main = Callable[[Service, Settings], Coroutine[Any, Any, None]]


def start(name: str, config: Path | None, main: Main, *, mode: str | None = None) -> int:
    """Load and check the configuration, then run `main` as a service.

    Raises:
        ConfigurationError: before anything was started.
    """
    settings = load_settings(config)
    if mode is not None:
        check_mode(settings, mode)
    configure_logs(name, settings)
    return run_service(
        lambda service: main(service, settings),
        name=name,
        drain_limit_ms=settings.runtime.drain_ms,
    )
