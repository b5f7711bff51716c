"""Logging in by the command: what it asks for, and what is left of the file when it fails."""

import stat
from collections import deque
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from telethon import TelegramClient, errors
from telethon.sessions import StringSession

from crawlers.sources.telegram import login
from tests.servers.telegram import TelegramServer


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    running = TelegramServer()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer every question of the command, and keep what was asked."""
    questions: list[str] = []
    answers: Iterator[str] = iter(["+1 555 0100", "12345"])

    def prompt(text: str, **_: object) -> str:
        questions.append(text)
        return next(answers)

    monkeypatch.setattr(click, "prompt", prompt)
    return questions


def client(server: TelegramServer) -> TelegramClient:
    """Give a client whose key the server knows, but which is nobody's yet."""
    session = StringSession(server.session_string())
    host, port = server.settings["connect_to"].split(":")
    session.set_dc(2, host, int(port))
    return TelegramClient(session, 1, "hash", receive_updates=False)


async def test_number_and_code_log_in(server: TelegramServer, asked: list[str]) -> None:
    server.failures["GetUsers"] = deque([(401, "AUTH_KEY_UNREGISTERED")] * 3)
    await login.log_in(client(server))
    assert asked == ["phone number, with country code", "code that Telegram sent"]
    assert server.requests["SignIn"] == 1


async def test_refused_number_is_an_error(server: TelegramServer, asked: list[str]) -> None:
    server.failures["GetUsers"] = deque([(401, "AUTH_KEY_UNREGISTERED")] * 3)
    server.failures["SendCode"] = deque([(400, "PHONE_NUMBER_INVALID")])
    with pytest.raises(errors.PhoneNumberInvalidError):
        await login.log_in(client(server))


def test_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = login.create(tmp_path / "account")
    assert path == tmp_path / "account.session"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "account.session"
    path.write_text("precious")
    result = CliRunner().invoke(login.main, ["--api-id", "1", "--session", str(path)])
    assert result.exit_code == 1
    assert "move it away" in result.output
    assert path.read_text() == "precious"


def test_failed_login_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_: TelegramClient) -> None:
        raise errors.PhoneNumberInvalidError(None)

    monkeypatch.setattr(login, "log_in", refuse)
    path = tmp_path / "account.session"
    arguments = ["--api-id", "1", "--session", str(path)]
    result = CliRunner().invoke(login.main, arguments, input="hash\n")
    assert "no session kept" in result.output
    assert not path.exists()


def test_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none" / "account.session"
    result = CliRunner().invoke(login.main, ["--api-id", "1", "--session", str(path)])
    assert "can't be written" in result.output
