"""Hypothesis strategies that make any record the journal takes, from the structs themselves."""

import types
from enum import Enum
from typing import Any, Final, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from core.contracts.money import Amount
from core.runtime.journal.kinds import KINDS

_SCALARS: Final[dict[Any, st.SearchStrategy[Any]]] = {
    int: st.integers(0, 2**63 - 1),
    bool: st.booleans(),
    float: st.floats(0, 1),
    Amount: st.decimals(min_value=-(10**12), max_value=10**12, places=12).map(Amount),
    type(None): st.none(),
}


def values_of(
    annotation: Any,  # noqa: ANN401 - any annotation
    words: st.SearchStrategy[str],
) -> st.SearchStrategy[Any]:
    """Make values of a field's type."""
    if annotation is str:
        return words
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    if get_origin(annotation) in (Union, types.UnionType):
        return st.one_of([values_of(part, words) for part in get_args(annotation)])
    if get_origin(annotation) is tuple:
        return st.lists(values_of(get_args(annotation)[0], words), max_size=3).map(tuple)
    if issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    return records_of(annotation, words)


def records_of(kind: type[msgspec.Struct], words: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Make records of one struct, every field of it drawn, its texts from `words`."""
    fields = {field.name: values_of(field.type, words) for field in msgspec.structs.fields(kind)}
    return st.builds(kind, **fields)


def any_record(
    words: st.SearchStrategy[str],
) -> st.SearchStrategy[tuple[str, msgspec.Struct]]:
    """Make a kind's name and a record of it."""
    return st.one_of(
        [st.tuples(st.just(name), records_of(kind, words)) for name, kind in KINDS.items()]
    )
