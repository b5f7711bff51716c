"""What is configured for a news stream: where it is, and which of its fields mean what."""

from datetime import tzinfo
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, model_validator

from core.runtime.settings import Millis, Secret, Section
from crawlers.item import TextFormat
from crawlers.zones import ZoneName, zone


class ResumeIn(StrEnum):
    """Where the last read id goes when connecting."""

    QUERY = "query"
    SUBSCRIBE = "subscribe"


class Fields(Section):
    """Which field of an item means what; a dotted path leads into nested objects.

    `kind` holds the words of `edited_types` and `deleted_types`; `revision` counts an item's
    edits from 0; `edited` is the time of its last edit.
    """

    id: str = "id"
    title: str | None = "title"
    text: str | None = None
    published: str | None = None
    author: str | None = None
    url: str | None = None
    language: str | None = None
    kind: str | None = None
    revision: str | None = None
    edited: str | None = None


class ClientSettings(Section):
    """One more connection to a stream; whichever brings an item first wins.

    Attributes:
        name: tells it from the others in health and metrics, and names its cursor: keep it.
        url: another address of the same stream; None for the stream's own.
        headers: beside or instead of the stream's.
        query: beside or instead of the stream's.
    """

    name: Annotated[str, Field(pattern=r"^[\w.-]{1,50}$")]
    url: Annotated[str, Field(pattern=r"^wss?://[^\s]+$")] | None = None
    headers: dict[str, Secret] = Field(default_factory=dict)
    query: dict[str, Secret] = Field(default_factory=dict)


class NewswireSettings(Section):
    """One stream.

    Attributes:
        channel: our name for it; part of each event's identity, so keep it.
        url: `ws://` or `wss://`.
        fields: see `Fields`.
        items: path to the item, or list of items, in a message; empty for the message itself.
        type_field: path to what tells a message's type; None where every message holds items.
        item_types: the types that hold items; messages of other types are ignored.
        edited_types: words of `fields.kind` that mean a correction; without that field, types of
            messages, which then hold items, too.
        deleted_types: the same for deletions and kills.
        format: how titles and texts are written.
        subscribe: JSON object to send once connected.
        resume_param: name under which the id of the last item read is sent when connecting.
        resume_in: as a query parameter, or as a field of `subscribe`.
        headers: for the upgrade request.
        query: more query parameters, such as a key.
        default_zone: zone of times without one; empty refuses such items.
        max_message_bytes: a longer message is refused, and the connection stays.
        heartbeat_timeout_ms: reconnect when nothing at all came for so long.
        stale_after_ms: unhealthy, and connected anew, when no news came for so long; None learns
            it from the stream's habit.
        clients: more connections to the same stream.
    """

    channel: Annotated[str, Field(pattern=r"^[\w.:/@-]{1,100}$")]
    url: Annotated[str, Field(pattern=r"^wss?://[^\s]+$")]
    fields: Fields = Fields()
    items: str = ""
    type_field: str | None = None
    item_types: tuple[str, ...] = ()
    edited_types: tuple[str, ...] = ()
    deleted_types: tuple[str, ...] = ()
    format: TextFormat = TextFormat.PLAIN
    subscribe: dict[str, Any] | None = None
    resume_param: str | None = None
    resume_in: ResumeIn = ResumeIn.QUERY
    headers: dict[str, Secret] = Field(default_factory=dict)
    query: dict[str, Secret] = Field(default_factory=dict)
    default_zone: ZoneName = "UTC"
    max_message_bytes: Annotated[int, Field(ge=1_000, le=16_000_000)] = 1_000_000
    heartbeat_timeout_ms: Millis = 60_000
    stale_after_ms: Millis | None = None
    clients: tuple[ClientSettings, ...] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> "NewswireSettings":
        names = [client.name for client in self.clients]
        if len(set(names)) < len(names):
            raise ValueError(f"two clients share a name ({', '.join(names)}): give each its own")
        fields = self.fields
        if (self.edited_types or self.deleted_types) and not (fields.kind or self.type_field):
            raise ValueError(
                "nothing says which items are of edited_types or deleted_types: "
                "set fields.kind or type_field"
            )
        if self.edited_types and not (fields.revision or fields.edited):
            raise ValueError(
                "edits of one item have to be told apart: set fields.revision (their number) "
                "or fields.edited (their time)"
            )
        return self

    def each_client(self) -> list[tuple[str, "NewswireSettings"]]:
        """Give every connection's name and settings; the stream's own has no name."""
        return [
            ("", self),
            *(
                (
                    client.name,
                    self.model_copy(
                        update={
                            "url": client.url or self.url,
                            "headers": {**self.headers, **client.headers},
                            "query": {**self.query, **client.query},
                        }
                    ),
                )
                for client in self.clients
            ),
        ]

    @property
    def zone(self) -> tzinfo | None:
        """The zone named by `default_zone`."""
        return zone(self.default_zone)
