"""Logs an account in, once, and keeps the session: `python -m crawlers.sources.telegram.login`."""

import asyncio
import os
from pathlib import Path
from typing import Final

import click
from telethon import TelegramClient, errors
from telethon.sessions import SQLiteSession

from crawlers.http import USER_AGENT

_SUFFIX: Final = ".session"
_OWNER_ONLY: Final = 0o600


@click.command()
@click.option("--api-id", type=int, required=True, help="From https://my.telegram.org.")
@click.option("--session", type=click.Path(path_type=Path), required=True, help="File to write.")
def main(api_id: int, session: Path) -> None:
    """Log in to Telegram and write the session file; asks for what it needs."""
    path = create(session)
    api_hash = click.prompt("api_hash", hide_input=True)
    client = TelegramClient(
        SQLiteSession(str(path)),
        api_id,
        api_hash,
        receive_updates=False,
        device_model="server",
        app_version=USER_AGENT,
    )
    try:
        asyncio.run(log_in(client))
    except (errors.RPCError, OSError, RuntimeError) as error:
        path.unlink()
        raise click.ClickException(f"not logged in, and no session kept: {error}") from error
    except BaseException:
        path.unlink()
        raise
    click.echo(f'logged in; put session = "{path}" into [crawl.telegram]')


def create(session: Path) -> Path:
    """Make the file that will hold the session, for the owner's eyes only.

    Raises:
        click.ClickException: there is one already, or it can't be made.
    """
    path = session if session.suffix == _SUFFIX else session.with_name(session.name + _SUFFIX)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWNER_ONLY))
    except FileExistsError as error:
        raise click.ClickException(
            f"{path} exists: use it, or move it away to log in anew"
        ) from error
    except OSError as error:
        raise click.ClickException(f"{path} can't be written: {error.strerror}") from error
    return path


async def log_in(client: TelegramClient) -> None:
    """Ask for the number, the code and, where there is one, the password, and sign in with them.

    Raises:
        RPCError: Telegram refuses.
        RuntimeError: the code was wrong three times.
    """
    try:
        await client.start(
            phone=lambda: click.prompt("phone number, with country code"),
            code_callback=lambda: click.prompt("code that Telegram sent"),
            password=lambda: click.prompt("password of two-step verification", hide_input=True),
        )
    finally:
        await client.disconnect()


if __name__ == "__main__":
    main()
