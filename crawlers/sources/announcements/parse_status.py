"""Reads a Statuspage's JSON: every update of an incident or a maintenance, and what it means."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from core.contracts.event import DELETED_REVISION, EventKind
from core.contracts.notice import OVER, Impact, NoticeKind, NoticeState
from crawlers.item import Item, ItemNotice, Refusal, RefusalReason, TextFormat
from crawlers.sources.announcements.components import affects_of, pairs_of
from crawlers.sources.announcements.settings import StatusPageSettings
from crawlers.times import parse_time

Json = Any
Groups = Mapping[str, str]
"""Names of groups of components, by their ids."""

_decode: Final = msgspec.json.Decoder().decode
_SHOWN_BYTES: Final = 100
_SECOND_NS: Final = 1_000_000_000
_ANY_TIME_NS: Final = 1 << 62  # windows lie in the future: nothing is too far ahead

STATES: Final = {
    "scheduled": NoticeState.SCHEDULED,
    "in_progress": NoticeState.IN_PROGRESS,
    "verifying": NoticeState.IN_PROGRESS,
    "completed": NoticeState.RESOLVED,
    "investigating": NoticeState.IN_PROGRESS,
    "identified": NoticeState.IN_PROGRESS,
    "monitoring": NoticeState.IN_PROGRESS,  # mended perhaps, and watched
    "resolved": NoticeState.RESOLVED,
    "postmortem": NoticeState.RESOLVED,
}
IMPACTS: Final = {impact.value: impact for impact in Impact}
PLANNED: Final = ("scheduled", "in_progress", "verifying", "completed")


class StatusDocument(msgspec.Struct, frozen=True):
    """What one document held.

    Attributes:
        entries: items, one for each update, from the oldest to the newest, and refusals. The
            newest of each incident or maintenance has its notice.
        created_ns: when each incident and maintenance in it was first told, by its id; 0 where
            the document does not say.
        groups: of components, where it names them.
        refused: why nothing could be read; None when something could, or there is just nothing.
    """

    entries: tuple[Item | Refusal, ...]
    created_ns: Mapping[str, int] = {}
    groups: Groups = {}
    refused: Refusal | None = None


def parse_status(
    body: bytes, settings: StatusPageSettings, groups: Groups | None = None
) -> StatusDocument:
    """Read `summary.json`, `incidents.json`, `scheduled-maintenances.json` or one incident.

    Sample: {"page":{"id":"4g2my7tbhjsq"},"incidents":[{"id":"cp306tmzcl0y","name":"Unplanned
    outage","status":"identified","impact":"critical","created_at":"2026-05-14T14:22:39.441Z",
    "updated_at":"2026-05-14T14:35:21.711Z","resolved_at":null,"components":[{"id":"b13y","name":
    "Spot trading"}],"incident_updates":[{"id":"jdy3","status":"identified","body":"..",
    "created_at":"2026-05-14T14:35:21.711Z","updated_at":"2026-05-14T14:35:21.711Z"}]}]}

    The first update as it was first written is the post, at revision 0; every other, and the
    first once it was corrected, is an edit of it with the seconds of its `updated_at`. All are
    dated like the post. Never raises for what a server may send.

    Args:
        body: decompressed.
        settings: whose page it is.
        groups: from the page's summary, where this document does not name them.
    """
    try:
        found = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _refused(RefusalReason.BAD_JSON, str(error), body)
    if not isinstance(found, dict):
        return _refused(RefusalReason.BAD_SHAPE, "the answer is no object", body)
    lists = [found[key] for key in ("incidents", "scheduled_maintenances") if key in found]
    if not lists and "incident_updates" in found:
        lists = [[found]]
    if not lists or not all(isinstance(one, list) for one in lists):
        return _refused(RefusalReason.BAD_SHAPE, "neither incidents nor maintenances", body)
    groups = {**(groups or {}), **_groups(found.get("components"))}
    dated: list[tuple[int, Item]] = []
    refusals: list[Refusal] = []
    created_ns: dict[str, int] = {}
    for post in (post for posts in lists for post in reversed(posts)):  # the newest come first
        native_id = post.get("id") if isinstance(post, dict) else None
        if type(native_id) is not str or not native_id:
            refusals.append(Refusal(RefusalReason.NO_ID, "an incident without an id"))
            continue
        created_ns[native_id] = _ns(post.get("created_at")) or 0
        notice = _notice(post, settings, groups)
        if isinstance(notice, Refusal):
            refusals.append(notice)
        dated += _updates(post, settings, None if isinstance(notice, Refusal) else notice)
    dated.sort(key=lambda one: one[0])
    return StatusDocument((*refusals, *(item for _, item in dated)), created_ns, groups)


def _updates(
    post: dict[str, Json], settings: StatusPageSettings, notice: ItemNotice | None
) -> Iterator[tuple[int, Item]]:
    """Give an item, and when it was written, for each update of one incident or maintenance."""
    updates = [one for one in _list(post.get("incident_updates")) if isinstance(one, dict)]
    posted = post.get("created_at")
    told = sorted(
        (
            (_ns(one.get("created_at")) or 0, one)
            for one in reversed(updates or [{"created_at": posted}])
        ),
        key=lambda one: one[0],
    )
    revisions: set[int] = set()
    for number, (written_ns, update) in enumerate(told):
        changed_s = (_ns(update.get("updated_at")) or written_ns) // _SECOND_NS
        first = number == 0 and changed_s <= written_ns // _SECOND_NS
        revision = 0 if first else changed_s
        while revision in revisions:
            revision += 1
        revisions.add(revision)
        yield (
            written_ns,
            Item(
                native_id=post["id"],
                kind=EventKind.PUBLISHED if first else EventKind.EDITED,
                revision=revision,
                title=_text(post.get("name")),
                title_format=TextFormat.HTML,
                text=_text(update.get("body")),
                text_format=TextFormat.HTML,
                url=f"{settings.page_url}/incidents/{post['id']}",
                published=posted if isinstance(posted, str) else None,
                notice=notice if number == len(told) - 1 else None,
            ),
        )


def _notice(
    post: dict[str, Json], settings: StatusPageSettings, groups: Groups
) -> ItemNotice | Refusal:
    """Read what an incident or maintenance means for trading, or say what contradicts itself."""
    native_id: str = post["id"]
    state, impact = STATES.get(str(post.get("status"))), IMPACTS.get(str(post.get("impact")))
    if state is None or impact is None:
        what = f"status {post.get('status')!r} and impact {post.get('impact')!r}"
        return Refusal(RefusalReason.BAD_SHAPE, f"{what} are not both known"[:200], native_id)
    planned = post.get("scheduled_for") is not None or post["status"] in PLANNED
    begins = post.get("scheduled_for") or post.get("started_at")
    if not planned and begins is None:
        begins = post.get("created_at")
    over = state in OVER
    ends = post.get("resolved_at") if over else post.get("scheduled_until")
    starts_ns, ends_ns = _ns(begins), _ns(ends)
    if starts_ns is None or (ends_ns is None and ends is not None):
        return Refusal(RefusalReason.BAD_WINDOW, f"from {begins!r} to {ends!r}"[:200], native_id)
    if ends_ns is not None and ends_ns < starts_ns:
        if not over:
            detail = f"ends at {ends!r}, before it starts at {begins!r}"
            return Refusal(RefusalReason.BAD_WINDOW, detail[:200], native_id)
        starts_ns = ends_ns  # given up before it began
    changed = post.get("updated_at") or post.get("created_at")
    names = _components(post, groups)
    return ItemNotice(
        venue=settings.venue,
        kind=NoticeKind.MAINTENANCE if planned else NoticeKind.INCIDENT,
        state=state,
        impact=impact,
        starts_ns=starts_ns,
        ends_ns=ends_ns,
        affects=affects_of(names, settings.trading_words, settings.other_words),
        pairs=pairs_of(names, settings.trading_words, settings.other_words),
        components=names,
        revision=min((_ns(changed) or starts_ns) // _SECOND_NS, DELETED_REVISION - 1),
    )


def _components(post: dict[str, Json], groups: Groups) -> tuple[str, ...]:
    """Name the parts that are affected, each with its group where that is known."""
    whole: dict[str, str] = {}  # updates name a component with its group
    for update in _list(post.get("incident_updates")):
        for one in _list(update.get("affected_components") if isinstance(update, dict) else None):
            if isinstance(one, dict) and (name := _text(one.get("name"))):
                whole[str(one.get("code") or name)] = name
    names: list[str] = []
    for one in _list(post.get("components")):
        if isinstance(one, dict) and (name := _text(one.get("name"))):
            group = groups.get(str(one.get("group_id")))
            names.append(whole.get(str(one.get("id"))) or (f"{group} - {name}" if group else name))
    return tuple(dict.fromkeys(names or whole.values()))


def _groups(components: Json) -> dict[str, str]:
    """Name the groups among a page's components."""
    return {
        str(one.get("id")): name
        for one in _list(components)
        if isinstance(one, dict) and one.get("group") is True and (name := _text(one.get("name")))
    }


def _ns(value: Json) -> int | None:
    """Read a time with its zone to UTC ns; None for what is none."""
    if not isinstance(value, str) or not value:
        return None
    parsed = parse_time(value, _ANY_TIME_NS, None)
    return parsed[0] if isinstance(parsed, tuple) else None


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _text(value: Json) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _refused(reason: RefusalReason, what: str, body: bytes) -> StatusDocument:
    refusal = Refusal(reason, f"{what[:200]}: {body[:_SHOWN_BYTES]!r}")
    return StatusDocument((refusal,), refused=refusal)
