"""The operator's hands: status, halt, reduce, resume, flatten, orders, balances.

They speak to the running process over its health port on this machine. The gate can also be moved
while nothing runs: the change goes straight into the journal and holds at the next start.
"""

import asyncio
import getpass
import json
import sys
from pathlib import Path
from typing import Any, Final

import click

from console.options import config_option

TIMEOUT_S: Final = 5.0
EXIT_HALTED: Final = 3
reason_option = click.option("--reason", default="by hand", help="Kept with the change.")


@click.command()
@config_option
def status(config: Path | None) -> None:
    """Show what runs, how the gate stands and what is open; exit code 3 when halted."""
    settings = _settings(config)
    answer = _ask(settings, "GET", "/control/status")
    if answer is None:
        click.echo("no trader is running (nothing answers on the health port)")
        gate = asyncio.run(_journaled_gate(settings))
        click.echo(f"gate    {gate['state']}: {gate['reason']}" if gate else "gate    active")
        if gate and gate["state"] == "halted":
            sys.exit(EXIT_HALTED)
        return
    counts = answer.pop("counts")
    positions = answer.pop("positions")
    kept_back = answer.pop("kept_back")
    for key, value in answer.items():
        click.echo(f"{key:15} {value}")
    for position in positions:
        click.echo(
            f"{'open':15} {position['side']} {position['quantity']} {position['asset']} at"
            f" {position['entry_price']}, out at {position['take_profit']} or {position['stop']}"
        )
    for one in kept_back:
        end = f"until {one['until']}" if one["until"] else "until the venue says it is over"
        click.echo(
            f"{'no entries' if one['now'] else 'no entries soon':15} from {one['since']} {end}:"
            f" {one['kind']} {one['state']}, {one['title']}"
            f" ({one['positions']} open positions; notice {one['notice']}) {one['url']}"
        )
    for key, value in sorted(counts.items()):
        click.echo(f"  {key:30} {value}")
    if answer["gate"] == "halted":
        sys.exit(EXIT_HALTED)


@click.command()
@config_option
@reason_option
def halt(config: Path | None, reason: str) -> None:
    """Stop sending orders; what rests at the venue is cancelled."""
    _move(config, "halted", reason)


@click.command()
@config_option
@reason_option
def reduce(config: Path | None, reason: str) -> None:
    """Let only orders through that reduce exposure."""
    _move(config, "reducing", reason)


@click.command()
@config_option
@reason_option
def resume(config: Path | None, reason: str) -> None:
    """Trade again."""
    _move(config, "active", reason)


@click.command()
@config_option
def flatten(config: Path | None) -> None:
    """Close every open position at the market's price, within the exit slippage."""
    answer = _ask(_settings(config), "POST", "/control/flatten")
    if answer is None:
        raise click.ClickException("no trader is running: start one, it takes up its positions")
    click.echo(f"closing {answer['closing']} positions")


@click.command()
@config_option
@click.option("--limit", default=20, show_default=True)
def orders(config: Path | None, limit: int) -> None:
    """List the latest orders, from the journal; works whether or not a trader runs."""
    asyncio.run(_print_orders(_settings(config), limit))


@click.command()
@config_option
def balances(config: Path | None) -> None:
    """Show what the venue holds, as the running trader last heard."""
    answer = _ask(_settings(config), "GET", "/control/balances")
    if answer is None:
        raise click.ClickException("no trader is running: balances are the venue's to tell")
    for held in answer["balances"]:
        click.echo(
            f"{held['venue']:10} {held['currency']:8} free {held['available']:>20}"
            f"  reserved {held['reserved']:>16}"
        )


def _settings(config: Path | None) -> Any:  # noqa: ANN401 - console.settings is imported on use
    from console.settings import load_settings  # noqa: PLC0415

    return load_settings(config)


def _move(config: Path | None, state: str, reason: str) -> None:
    settings = _settings(config)
    body = {"state": state, "reason": reason, "by": getpass.getuser()}
    answer = _ask(settings, "POST", "/control/gate", body)
    if answer is None:
        asyncio.run(_journal_gate(settings, body))
        click.echo(f"gate {state} (no trader is running; it holds from the next start)")
    else:
        click.echo(f"gate {answer['state']}: {answer['reason']}")


def _ask(settings: Any, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
    """Ask the running process; None when nothing answers on its port.

    Raises:
        click.ClickException: it answered with a refusal.
    """
    import http.client  # noqa: PLC0415

    health = settings.health
    headers = {"Content-Type": "application/json"}
    if health.token is not None:
        headers["Authorization"] = f"Bearer {health.token.get_secret_value()}"
    connection = http.client.HTTPConnection(health.host, health.port, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        text = answer.read()
    except (ConnectionRefusedError, http.client.HTTPException):
        return None
    except OSError as error:
        raise click.ClickException(
            f"{health.host}:{health.port} does not answer ({error}): if the process hangs, end it"
            " by its id; its orders are in the journal"
        ) from error
    finally:
        connection.close()
    if answer.status == http.client.NOT_FOUND:
        raise click.ClickException("the process on the health port is no trader")
    if answer.status != http.client.OK:
        raise click.ClickException(f"refused ({answer.status}): {text.decode().strip()}")
    return json.loads(text)


def _database(settings: Any) -> str:  # noqa: ANN401
    from core.runtime.journal.database import default_url  # noqa: PLC0415

    url = settings.journal.url
    return url.get_secret_value() if url else default_url(settings.runtime.data_dir)


async def _journaled_gate(settings: Any) -> dict[str, str] | None:  # noqa: ANN401
    from core.contracts.errors import TidingsError  # noqa: PLC0415
    from core.runtime.journal.reader import JournalReader  # noqa: PLC0415

    try:
        async with JournalReader(_database(settings)) as reader:
            change = await reader.latest_gate()
    except TidingsError:
        return None  # nothing has run here yet
    return {"state": change.state, "reason": change.reason} if change else None


async def _journal_gate(settings: Any, body: dict[str, str]) -> None:  # noqa: ANN401
    from core.contracts.gate import GateChange, GateState  # noqa: PLC0415
    from core.runtime.clock import SystemClock  # noqa: PLC0415
    from core.runtime.journal.journal import Journal  # noqa: PLC0415

    clock = SystemClock()
    directory = settings.runtime.data_dir / "journal"
    journal = Journal(directory, _database(settings), clock=clock)
    await journal.open()
    journal.append(
        "gate",
        GateChange(
            state=GateState(body["state"]),
            reason=body["reason"],
            by=body["by"],
            changed_ns=clock.now_ns(),
        ),
    )
    await journal.close()


async def _print_orders(settings: Any, limit: int) -> None:  # noqa: ANN401
    from core.runtime.journal.reader import JournalReader  # noqa: PLC0415

    async with JournalReader(_database(settings)) as reader:
        made = await reader.orders(limit=limit)
    for entry in made:
        intent = entry.approved.intent
        state = entry.reports[-1].report if entry.reports else "approved"
        click.echo(
            f"{intent.client_order_id}  {intent.symbol:10} {intent.side:4} {intent.leg:7}"
            f" {intent.quantity:>14} at {intent.limit_price:>12}  {state}"
        )
    if not made:
        click.echo("no orders yet")
