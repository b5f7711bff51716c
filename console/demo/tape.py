"""Reads a tape: invented stories told by invented outlets, and the prices that follow them."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from console.demo.posts import DateStyle, Form, Outlet, Post
from core.contracts.errors import ConfigurationError
from core.contracts.money import Amount, floor_to_step, parse_amount
from core.contracts.signal import Direction, EventType

BUNDLED_TAPE: Final = Path(__file__).with_name("stories.toml")
BPS: Final = Decimal(10_000)


class ExpectedSignal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A signal that a post ought to give."""

    asset: str
    direction: Direction
    event_type: EventType


class Item(Post, frozen=True, kw_only=True):
    """A post of the tape, with what ought to come of it.

    Attributes:
        story: key of the story it tells.
        signals: what it ought to give; empty where it ought to stay silent.
        silent: why it ought to: a `SkipReason`, `duplicate` for a post that came before, or
            `refused: ` and the crawler's reason for what never becomes an event; None where it
            gives a signal.
    """

    story: str
    signals: tuple[ExpectedSignal, ...] = ()
    silent: str | None = None


class BookMove(msgspec.Struct, frozen=True):
    """A symbol's book moves: its mid price from now on, quote per base unit, on the tick."""

    symbol: str
    mid: Amount


class TapeStep(msgspec.Struct, frozen=True):
    """One step, numbered from 1: a post is released, or a book moves."""

    step: int
    item: Item | None = None
    book: BookMove | None = None


class SymbolSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pair of the simulated exchange.

    Attributes:
        symbol: the venue's spelling.
        asset: canonical base code.
        quote_asset: canonical quote code.
        tick_size: prices are multiples of it.
        lot_size: quantities are multiples of it.
        mid: the first mid price, quote per base unit.
        spread_bps: from best bid to best ask, in basis points of the mid.
        depth_notional: about what the best level of each side is worth, in quote units.
    """

    symbol: str
    asset: str
    quote_asset: str = "USDT"
    tick_size: Amount
    lot_size: Amount
    mid: Amount
    spread_bps: int = 8
    depth_notional: Amount = Amount(320)


class Tape(msgspec.Struct, frozen=True, kw_only=True):
    """A whole tape.

    Attributes:
        note: what a reader of its results must know.
        outlets: who publishes.
        symbols: what the simulated exchange trades.
        balances: what the account holds at the start, by currency.
        stories: keys, in the order in which they begin.
        steps: what happens, strictly one after the other.
    """

    note: str
    outlets: tuple[Outlet, ...]
    symbols: tuple[SymbolSpec, ...]
    balances: dict[str, Amount]
    stories: tuple[str, ...]
    steps: tuple[TapeStep, ...]

    @property
    def items(self) -> tuple[Item, ...]:
        """All posts, in order."""
        return tuple(step.item for step in self.steps if step.item is not None)


class _WrittenOutlet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    slug: Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,40}$")]
    name: str
    form: Form
    dates: DateStyle
    html: bool = False
    language: str = "en"


class _WrittenItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A post as the file has it.

    `expect` is `signal` or why it stays silent; the id is made of the story's key where none is
    given; the body is there `times` times.
    """

    at: int
    outlet: str
    id: str | None = None
    expect: str
    times: int = 1
    title: str = ""
    body: str = ""
    age_s: int = 2
    author: str = ""
    dates: DateStyle | None = None
    raw: str | None = None


class _WrittenStory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A story as the file has it.

    `at` and the items' own `at` add up to a place in the order of everything; `moves` are
    (at, basis points from the mid before).
    """

    key: str
    at: int
    symbol: str | None = None
    signals: tuple[ExpectedSignal, ...] = ()
    moves: tuple[tuple[int, int], ...] = ()
    items: Annotated[tuple[_WrittenItem, ...], Meta(min_length=1)]


class _Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    note: str
    balances: dict[str, Amount]
    outlets: tuple[_WrittenOutlet, ...]
    symbols: tuple[SymbolSpec, ...]
    stories: tuple[_WrittenStory, ...]


def load_tape(path: Path = BUNDLED_TAPE) -> Tape:
    """Read a tape's file and put its steps in order.

    Raises:
        ConfigurationError: it is no tape; the message names the file and what is wrong.
        OSError: it can't be read.
    """
    try:
        written = msgspec.toml.decode(path.read_bytes(), type=_Written, dec_hook=_amount)
        return _tape(written)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise ConfigurationError(f"{path} is no tape: {error}") from error


def _amount(kind: type[Any], value: object) -> Amount:
    if kind is Amount and isinstance(value, str):
        return parse_amount(value)
    raise ValueError(f'write amounts as strings, like "0.01", not {value!r}')


def _tape(written: _Written) -> Tape:
    outlets = {
        outlet.slug: Outlet(
            slug=outlet.slug,
            name=outlet.name,
            form=outlet.form,
            dates=outlet.dates,
            html=outlet.html,
            language=outlet.language,
        )
        for outlet in written.outlets
    }
    specs = {spec.symbol: spec for spec in written.symbols}
    happenings: list[tuple[int, Item | tuple[str, int]]] = []
    stories = sorted(written.stories, key=lambda story: story.at)
    for story in stories:
        for number, item in enumerate(story.items, 1):
            if item.outlet not in outlets:
                raise ValueError(f"story {story.key}: no outlet {item.outlet!r}")
            happenings.append((story.at + item.at, _item(story, item, number)))
        for at, bps in story.moves:
            if story.symbol not in specs:
                raise ValueError(f"story {story.key} moves a symbol that is not in the table")
            happenings.append((story.at + at, (story.symbol, bps)))
    happenings.sort(key=lambda happening: happening[0])  # stable: equal times keep their order
    mids: dict[str, Decimal] = {symbol: spec.mid for symbol, spec in specs.items()}
    steps = []
    for number, (_, what) in enumerate(happenings, 1):
        if isinstance(what, Item):
            steps.append(TapeStep(number, item=what))
            continue
        symbol, bps = what
        mids[symbol] = floor_to_step(mids[symbol] * (1 + bps / BPS), specs[symbol].tick_size)
        steps.append(TapeStep(number, book=BookMove(symbol, Amount(mids[symbol]))))
    return Tape(
        note=written.note,
        outlets=tuple(outlets.values()),
        symbols=written.symbols,
        balances=written.balances,
        stories=tuple(story.key for story in stories),
        steps=tuple(steps),
    )


def _item(story: _WrittenStory, item: _WrittenItem, number: int) -> Item:
    native_id = item.id or f"{story.key}-{number}"
    trades = item.expect == "signal"
    if trades and not story.signals:
        raise ValueError(f"story {story.key}: item {native_id} expects a signal, but none is given")
    return Item(
        outlet=item.outlet,
        id=native_id,
        title=item.title,
        body=item.body * item.times,
        age_s=item.age_s,
        author=item.author,
        dates=item.dates,
        raw=item.raw,
        story=story.key,
        signals=story.signals if trades else (),
        silent=None if trades else item.expect,
    )
