"""Runs feedparser's parsers on a feed's XML, without the work that is done elsewhere or never."""

import re
from io import BytesIO
from typing import Any, Final
from xml.sax import SAXException
from xml.sax.expatreader import ExpatParser
from xml.sax.handler import feature_external_ges, feature_external_pes, feature_namespaces
from xml.sax.xmlreader import InputSource

import msgspec
from feedparser.api import LooseFeedParser, StrictFeedParser
from feedparser.sanitizer import replace_doctype

TOMBSTONES: Final = "http://purl.org/atompub/tombstones/1.0"  # RFC 6721

_CHARACTERS: Final = ((9, 10, 13), range(0x20, 0xD800), range(0xE000, 0x110000))  # XML 1.0, 2.2
_REFERENCE_BY_NUMBER: Final = re.compile(rb"&#(?:[xX]([0-9a-fA-F]+)|([0-9]{1,4000}));?")
_PREFIX: Final = "at"
_ADDRESSES: Final = StrictFeedParser.can_be_relative_uri - {"id"}  # an id stays as it is written
_NAMESPACES: Final = {
    **{uri.lower(): prefix for uri, prefix in StrictFeedParser.namespaces.items()},
    TOMBSTONES: _PREFIX,
}


class XmlFeed(msgspec.Struct, frozen=True):
    """What feedparser made of a document.

    Attributes:
        version: such as `rss20` or `atom10`; empty for what is no feed.
        feed: the feed's own elements.
        entries: each entry's elements; look them up by `dict.get`, since feedparser's own `get`
            warns and guesses.
        deleted: id and time of each deletion.
        broken: why it is not well-formed; None where it is.
    """

    version: str
    feed: dict[str, Any]
    entries: list[dict[str, Any]]
    deleted: tuple[tuple[str, str | None], ...]
    broken: Exception | None


def read_xml(text: bytes) -> XmlFeed:
    """Read a feed in UTF-8, well-formed or not.

    HTML is not sanitised and links in it stay relative, since all of it becomes plain text.
    Dates stay as written. The feed's address stays unknown: it would become part of ids, which
    would then change with it.

    Raises:
        Exception: whatever feedparser stumbles over.
    """
    try:
        return _read(text)
    except (ValueError, OverflowError):
        # The lenient parser stumbles over references to characters that don't exist.
        return _read(_REFERENCE_BY_NUMBER.sub(_existing, text))


def _read(text: bytes) -> XmlFeed:
    version, text, entities = replace_doctype(text)
    broken: Exception | None = None
    strict = _Strict()
    handler: Any = strict
    try:
        _run(strict, text)
    except SAXException as error:
        broken = strict.exc or error
        handler = _Loose(entities)
        handler.feed(text.decode("utf-8", "replace"))
    return XmlFeed(
        version=version or handler.version,
        feed=handler.feeddata,
        entries=handler.entries,
        deleted=tuple(handler.deleted),
        broken=broken,
    )


def _run(handler: "_Strict", text: bytes) -> None:
    """Run expat, which fetches nothing that the document names."""
    parser = ExpatParser()
    parser.setFeature(feature_namespaces, True)
    parser.setFeature(feature_external_ges, False)
    parser.setFeature(feature_external_pes, False)
    parser.setContentHandler(handler)
    parser.setErrorHandler(handler)
    source = InputSource()
    source.setByteStream(BytesIO(text))
    parser.parse(source)


def _existing(reference: re.Match[bytes]) -> bytes:
    """Keep a reference to a character that exists."""
    number = int(reference[1], 16) if reference[1] else int(reference[2])
    return reference[0] if any(number in some for some in _CHARACTERS) else b""


class _Plain:
    """What both parsers do differently here.

    Dates stay as written, deletions are kept, categories are not; and what a piece of text is
    stands in a plain dictionary, since feedparser's own takes most of the time it is looked at.
    """

    baseuri: str
    contentparams: dict[str, Any]
    deleted: list[tuple[str, str | None]]
    incontent: int
    inentry: int
    lang: str | None
    map_content_type: Any
    pop: Any
    push: Any
    _is_base64: Any

    def _begin(self) -> None:
        self.resolve_relative_uris = self.sanitize_html = False
        self.contentparams = {}
        self.deleted = []

    def push_content(
        self, tag: str, attributes: dict[str, str], default_type: str, expecting_text: int
    ) -> None:
        """Begin a piece of text, as feedparser does."""
        self.incontent += 1
        if self.lang:
            self.lang = self.lang.replace("_", "-")
        self.contentparams = {
            "type": self.map_content_type(attributes.get("type", default_type)),
            "language": self.lang,
            "base": self.baseuri,
        }
        self.contentparams["base64"] = self._is_base64(attributes, self.contentparams)
        self.push(tag, expecting_text)

    def _start_category(self, attributes: dict[str, str]) -> None:  # noqa: ARG002 - as it is called
        self.push("category", 1)

    def _end_category(self) -> None:
        self.pop("category")

    _start_keywords, _end_keywords = _start_category, _end_category

    def _end_published(self) -> None:
        self.pop("published")

    def _end_updated(self) -> None:
        self.pop("updated")

    def _end_created(self) -> None:
        self.pop("created")

    def _end_expirationdate(self) -> None:
        self.pop("expired")

    _end_issued = _end_pubdate = _end_published
    _end_modified = _end_lastbuilddate = _end_updated

    def start_deleted(self, attributes: dict[str, str]) -> None:
        """Keep what is said to be deleted; within an entry it says nothing."""
        if not self.inentry and attributes.get("ref"):
            self.deleted.append((attributes["ref"], attributes.get("when")))


# feedparser finds its methods by the names of elements, and this one's has a hyphen.
setattr(_Plain, f"_start_{_PREFIX}_deleted-entry", _Plain.start_deleted)


class _Strict(_Plain, StrictFeedParser):  # type: ignore[misc] # feedparser ships no types
    """For well-formed documents."""

    _matchnamespaces = _NAMESPACES
    can_be_relative_uri = _ADDRESSES

    def __init__(self) -> None:
        super().__init__("", None, "utf-8")
        self._begin()


class _Loose(_Plain, LooseFeedParser):  # type: ignore[misc] # feedparser ships no types
    """For all others; takes them as HTML is taken."""

    _matchnamespaces = _NAMESPACES
    can_be_relative_uri = _ADDRESSES

    def __init__(self, entities: dict[str, str]) -> None:
        super().__init__("", None, "utf-8", entities)
        self._begin()
