"""Sorts what a reader got wrong, the costly first, so that a person can read it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from benchmarks.quality_figures import Answer, Right
from benchmarks.quality_texts import Asked
from core.contracts.signal import Direction, EventType
from signals.reader import Reading

KINDS: Final = (
    "false signals: no news, traded",
    "wrong way: traded against the news",
    "wrong coin: traded, not what the text is about",
    "wrong type: traded the right way",
    "missed: no coin found",
    "missed: a veto or a rule's exception",
    "missed: seen, and not sure enough",
    "missed: taken for no news",
    "coins: subjects too few or too many, nothing traded",
)
_SHOWN_CHARACTERS: Final = 240


def sort_errors(
    asked: Sequence[Asked], readings: Sequence[Reading], answers: Sequence[Answer]
) -> dict[str, list[str]]:
    """Give for each of `KINDS` its lines, grouped by what was right and what was said."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for one, reading, said in zip(asked, readings, answers, strict=True):
        for kind in _kinds(one.right, reading, said):
            found[kind].append((f"{_type(one.right)} -> {_type(said)}", _line(one, reading, said)))
    return {kind: [line for _, line in sorted(found[kind])] for kind in KINDS}


def report(sorted_errors: dict[str, list[str]]) -> Iterator[str]:
    """Write sorted errors as lines, counts first."""
    for kind, lines in sorted_errors.items():
        yield f"{len(lines):5}  {kind}\n"
    for kind, lines in sorted_errors.items():
        yield f"\n== {kind} ({len(lines)})\n"
        yield from (f"{line}\n" for line in lines)


def _kinds(right: Right, reading: Reading, said: Answer) -> Iterator[str]:
    if said.traded and right.direction is Direction.NEUTRAL:
        yield KINDS[0]
    elif said.traded and right.direction is not said.direction:
        yield KINDS[1]
    elif said.traded:
        if said.traded - right.subjects:
            yield KINDS[2]
        if right.event_type is not said.event_type:
            yield KINDS[3]
    elif right.direction is not Direction.NEUTRAL and right.subjects:
        yield _missed(reading)
    if not said.traded and right.subjects != said.subjects:
        yield KINDS[-1]


def _missed(reading: Reading) -> str:
    if not reading.subjects:
        return KINDS[4]
    if reading.detail:
        return KINDS[5]
    return KINDS[6] if reading.refusal is None else KINDS[7]


def _type(of: Right | Answer) -> str:
    if of.event_type is EventType.NOT_NEWS:
        return EventType.NOT_NEWS
    return f"{of.event_type}/{of.direction}"


def _line(one: Asked, reading: Reading, said: Answer) -> str:
    because = reading.detail or ", ".join(reading.reasons) or str(reading.refusal or "")
    coins = ""
    if said.subjects != one.right.subjects or said.traded:
        coins = f" coins {_codes(one.right.subjects)} -> {_codes(said.traded or said.subjects)}"
    shown = one.words.replace("\n", " | ")[:_SHOWN_CHARACTERS]
    return (
        f"{_type(one.right)} -> {_type(said)} {reading.confidence:.2f} [{because}]{coins}: {shown}"
    )


def _codes(codes: frozenset[str]) -> str:
    return "+".join(sorted(codes)) or "-"
