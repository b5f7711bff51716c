"""Hypothesis strategies that make any record the journal takes, from the structs themselves."""

import types
from enum import Enum
from typing import Any, Final, Union, get_args, get_origin

import msgspec
from hypothesis import strategies as st

from core.contracts.money import Amount
from core.runtime.journal.kinds import KINDS

_SCALARS: Final[dict[Any, st.SearchStrategy[Any]]] = {
    str: st.text(max_size=40),
    int: st.integers(0, 2**63 - 1),
    bool: st.booleans(),
    float: st.floats(0, 1),
    Amount: st.decimals(min_value=-(10**12), max_value=10**12, places=12).map(Amount),
    type(None): st.none(),
}


def values_of(annotation: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - any annotation
    """Make values of a field's type."""
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    if get_origin(annotation) in (Union, types.UnionType):
        return st.one_of([values_of(part) for part in get_args(annotation)])
    if get_origin(annotation) is tuple:
        return st.lists(values_of(get_args(annotation)[0]), max_size=3).map(tuple)
    if issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    return records_of(annotation)


def records_of(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    """Make records of one struct, every field of it drawn."""
    fields = {field.name: values_of(field.type) for field in msgspec.structs.fields(kind)}
    return st.builds(kind, **fields)


ANY_RECORD: Final = st.one_of(
    [st.tuples(st.just(name), records_of(kind)) for name, kind in KINDS.items()]
)
