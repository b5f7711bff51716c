"""Reads a tape the way the crawlers and the signals do, without sockets: for tests of its truth."""

from pathlib import Path

import msgspec

from console.demo.outlets import Feed, Wire
from console.demo.posts import Form, Outlet
from console.demo.tape import Item, Tape
from core.contracts.event import Event
from core.contracts.signal import Signal, Skipped
from core.contracts.story import Story
from crawlers.item import Item as Entry
from crawlers.item import Refusal
from crawlers.normalise import Limits as EventLimits
from crawlers.normalise import normalise
from crawlers.sources.newswire.parse import make_parse
from crawlers.sources.newswire.settings import Fields, NewswireSettings
from crawlers.sources.rss.parse import parse
from models.registry import Registry
from signals.pipeline import Context, Limits, decide
from signals.reader import Reader

NO_MODELS = Path("no-such-folder")
NOW_NS = 1_790_000_000_123_456_789


class Outcome(msgspec.Struct):
    """What came of one item: entries that had not been read before, and their signals."""

    item: Item
    entries: list[Entry | Refusal]
    silent: str | None
    signals: list[Signal]


class _Listener:
    def __init__(self) -> None:
        self.message = b""

    def send(self, message: bytes) -> None:
        self.message = message


class TapeReader:
    """Releases items one after the other and reads what their outlets then show."""

    def __init__(self, tape: Tape) -> None:
        self._outlets = {outlet.slug: outlet for outlet in tape.outlets}
        self._feeds = {o.slug: Feed(o, NOW_NS) for o in tape.outlets if o.form is not Form.WIRE}
        self._wires = {o.slug: Wire(o) for o in tape.outlets if o.form is Form.WIRE}
        self._events: set[tuple[str, str | None, str]] = set()
        self._stories: dict[str, tuple[Story, ...]] = {}
        live = Registry(NO_MODELS).load_live()  # what a lane reads with: the bundled model
        self._reader = Reader(predictor=live.model, model_threshold=live.manifest.threshold)

    def read(self, item: Item) -> Outcome:
        outlet = self._outlets[item.outlet]
        entries = self._entries(item, outlet)
        source = "newswire" if outlet.form is Form.WIRE else "rss"
        fresh: list[Event] = []
        refusals: list[str] = []
        for entry in entries:
            event = (
                normalise(
                    entry,
                    source=source,
                    channel=outlet.slug,
                    received_ns=NOW_NS,
                    limits=EventLimits(),
                )
                if isinstance(entry, Entry)
                else entry
            )
            if isinstance(event, Refusal):
                refusals.append(f"refused: {event.reason}")
            elif (said := (event.id, event.title, event.text)) not in self._events:
                self._events.add(said)  # said anew in other words, it is an edit
                fresh.append(event)
        if not fresh:
            return Outcome(item, entries, refusals[-1] if refusals else "duplicate", [])
        outcomes = [outcome for event in fresh for outcome in self._decide(event)]
        signals = [outcome for outcome in outcomes if isinstance(outcome, Signal)]
        reasons = {outcome.reason for outcome in outcomes if isinstance(outcome, Skipped)}
        return Outcome(item, entries, None if signals else "/".join(sorted(reasons)), signals)

    def _entries(self, item: Item, outlet: Outlet) -> list[Entry | Refusal]:
        if outlet.form is Form.WIRE:
            listener = _Listener()
            wire = self._wires[outlet.slug]
            wire.readers[listener] = None
            wire.release(item, NOW_NS)
            wire.leave(listener)
            return list(make_parse(wire_settings(outlet))(listener.message))
        feed = self._feeds[outlet.slug]
        feed.release(item, NOW_NS)
        return list(parse(feed.page.body, feed.page.content_type).entries)

    def _decide(self, event: Event) -> list[Signal | Skipped]:
        outcomes = []
        for key in self._reader.keys_for(event):
            stories = self._stories.get(key, ())
            decision = decide(event, key, Context(NOW_NS, self._reader, stories, Limits()))
            if decision.stories is not None:
                self._stories[key] = decision.stories
            outcomes.append(decision.outcome)
        return outcomes


def wire_settings(outlet: Outlet) -> NewswireSettings:
    return NewswireSettings.model_validate(
        {
            "channel": outlet.slug,
            "url": "ws://127.0.0.1:1/wire",
            "type_field": "type",
            "item_types": ("news",),
            "fields": Fields(text="body", published="time", author="author", url="url"),
            "format": "html" if outlet.html else "plain",
        }
    )
