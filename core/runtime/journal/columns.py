"""How values that SQL has no type for stand in a column: amounts, hostile text, nested records."""

import enum
from typing import Any

import msgspec
from sqlalchemy import Dialect, Enum, String, Text
from sqlalchemy.types import TypeDecorator

from core.contracts.codec import decoder, encode
from core.contracts.money import Amount, parse_amount


class Words(TypeDecorator[str]):
    """Text from outside. NUL, which PostgreSQL can't keep, becomes U+FFFD; the log keeps it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Write text that every database takes."""
        return value.replace("\x00", "\N{REPLACEMENT CHARACTER}") if value else value


class AmountText(TypeDecorator[Amount]):
    """An amount as its plain digits: exact in every database."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Amount | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Write digits without an exponent."""
        return None if value is None else format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Amount | None:  # noqa: ARG002
        """Read them back."""
        return None if value is None else parse_amount(value)


class Wire(TypeDecorator[Any]):
    """A nested record, or a tuple without amounts in it, as the codec's JSON."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:  # noqa: ANN401 - `tuple[str, ...]` has no other type
        super().__init__()
        self.kind = kind
        nested = isinstance(kind, type) and issubclass(kind, msgspec.Struct)
        self._decode = decoder(kind) if nested else msgspec.json.Decoder(kind).decode

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Write JSON."""
        return None if value is None else encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> object:  # noqa: ARG002
        """Read it back."""
        return None if value is None else self._decode(value.encode())


def words_of(kind: type[enum.Enum]) -> Enum:
    """Make the column of an enumeration: its members' values, in a width new ones fit in too."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )
