"""`tidings doctor`: what is missing on this machine, and what each missing thing is needed for."""

import shutil
import sys
from pathlib import Path
from typing import Final

import click

PROGRAMS: Final = {
    "java": "a local Kafka (scripts/kafka) and the tests that use one",
    "mvn": "bringing Kafka's jars for a local broker",
    "redis-server": "the tests of the shared state on a real server",
    "node": "the test of the AsyncAPI document",
    "npm": "the test of the AsyncAPI document",
    "chromium": "the tests that look at the report in a browser",
    "docker": "docker-compose.yml: Kafka, Redis, PostgreSQL and the stages as containers",
}
FREE_BYTES: Final = 1024**3


@click.command()
def doctor() -> None:
    """Look for what Tidings can use. Only what is marked 'needed' stops it from running."""
    python = sys.version_info >= (3, 11)
    _say(python, "Python 3.11 or later", sys.version.split()[0], needed=True)
    free = shutil.disk_usage(Path.cwd()).free
    _say(free > FREE_BYTES, "1 GiB of disk", f"{free / 1024**3:.1f} GiB free", needed=True)
    for name, use in PROGRAMS.items():
        path = shutil.which(name)
        _say(path is not None, name, path or f"only for {use}", needed=False)
    postgres = shutil.which("initdb") or next(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), None
    )
    _say(
        postgres is not None,
        "postgresql",
        str(postgres or "only for the tests of the journal on PostgreSQL"),
        needed=False,
    )
    if not (python and free > FREE_BYTES):
        sys.exit(1)


def _say(found: bool, what: str, detail: str, *, needed: bool) -> None:
    mark = "ok     " if found else ("needed " if needed else "missing")
    click.echo(f"{mark}  {what:22}  {detail}")
