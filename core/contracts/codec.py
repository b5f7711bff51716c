"""The one codec: records to JSON bytes and back (RFC 8259, UTF-8, amounts as plain strings)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from core.contracts.errors import DecodeError
from core.contracts.money import Amount, parse_amount

R = TypeVar("R", bound=msgspec.Struct)


def _encode_special(value: object) -> str:
    """Write what msgspec does not know: amounts, without an exponent."""
    if isinstance(value, Amount):
        return format(value, "f")
    raise NotImplementedError(f"no wire form for {type(value).__name__}")


def _decode_special(kind: type[Any], value: object) -> Decimal:
    """Read an amount from its string; a JSON number would already have lost digits."""
    if kind is Amount and isinstance(value, str):
        return parse_amount(value)
    raise ValueError(f"expected a decimal in a string, got {value!r}")


_ENCODER: Final = msgspec.json.Encoder(enc_hook=_encode_special, decimal_format="string")

encode: Final[Callable[[object], bytes]] = _ENCODER.encode


def decoder(kind: type[R]) -> Callable[[bytes], R]:
    """Make the decoder of one record type; unknown fields are ignored, so schemas can grow.

    Returns:
        A function from bytes to record, raising `DecodeError` that names the field and keeps
        the bytes.
    """
    inner = msgspec.json.Decoder(kind, dec_hook=_decode_special)

    def decode(raw: bytes) -> R:
        try:
            return inner.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DecodeError(f"not a {kind.__name__}: {error}", bytes(raw)) from error

    return decode
