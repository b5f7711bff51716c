"""Finds recorded documents in a directory tree, to be served as feeds of their own."""

import re
from pathlib import Path
from typing import Final

import msgspec

_TYPES: Final = {
    ".rss": "application/rss+xml",
    ".atom": "application/atom+xml",
    ".rdf": "application/rdf+xml",
    ".xml": "application/xml",
    ".json": "application/json",
    ".html": "text/html",
}
_ANY_TYPE: Final = "application/octet-stream"
_LONGEST_CHANNEL: Final = 90
_NOT_IN_CHANNELS: Final = re.compile(r"[^\w./-]", re.ASCII)


class Document(msgspec.Struct, frozen=True):
    """One file.

    Attributes:
        channel: made of its name; unique among the documents found together.
        file: its path relative to the directory, with forward slashes.
        content_type: by its extension; names no charset, since a recording has none.
        body: its bytes.
    """

    channel: str
    file: str
    content_type: str
    body: bytes


def find_documents(directory: Path) -> tuple[Document, ...]:
    """Read every file below a directory, in the order of their names.

    Raises:
        FileNotFoundError: there is no such directory, or no file in it.
    """
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    if not files:
        raise FileNotFoundError(f"no documents in {directory}: name a directory with feeds in it")
    return tuple(
        _document(number, path, path.relative_to(directory).as_posix())
        for number, path in enumerate(files, 1)
    )


def _document(number: int, path: Path, name: str) -> Document:
    plain = _NOT_IN_CHANNELS.sub("-", name)[-_LONGEST_CHANNEL:]
    return Document(
        channel=f"{number}:{plain}",
        file=name,
        content_type=_TYPES.get(path.suffix.lower(), _ANY_TYPE),
        body=path.read_bytes(),
    )
