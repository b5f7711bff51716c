"""Reads a news stream's JSON messages by the field mapping of its configuration."""

from collections.abc import Callable
from typing import Final

import msgspec

from crawlers.fields import Json, pick_from
from crawlers.item import Item, Refusal, RefusalReason
from crawlers.sources.newswire.settings import NewswireSettings
from crawlers.sources.newswire.versions import Read, kinds_of, of_kind, with_versions

Entries = tuple[Item | Refusal, ...]
Parse = Callable[[bytes | bytearray | memoryview], Entries]

_decode: Final = msgspec.json.Decoder().decode
_SHOWN_BYTES: Final = 100


def make_parse(settings: NewswireSettings) -> Parse:
    """Compile a stream's mapping, once, to the function that reads its messages.

    Sample: {"id":"8123","title":"Exchange lists Coin (COIN)","time":1790000000123} with
    `fields = {id="id", title="title", published="time"}`.

    The function gives one entry for each item, in the message's order, and none for a message
    that holds none by its type; it never raises for what a server may send.
    """
    find_items = pick_from(settings.items) if settings.items else None
    type_of = pick_from(settings.type_field) if settings.type_field else None
    read_any = _make_read(settings)
    readers = _readers(settings, read_any)

    def parse(message: bytes | bytearray | memoryview) -> Entries:
        try:
            found = _decode(message)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return (_bad(RefusalReason.BAD_JSON, str(error), message),)
        read = read_any
        if isinstance(found, dict):
            if type_of is not None:
                kind = type_of(found)
                try:
                    read = readers[kind]
                except (KeyError, TypeError):  # no such type, or nothing that could be one
                    return ()
            if find_items is not None:
                found = find_items(found)
        if isinstance(found, dict):
            return (read(found),)
        if isinstance(found, list):
            return tuple(
                [
                    read(one)
                    if isinstance(one, dict)
                    else Refusal(RefusalReason.BAD_SHAPE, f"an item is a {type(one).__name__}")
                    for one in found
                ]
            )
        return (_bad(RefusalReason.BAD_SHAPE, "no items where they should be", message),)

    return parse


def _readers(settings: NewswireSettings, read: Read) -> dict[str, Read]:
    """Give the reader for each type of message that holds items."""
    readers = dict.fromkeys(settings.item_types, read)
    if settings.fields.kind is None:
        for word, kind in kinds_of(settings).items():
            readers[word] = of_kind(read, settings, kind)
    return readers


def _make_read(settings: NewswireSettings) -> Read:
    """Compile the mapping of one item."""
    fields = settings.fields
    form = settings.format
    pick_id = pick_from(fields.id)
    pick_title, pick_text = pick_from(fields.title), pick_from(fields.text)
    pick_published, pick_author = pick_from(fields.published), pick_from(fields.author)
    pick_url, pick_language = pick_from(fields.url), pick_from(fields.language)

    def read(found: dict[str, Json]) -> Item | Refusal:
        native_id = pick_id(found)
        if type(native_id) is int:
            native_id = str(native_id)
        elif type(native_id) is not str:
            return Refusal(RefusalReason.NO_ID, f"no id in {fields.id!r}")
        title, text, published = pick_title(found), pick_text(found), pick_published(found)
        if type(published) is bool or not isinstance(published, str | int | float | None):
            return Refusal(
                RefusalReason.BAD_TIME, f"published is a {type(published).__name__}", native_id
            )
        author, url, language = pick_author(found), pick_url(found), pick_language(found)
        return Item(
            native_id=native_id,
            title=title if type(title) is str else None,
            title_format=form,
            text=text if type(text) is str else None,
            text_format=form,
            author=author if type(author) is str else None,
            url=url if type(url) is str else None,
            published=published,
            language=language if type(language) is str else None,
        )

    return with_versions(read, settings)


def _bad(reason: RefusalReason, what: str, message: bytes | bytearray | memoryview) -> Refusal:
    return Refusal(reason, f"{what}: {bytes(message[:_SHOWN_BYTES])!r}")
