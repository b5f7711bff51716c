"""The training texts: our own headlines and posts, each with what it says and of which story."""

from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from core.contracts.errors import ConfigurationError
from core.contracts.event_types import MEANINGS, NotNews
from core.contracts.signal import Direction, EventType

BUNDLED: Final = Path(__file__).with_name("texts")

_NOT_NEWS: Final = frozenset(NotNews)
_LONGEST: Final = 4_000


class Style(StrEnum):
    """Where a text would stand."""

    EXCHANGE = "exchange"  # an exchange's own announcement
    NEWSWIRE = "newswire"  # terse, often in capitals
    NEWS = "news"  # a news site's headline, perhaps with its first sentences
    TWITTER = "twitter"
    REDDIT = "reddit"
    TELEGRAM = "telegram"


class Text(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One text and what it says.

    Attributes:
        text: the headline or post.
        title: only where there is a headline apart from the text.
        style: where it would stand.
        type: an `EventType`, or the kind of `NotNews` that it is.
        direction: which way it points for its subjects; neutral where it is no news.
        subjects: canonical codes of the coins it is about.
        mentioned: canonical codes of coins that merely stand in it.
        story: texts of one story share this name; a story is never split between training and
            test.
        day: when it would have been published; training comes before test.
    """

    text: str
    title: str | None = None
    style: Style
    type: str
    direction: Direction
    subjects: tuple[str, ...] = ()
    mentioned: tuple[str, ...] = ()
    story: str
    day: date

    @property
    def event_type(self) -> EventType:
        """The kind of news, `NOT_NEWS` for all that is none."""
        return EventType.NOT_NEWS if self.type in _NOT_NEWS else EventType(self.type)


def read_texts(folder: Path = BUNDLED) -> list[Text]:
    """Read every `*.jsonl` of a folder, in the order of days.

    Raises:
        ConfigurationError: a line is malformed, contradicts itself, or repeats another one; the
            message names file and line.
    """
    seen: dict[tuple[str | None, str], str] = {}
    found: list[Text] = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, text in _read_file(path):
            where = f"{path.name}:{number}"
            if (said := (text.title, text.text)) in seen:
                raise ConfigurationError(f"{where} repeats {seen[said]}: remove one of them")
            seen[said] = where
            found.append(text)
    return sorted(found, key=lambda text: (text.day, text.story))


def _read_file(path: Path) -> Iterator[tuple[int, Text]]:
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            text = msgspec.json.decode(line, type=Text)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path.name}:{number}: {error}") from error
        if problem := _problem(text):
            raise ConfigurationError(f"{path.name}:{number}: {problem}: {text.text[:60]!r}")
        yield number, text


def _problem(text: Text) -> str | None:
    """Say what contradicts itself in a text's labels."""
    if not text.text.strip() or len(text.text) > _LONGEST:
        return "empty or too long"
    if set(text.subjects) & set(text.mentioned):
        return "a coin is subject and mentioned"
    if text.type in _NOT_NEWS:
        return None if text.direction is Direction.NEUTRAL else "no news, and yet a direction"
    if text.type not in MEANINGS:
        return f"there is no type {text.type!r}"
    if text.direction is Direction.NEUTRAL:
        return "news without a direction"
    if not text.subjects and text.type != EventType.MACRO:
        return "news about no coin"
    return None
