"""Draws an explanation in the terminal; without colours, brackets and letters mark the same."""

from collections.abc import Iterator
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from console.explanation import Explanation, ModelView, Outcome, Span
from core.contracts.signal import Signal

_STYLES: Final = {
    "A": "bold black on green",
    "M": "bold cyan",
    "X": "bold magenta",
    "C": "bold blue",
    "F": "bold blue",
    "R": "bold yellow",
    "?": "bold white on red",
}
_MEANINGS: Final = {
    "A": "coin: subject",
    "M": "coin: mentioned",
    "X": "exchange",
    "C": "company",
    "F": "fund",
    "R": "authority",
    "?": "ambiguous",
}
_BAR: Final = 20


def draw(explained: Explanation, *, coloured: bool) -> RenderableType:
    """Draw all steps, one below the other.

    The text is never read as mark-up.

    Args:
        explained: what to draw.
        coloured: mark parties by colour; else `[A:Bitcoin]`.
    """
    parts: list[RenderableType] = []
    for title, body in _steps(explained, coloured=coloured):
        parts += [Text(title, style="bold underline"), Padding(body, (0, 0, 1, 2))]
    return Group(*parts)


def _steps(explained: Explanation, *, coloured: bool) -> Iterator[tuple[str, RenderableType]]:
    yield "Text", _text(explained, coloured=coloured)
    yield "Parties", _parties(explained)
    yield "Masked lead", Text("\n".join(explained.lead) or "nothing")
    yield "Rules", _rules(explained)
    yield "Vetoes", _vetoes(explained)
    yield "Model", _model(explained.model)
    yield "Reading", _reading(explained)
    yield "Trust", _trust(explained)
    yield "Decision", Text("\n").join(_outcome(each) for each in explained.outcomes)


def _text(explained: Explanation, *, coloured: bool) -> Text:
    drawn, at = Text(), 0
    for span in explained.spans:
        if span.start < at:
            continue  # inside one that is drawn already
        drawn.append(explained.content[at : span.start])
        words = explained.content[span.start : span.end]
        if coloured:
            drawn.append(words, _STYLES[span.letter])
        else:
            drawn.append(f"[{span.letter}:{words}]")
        at = span.end
    drawn.append(explained.content[at:])
    return drawn


def _parties(explained: Explanation) -> RenderableType:
    if not explained.spans:
        return Text("none: no coin, no exchange, company, fund or authority is named")
    table = _grid()
    for span in explained.spans:
        table.add_row(
            Text(span.letter, _STYLES[span.letter]),
            Text(_shown(span)),
            Text(f"{_MEANINGS[span.letter]}, by {span.how}" if span.letter in "AM" else span.how),
            Text(repr(explained.content[span.start : span.end])),
        )
    return table


def _shown(span: Span) -> str:
    return f"{span.name}: refused, it may be several coins" if span.letter == "?" else span.name


def _rules(explained: Explanation) -> RenderableType:
    if not explained.rules:
        return Text("none tried: no rule's words and parties stand in the text")
    table = _grid()
    for rule in explained.rules:
        if rule.matched is None:
            table.add_row(Text("tried"), Text(rule.name), Text(rule.says), Text("no match"))
        elif rule.unless is not None:
            because = f"{rule.matched!r}, but for {rule.unless!r}"
            table.add_row(
                Text("excepted", "yellow"), Text(rule.name), Text(rule.says), Text(because)
            )
        else:
            table.add_row(
                Text("hit", "bold green"),
                Text(rule.name),
                Text(rule.says),
                Text(f"{rule.matched!r} in sentence {(rule.sentence or 0) + 1}"),
            )
    return table


def _vetoes(explained: Explanation) -> RenderableType:
    if not explained.vetoes:
        return Text("none")
    table = _grid()
    for veto in explained.vetoes:
        table.add_row(
            Text(veto.name, "bold red"),
            Text(veto.reason),
            Text(f"{veto.words!r} in sentence {veto.sentence + 1}"),
        )
    return table


def _model(model: ModelView | None) -> RenderableType:
    if model is None:
        return Text("none is in use")
    said = model.prediction
    news = "" if model.news is None else f", news at first sight {model.news:.3f}"
    if said is None:
        verdict = "surely no news"
    else:
        kind = (
            f"{said.event_type} {said.direction}" if not said.detail else f"no news: {said.detail}"
        )
        verdict = f"{kind}, confidence {said.confidence:.3f}"
    table = _grid()
    for label, chance in model.classes:
        table.add_row(Text(label), Text(f"{chance:.3f}"), Text("█" * round(chance * _BAR), "green"))
    words = Text("  ").join(
        Text(f"{word!r} {weight:+.2f}", "green" if weight > 0 else "red")
        for word, weight in model.words
    )
    parts: list[RenderableType] = [Text(f"{model.version}: {verdict}{news}")]
    if model.classes:
        parts += [table, Text(f"words for {model.classes[0][0]}:"), words]
    return Group(*parts)


def _reading(explained: Explanation) -> RenderableType:
    reading = explained.reading
    table = _grid()
    table.add_row("type", Text(reading.event_type.value))
    table.add_row("direction", Text(reading.direction.value))
    table.add_row("confidence", Text(f"{reading.confidence:.3f}"))
    table.add_row("subjects", Text(", ".join(reading.subjects) or "none"))
    if reading.actors:
        table.add_row("actors", Text(", ".join(reading.actors)))
    if reading.reasons:
        table.add_row("because", Text(", ".join(map(repr, reading.reasons))))
    if reading.refusal is not None:
        table.add_row("no news", Text(f"{reading.refusal.value} {reading.detail}".strip()))
    return table


def _trust(explained: Explanation) -> RenderableType:
    trust = explained.trust
    told = f"{trust.tier.name.lower()}, {trust.share:.0%} of the full size"
    if trust.objection is not None:
        return Text(f"{told}; refused: {trust.objection}", "bold red")
    return Text(told)


def _outcome(each: Outcome) -> Text:
    found = each.outcome
    story = f"; opens the story {each.story}" if each.story else ""
    if isinstance(found, Signal):
        line = (
            f"{found.direction.value} {found.asset}, confidence {found.confidence:.3f},"
            f" {found.share:.0%} of the full size{story}"
        )
        return Text(line, "bold green" if found.direction == "buy" else "bold red")
    because = f": {found.detail}" if found.detail else ""
    coin = f"{found.asset}: " if found.asset else ""
    return Text(f"{coin}silent, {found.reason.value}{because}{story}")


def _grid() -> Table:
    return Table.grid(padding=(0, 2, 0, 0))
