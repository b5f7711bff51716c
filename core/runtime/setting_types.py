"""What settings are made of: sections, and the types whose spelling needs a rule."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, NoReturn, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    SecretStr,
)
from pydantic.fields import FieldInfo

from core.contracts.money import Amount, parse_amount
from core.runtime.redaction import MASK, register_secret

UNITS_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
ANY: Final = "*"  # in a key's path: any item of a list, any name in a table

_DURATION: Final = re.compile(r"(\d+)\s*([^\W\d]*)", re.ASCII)
_FLOAT: Final = 'an amount is exact and a float is not: write it in quotes, "0.1"'
_AMOUNT: Final = "give an amount as a whole number or in quotes"
_FORM: Final = 'give the secret as text or as { file = "/path" }'


class Section(BaseModel):
    """A table of settings: immutable, with no other keys than its own, numbers finite."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False
    )

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: the secrets would stand in the bytes in clear.

        Raises:
            TypeError: always; another process loads the settings itself.
        """
        raise TypeError("settings are not pickled, they may hold secrets: load them where needed")


def _read_millis(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        number, unit = match.groups()
        if (scale := UNITS_MS.get(unit or "ms")) is not None:
            return int(number) * scale
        raise ValueError(f"unknown unit {unit!r}: use one of {', '.join(UNITS_MS)}")
    raise ValueError(
        'give a whole number of milliseconds, or one with a unit such as "250ms" or "5s" '
        f"(units: {', '.join(UNITS_MS)})"
    )


def _read_money(value: object) -> Amount:
    if isinstance(value, Amount):
        return value
    if isinstance(value, float):
        raise ValueError(_FLOAT)  # noqa: TRY004 - pydantic collects ValueErrors
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(_AMOUNT)  # noqa: TRY004 - pydantic collects ValueErrors
    return parse_amount(str(value))


def _read_secret(value: object) -> str:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, str) and value.startswith("{"):  # a table, from the environment
        try:
            table = json.loads(value)
        except ValueError:
            table = None
        value = table if isinstance(table, dict) and set(table) == {"file"} else value
    if isinstance(value, dict):
        file = value.get("file")
        if len(value) != 1 or not isinstance(file, str):
            raise ValueError(_FORM)
        try:
            value = Path(file).read_text(encoding="utf-8").strip("\r\n")
        except UnicodeDecodeError:
            value = None
        except OSError as error:
            raise ValueError(f"can't read the secret from {file}: {error.strerror}") from error
        if value is None:
            raise ValueError(f"{file} does not hold text")
    if not isinstance(value, str):
        raise ValueError(_FORM)  # noqa: TRY004 - pydantic collects ValueErrors
    if not value:
        raise ValueError("the secret is empty: set it, or leave the key out")
    if value == MASK:
        raise ValueError("this is the mask that stands for a hidden secret, not the secret")
    register_secret(value)
    return value


Millis = Annotated[int, BeforeValidator(_read_millis)]
"""Milliseconds; written as a whole number or as text with a unit: "250ms", "5s", "2m", "1h"."""

Money = Annotated[Amount, PlainValidator(_read_money), PlainSerializer(str, return_type=str)]
"""An exact amount; written in quotes or as a whole number, never as a float."""

Secret = Annotated[SecretStr, BeforeValidator(_read_secret)]
"""Text that is never shown; written as text or as `{ file = "/path" }`."""


class Key(NamedTuple):
    """A place in the settings; `ANY` in its path stands for list items and free names."""

    path: tuple[str, ...]
    field: FieldInfo

    @property
    def is_secret(self) -> bool:
        """Whether a secret stands here."""
        return _holds_secret(self.field.annotation)

    @property
    def is_table(self) -> bool:
        """Whether a section stands here, or something with sections in it."""
        return next(_sections_in(self.field.annotation), None) is not None

    @property
    def dotted(self) -> str:
        """The key as people write it."""
        return dotted(self.path)

    def covers(self, path: tuple[str | int, ...]) -> bool:
        """Say whether `path` leads here."""
        return len(path) == len(self.path) and all(
            own in (ANY, step) for own, step in zip(self.path, path, strict=True)
        )


def keys_of(model: type[BaseModel], prefix: tuple[str, ...] = ()) -> Iterator[Key]:
    """Give every key of a settings model, tables before what they hold."""
    for name, field in model.model_fields.items():
        path = (*prefix, name)
        yield Key(path, field)
        for inner, section in _sections_in(field.annotation):
            yield from keys_of(section, (*path, *inner))


def dotted(path: tuple[str | int, ...]) -> str:
    """Write a path as people do: `sources[0].url`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step == ANY:
            text += "[]"
        else:
            text += f".{step}" if text else step
    return text


def _sections_in(annotation: Any) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:  # noqa: ANN401
    """Find the sections in a type, each with the path from the key to it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield (), annotation
    elif origin is Annotated:
        yield from _sections_in(arguments[0])
    elif origin in (Union, UnionType):
        for argument in arguments:
            yield from _sections_in(argument)
    else:
        for argument in arguments:
            for path, section in _sections_in(argument):
                yield (ANY, *path), section


def _holds_secret(annotation: Any) -> bool:  # noqa: ANN401 - any type annotation
    return annotation is SecretStr or any(_holds_secret(part) for part in get_args(annotation))
