"""Loads settings from a TOML file and the environment, and shows them without their secrets."""

import json
import logging
import stat
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from core.contracts.errors import ConfigurationError
from core.runtime.redaction import MASK, redact_text
from core.runtime.setting_problems import Origins, describe
from core.runtime.setting_types import Key, Millis, Money, Secret, Section, keys_of

__all__ = ["Millis", "Money", "Secret", "Section", "load", "render"]

PREFIX: Final = "TIDINGS_"
CONFIG_VARIABLE: Final = "TIDINGS_CONFIG"  # names the file itself
TEST_PREFIX: Final = "TIDINGS_TEST_"

S = TypeVar("S", bound=BaseModel)
Tree = dict[str, Any]

log = logging.getLogger(__name__)


def load(model: type[S], *, path: Path | None, environ: Mapping[str, str]) -> S:
    """Read the settings; a variable `TIDINGS_SECTION__KEY` goes before the file's `section.key`.

    Deeper keys take further `__`; lists and tables are given as JSON. Every variable that starts
    with `TIDINGS_` must be a key, except `TIDINGS_CONFIG` and those starting with `TIDINGS_TEST_`.
    Warns in the log when others may read a file that holds secrets.

    Args:
        model: the settings' shape: `Section`s, and lists of them.
        path: the TOML file; None reads the environment alone.
        environ: the environment.

    Raises:
        ConfigurationError: with every problem on a line of its own: which key, where it stands,
            and what would be right.
    """
    keys = tuple(keys_of(model))
    file = _read_file(path)
    if path is not None:
        _warn_if_exposed(path, file, keys)
    origins = Origins(file, None if path is None else str(path), PREFIX)
    tree: Tree = json.loads(json.dumps(file))
    variables = sorted(_setting_variables(environ), key=lambda pair: (pair[0].count("__"), pair))
    for name, text in variables:
        where = tuple(name.removeprefix(PREFIX).lower().split("__"))
        _put(tree, where, _read_text(keys, where, text), name, origins)
    _open_required(model, tree)
    try:
        return model.model_validate_json(json.dumps(tree), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False)
    # raised here, so that pydantic's error, which holds the input, does not come along
    problems = [line for detail in details for line in describe(detail, tree, keys, origins)]
    raise ConfigurationError("\n".join(dict.fromkeys(problems)))


def render(settings: BaseModel) -> str:
    """Write the settings in effect as TOML, secrets as `MASK`; keys that are not set are comments.

    What it writes loads again once the secrets are put in.
    """
    return "\n".join(_table(settings, ())).strip() + "\n"


def _read_file(path: Path | None) -> Tree:
    """Read TOML into what JSON knows (dates as text).

    Raises:
        ConfigurationError: the file can't be read, or is not TOML; the message has the line.
    """
    if path is None:
        return {}
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"can't read the configuration file {path}: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        reason = f"{path} is not UTF-8 text (byte {error.start})"
    except tomllib.TOMLDecodeError as error:
        reason = f"{path} is not valid TOML: {error}"
    else:
        return {key: _plain(value) for key, value in tree.items()}
    raise ConfigurationError(reason)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any TOML value
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date | datetime | time) else value


def _warn_if_exposed(path: Path, file: Tree, keys: tuple[Key, ...]) -> None:
    mode = path.stat().st_mode
    if mode & (stat.S_IRGRP | stat.S_IROTH) and any(
        isinstance(value, str)
        for key in keys
        if key.is_secret
        for value in _values_at(file, key.path)
    ):
        log.warning(
            "%s holds secrets and others may read it (mode %s): chmod 600 %s",
            path,
            oct(stat.S_IMODE(mode)),
            path,
        )


def _values_at(node: Any, path: tuple[str, ...]) -> Iterator[object]:  # noqa: ANN401 - any value
    """Give all values that a key's path leads to."""
    if not path:
        yield node
    elif isinstance(node, dict):
        for name in node if path[0] == "*" else (path[0],):
            if name in node:
                yield from _values_at(node[name], path[1:])
    elif isinstance(node, list) and path[0] == "*":
        for item in node:
            yield from _values_at(item, path[1:])


def _setting_variables(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, text in environ.items():
        ours = name.startswith(PREFIX) and not name.startswith(TEST_PREFIX)
        if ours and name != CONFIG_VARIABLE:
            yield name, text.encode("utf-8", "replace").decode()


def _read_text(keys: tuple[Key, ...], where: tuple[str, ...], text: str) -> Any:  # noqa: ANN401
    """Read a variable as its key's type: as the text it is where text will do, else as JSON."""
    key = next((key for key in keys if key.covers(where)), None)
    if key is None:
        return text
    adapter: TypeAdapter[Any] = TypeAdapter(key.field.rebuild_annotation())
    try:
        adapter.validate_json(json.dumps(text), strict=True)
    except ValidationError as error:
        if all(detail["type"].endswith("_type") for detail in error.errors()):
            try:
                return json.loads(text.lower() if text.lower() in ("true", "false") else text)
            except ValueError:
                return text
    return text


def _put(tree: Tree, where: tuple[str, ...], value: object, name: str, origins: Origins) -> None:
    """Set a value, a table key by key, remembering which variable it came from."""
    node = tree
    for step in where[:-1]:
        inner = node.get(step)
        if not isinstance(inner, dict):
            inner = node[step] = {}
        node = inner
    if isinstance(value, dict) and value:
        for key, item in value.items():
            _put(tree, (*where, key), item, name, origins)
    else:
        node[where[-1]] = value
        origins.variables[where] = name


def _open_required(model: type[BaseModel], tree: Tree) -> None:
    """Open the sections that must be there, so that what they miss is named key by key."""
    for name, field in model.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            if field.is_required():
                tree.setdefault(name, {})
            if isinstance(tree.get(name), dict):
                _open_required(section, tree[name])


def _table(section: BaseModel, path: tuple[str, ...]) -> Iterator[str]:
    tables: list[tuple[str, Any]] = []
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel) or _is_tables(value):
            tables.append((name, value))
        elif value is None:
            yield f"# {_key(name)} is not set"
        else:
            yield f"{_key(name)} = {_value(value)}"
    for name, value in tables:
        inner = (*path, _key(name))
        for item in value if _is_tables(value) else (value,):
            yield ""
            yield f"[[{'.'.join(inner)}]]" if _is_tables(value) else f"[{'.'.join(inner)}]"
            yield from _table(item, inner)


def _is_tables(value: object) -> bool:
    return (
        isinstance(value, list | tuple)
        and bool(value)
        and all(isinstance(item, BaseModel) for item in value)
    )


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else _quoted(name)


def _value(value: object) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, SecretStr):
        return f'"{MASK}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, BaseModel):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        pairs = (f"{_key(str(k))} = {_value(v)}" for k, v in value.items() if v is not None)
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list | tuple | set | frozenset):
        return f"[{', '.join(_value(item) for item in value)}]"
    return _quoted(redact_text(str(value)))


def _quoted(text: str) -> str:
    """Write a TOML basic string; its escapes are JSON's, and DEL needs one too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
