"""Reads a file's rows by the column mapping of its configuration."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Final

import msgspec

from core.contracts.event import EventKind, OriginKind
from crawlers.fields import Json, pick_from
from crawlers.item import Item, ItemOrigin, Refusal, RefusalReason, TextFormat
from crawlers.sources.file.settings import Columns
from crawlers.times import SECOND_NS

Row = dict[str, Json]
ReadRow = Callable[[Row, int], Item | Refusal]
Pick = Callable[[Row], Json]

_USUAL: Final = {"id": ("native_id", "id"), "published": ("published_ns", "published")}
_PRECISION: Final = "published_precision"  # as our own events say it
_LATEST_NS: Final = 1 << 62
_KINDS: Final = {str(kind): kind for kind in EventKind}
_ORIGINS: Final = {str(kind): kind for kind in OriginKind}


def names_of(columns: Columns, meaning: str) -> tuple[str, ...]:
    """Give the columns that may hold a meaning, in the order they are tried."""
    configured = getattr(columns, meaning)
    return (configured,) if configured else _USUAL.get(meaning, (meaning,))


def all_names(columns: Columns) -> set[str]:
    """Give every column that is looked at."""
    named = (name for meaning in Columns.model_fields for name in names_of(columns, meaning))
    return {*named, _PRECISION}


def missing(columns: Columns, present: Collection[str]) -> str | None:
    """Say which columns a file does not have although its rows need them; None where it has all.

    Args:
        columns: the mapping.
        present: the file's columns.
    """
    lacking = []
    for meaning in Columns.model_fields:
        names = names_of(columns, meaning)
        needed = meaning in _USUAL or getattr(columns, meaning) is not None
        if needed and not any(n in present or n.split(".")[0] in present for n in names):
            lacking.append(f"{meaning} ({' or '.join(names)})")
    if not lacking:
        return None
    has = ", ".join(sorted(present))[:500]
    return f"it has no column for {', '.join(lacking)}; its columns are {has}"


def make_read(columns: Columns, form: TextFormat) -> ReadRow:
    """Compile a mapping, once, to the function that reads a row by its number."""
    pick = {meaning: _picker(names_of(columns, meaning)) for meaning in Columns.model_fields}
    pick_id, pick_published, pick_origin = pick["id"], pick["published"], pick["origin"]
    pick_title, pick_text, pick_kind = pick["title"], pick["text"], pick["kind"]
    is_ours = columns.published is None

    def read(row: Row, number: int) -> Item | Refusal:
        native_id = _id(pick_id(row))
        if native_id is None:
            return _refuse(RefusalReason.NO_ID, number, "no id")
        published = pick_published(row)
        if type(published) is bool or not isinstance(published, str | int | float):
            return _refuse(RefusalReason.BAD_TIME, number, "no time of publication", native_id)
        if (
            is_ours
            and row.get(_PRECISION) == "day"
            and isinstance(published, int)
            and 0 <= published < _LATEST_NS
        ):
            published = datetime.fromtimestamp(published // SECOND_NS, UTC).date().isoformat()
        word = pick_kind(row)
        kind = EventKind.PUBLISHED if word is None else _KINDS.get(str(word))
        revision = _count(pick["revision"](row))
        if kind is None or revision is None:
            detail = f"kind {str(word)[:50]!r} or its revision is none"
            return _refuse(RefusalReason.BAD_SHAPE, number, detail, native_id)
        title, text = _text(pick_title(row)), _text(pick_text(row))
        if title is None and text is None and kind is not EventKind.DELETED:
            return _refuse(RefusalReason.NO_TEXT, number, "neither title nor text", native_id)
        return Item(
            native_id=native_id,
            kind=kind,
            revision=revision,
            title=title,
            title_format=form,
            text=text,
            text_format=form,
            author=_text(pick["author"](row)),
            url=_text(pick["url"](row)),
            published=published,
            language=_text(pick["language"](row)),
            origin=_origin(pick_origin(row), form),
        )

    return read


def _picker(names: tuple[str, ...]) -> Pick:
    """Make the look-up of the first of several columns that holds something."""
    nested = [(name, pick_from(name)) for name in names]

    def pick(row: Row) -> Json:
        for name, inside in nested:
            value = row.get(name)
            if value is None:
                value = inside(row)
            if value is not None and value != "":
                return value
        return None

    return pick


def _refuse(reason: RefusalReason, number: int, what: str, native_id: str | None = None) -> Refusal:
    return Refusal(reason, f"row {number}: {what}", native_id)


def _id(value: Json) -> str | None:
    if type(value) is int:
        return str(value)
    return value if type(value) is str else None


def _text(value: Json) -> str | None:
    return value if type(value) is str else None


def _count(value: Json) -> int | None:
    if value is None:
        return 0
    if type(value) is str and value.isdecimal():
        return int(value[:19])
    return value if type(value) is int and value >= 0 else None


def _origin(value: Json, form: TextFormat) -> ItemOrigin | None:
    """Read an origin as our own events hold it: an object, or its JSON; None where it is none."""
    if type(value) is str:
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            return None
    kind = _ORIGINS.get(str(value.get("kind"))) if isinstance(value, dict) else None
    if kind is None:
        return None
    published = value.get("published_ns")
    return ItemOrigin(
        kind=kind,
        author=_text(value.get("author")),
        native_id=_id(value.get("native_id")),
        url=_text(value.get("url")),
        text=_text(value.get("text")),
        text_format=form,
        published=published if type(published) is int else None,
    )
