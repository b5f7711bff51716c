"""What is configured for files of past posts: where they are, and which column means what."""

from datetime import tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, model_validator

from core.runtime.settings import Section
from crawlers.item import TextFormat
from crawlers.zones import ZoneName, zone


class FileFormat(StrEnum):
    """How a file holds its rows."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


COMPRESSIONS: Final = (".gz", ".zst")
_BY_ENDING: Final = {
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
    ".csv": FileFormat.CSV,
    ".parquet": FileFormat.PARQUET,
    ".pq": FileFormat.PARQUET,
}


class Columns(Section):
    """Which column means what; a dotted path leads into nested objects (not in CSV).

    None takes the usual name: that of the attribute, but for `id` first `native_id` and for
    `published` first `published_ns`, so that what a backfill wrote can be read back.
    """

    id: str | None = None
    title: str | None = None
    text: str | None = None
    published: str | None = None
    author: str | None = None
    url: str | None = None
    language: str | None = None
    kind: str | None = None
    revision: str | None = None
    origin: str | None = None


class FileSettings(Section):
    """One file.

    Attributes:
        channel: our name for it; part of each event's identity, so keep it.
        path: of the file; `.gz` and `.zst` are decompressed as it is read.
        format: JSON lines, CSV or Parquet; None goes by the name's ending.
        columns: see `Columns`.
        text_format: how titles and texts are written.
        default_zone: zone of times without one; empty refuses such rows.
        delimiter: between the columns of CSV.
    """

    channel: Annotated[str, Field(pattern=r"^[\w.:/@-]{1,100}$")]
    path: Path
    format: FileFormat | None = None
    columns: Columns = Columns()
    text_format: TextFormat = TextFormat.PLAIN
    default_zone: ZoneName = "UTC"
    delimiter: Annotated[str, Field(pattern=r"^[^\r\n\"]$")] = ","

    @model_validator(mode="after")
    def _has_a_format(self) -> "FileSettings":
        if self.format is None and self._ending not in _BY_ENDING:
            raise ValueError(
                f"the name {self.path.name} does not say what the file holds: "
                f"set format to one of {', '.join(FileFormat)}"
            )
        if self.rows is FileFormat.PARQUET and self.path.suffix in COMPRESSIONS:
            raise ValueError(f"{self.path.name}: Parquet compresses itself; decompress the file")
        return self

    @property
    def rows(self) -> FileFormat:
        """How the file holds its rows."""
        return self.format or _BY_ENDING[self._ending]

    @property
    def zone(self) -> tzinfo | None:
        """The zone named by `default_zone`."""
        return zone(self.default_zone)

    @property
    def _ending(self) -> str:
        name = self.path
        return (name.with_suffix("") if name.suffix in COMPRESSIONS else name).suffix.lower()
