"""The story: what several events tell, so that ten outlets give one signal."""

import msgspec

from core.contracts.signal import Direction, EventType


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of news about one asset, from its first mention on.

    Attributes:
        id: `story_id(first_event_id, asset)`.
        asset: canonical code.
        event_type: what kind of news.
        direction: which way it points.
        first_event_id: the event that opened it; only that event may give its signal.
        actors: who else is in it (exchanges, companies, authorities), sorted; tells two listings
            of one coin on two exchanges apart.
        signalled: its first event gave a signal; False where it was refused (stale, unsure).
        share: the part of the full size that its first event's source was trusted with.
        teller: who told it first: source, channel and author.
        sketch: the hashes of its first words, smallest first: what near-copies have in common.
        raised_by: the event that confirmed it independently; None before.
        closed_by: the event that denied or corrected it; None before.
        first_received_ns: when its first event was received, UTC ns.
        last_received_ns: when its latest event was received, UTC ns; it closes a window later.
        mentions: how many events told it.
    """

    id: str
    asset: str
    event_type: EventType
    direction: Direction
    first_event_id: str
    actors: tuple[str, ...]
    signalled: bool
    first_received_ns: int
    last_received_ns: int
    mentions: int
    share: float = 1.0
    teller: str = ""
    sketch: tuple[int, ...] = ()
    raised_by: str | None = None
    closed_by: str | None = None


class AssetStories(msgspec.Struct, frozen=True, kw_only=True):
    """All open stories of one asset: the value of the story table, and its journal entry."""

    asset: str
    stories: tuple[Story, ...]
    changed_ns: int
