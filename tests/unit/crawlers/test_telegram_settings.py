"""What is refused of a configuration for Telegram, and what the refusal says."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from telethon.sessions import SQLiteSession, StringSession

from core.contracts.errors import ConfigurationError
from crawlers.sources.telegram.line import load_session
from crawlers.sources.telegram.place import Cursor, read_cursor
from crawlers.sources.telegram.settings import TelegramSettings
from tests.servers.telegram import TelegramServer

WHOLE: dict[str, Any] = {
    "api_id": 1,
    "api_hash": "h",
    "session_string": "s",
    "channels": [{"channel": "a", "id": 5}],
}


def settings(**changed: object) -> TelegramSettings:
    return TelegramSettings.model_validate({**WHOLE, **changed})


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"api_id": 0}, "api_id and api_hash"),
        ({"api_hash": None}, "my.telegram.org"),
        ({"session_string": None}, "either session or session_string"),
        ({"session": "file"}, "either session or session_string"),
        ({"channels": [{"channel": "a", "id": 0}]}, "id 0"),
        ({"channels": [{"channel": "a", "id": 5}, {"channel": "a", "id": 6}]}, "the name a"),
        (
            {"channels": [{"channel": "a", "id": 5}, {"channel": "b", "id": -1000000000005}]},
            "the id -1000000000005",
        ),
        ({"connect_to": "nowhere"}, "connect_to"),
    ],
)
def test_incomplete_configuration_is_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(says)):
        settings(**changed)


def test_no_channels_is_not_followed_and_needs_nothing() -> None:
    assert not TelegramSettings()
    assert settings()


def test_missing_session_file_names_the_steps(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"telegram\.login") as caught:
        load_session(settings(session_string=None, session=str(tmp_path / "none")))
    assert "none.session" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_session_without_a_login_names_the_steps(tmp_path: Path) -> None:
    SQLiteSession(str(tmp_path / "new")).close()
    with pytest.raises(ConfigurationError, match="holds no login"):
        load_session(settings(session_string=None, session=str(tmp_path / "new.session")))


def test_file_that_is_no_session_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.session"
    path.write_text("not a database at all, and long enough for sqlite to look at it " * 20)
    with pytest.raises(ConfigurationError, match="no session of telethon"):
        load_session(settings(session_string=None, session=str(path)))


@pytest.mark.parametrize("secret", ["hunter2", "1hunter2", "1" + "A" * 352])
def test_malformed_session_string_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_session(settings(session_string=secret))
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"


def test_session_file_is_only_read(tmp_path: Path) -> None:
    server = TelegramServer()
    path = tmp_path / "account.session"
    server.write_session(path)
    before = path.read_bytes()
    session = load_session(settings(session_string=None, session=str(path)))
    session.set_dc(5, "127.0.0.9", 1)
    session.save()
    assert session.auth_key == server.auth_key
    assert path.read_bytes() == before


def test_session_string_is_taken_to_where_connect_to_says() -> None:
    server = TelegramServer()
    session = load_session(
        settings(session_string=server.session_string(), connect_to="127.0.0.1:7")
    )
    assert (session.server_address, session.port) == ("127.0.0.1", 7)
    assert StringSession(server.session_string()).auth_key == session.auth_key


@pytest.mark.parametrize("kept", [None, "", "17", "[]", '{"id":"x"}', "nonsense"])
def test_cursor_that_cannot_be_read_is_none(kept: str | None) -> None:
    assert read_cursor(kept) == Cursor()


def test_cursor_is_read_as_it_was_kept() -> None:
    assert read_cursor('{"id":6,"pts":8,"hash":-9}') == Cursor(id=6, pts=8, hash=-9)
