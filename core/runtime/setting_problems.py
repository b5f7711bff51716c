"""Says what is wrong with a configuration: which key, where it came from, what would be right."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from pydantic_core import ErrorDetails

from core.runtime.redaction import is_secret_name, redact_known
from core.runtime.setting_types import ANY, Key, dotted

Path = tuple[str | int, ...]

_SHOWN: Final = 60  # characters of a wrong value
_TABLE_TYPES: Final = ("list_type", "tuple_type", "set_type", "dict_type", "model_type")


class Origins:
    """Where each value came from.

    Attributes:
        variables: the environment variable behind each path that one has set.
    """

    def __init__(self, file: Mapping[str, Any], file_name: str | None, prefix: str) -> None:
        self.variables: dict[tuple[str, ...], str] = {}
        self._file = file
        self._file_name = file_name
        self._prefix = prefix

    def behind(self, path: Path) -> list[str]:
        """Name the variables that set this path, something in it, or something around it."""
        return sorted(
            {
                name
                for where, name in self.variables.items()
                if where[: len(path)] == path[: len(where)]
            }
        )

    def in_file(self, path: Path) -> bool:
        """Say whether the file has this path."""
        node: Any = self._file
        for step in path:
            if not _leads_on(node, step):
                return False
            node = node[step]
        return True

    def of(self, path: Path) -> str:
        """Name the source of a value, for people."""
        if names := self.behind(path):
            return f"environment variable {', '.join(names)}"
        return self._file_name or "no configuration file"

    def file(self) -> str:
        """Name the file, for people."""
        return self._file_name or "the configuration file"

    def variable(self, path: Path) -> str:
        """Give the name of a key's environment variable."""
        return self._prefix + "__".join(str(step).upper() for step in path)


def describe(
    detail: ErrorDetails, tree: Mapping[str, Any], keys: Sequence[Key], origins: Origins
) -> list[str]:
    """Put one of pydantic's findings into words, one line each; never shows a secret.

    Args:
        detail: the finding.
        tree: what was checked.
        keys: all keys there are.
        origins: where the values came from.
    """
    kind = detail["type"]
    path = _path_in(tree, detail["loc"], missing=kind == "missing")
    key = next((key for key in keys if key.covers(path)), None)
    if kind == "extra_forbidden":
        return _unknown(path, keys, origins)
    if kind == "missing":
        return [_missing(path, key, origins)]
    context = detail.get("ctx", {})
    says = str(context["error"]) if "error" in context else detail["msg"]
    if kind in _TABLE_TYPES and origins.behind(path):
        says += " (in the environment, lists and tables are written as JSON)"
    value = detail["input"]
    if (
        key is not None
        and not (key.is_secret or key.is_table or is_secret_name(key.path[-1]))
        and isinstance(value, str | int | float)
    ):
        says += f"; found {value!r:.{_SHOWN}}"
    return [redact_known(f"{dotted(path) or 'settings'} ({origins.of(path)}): {says}")]


def _path_in(tree: Mapping[str, Any], location: Path, *, missing: bool) -> Path:
    """Drop from pydantic's location what is no key, such as the tag of a union's member."""
    node: Any = tree
    path: list[str | int] = []
    for number, step in enumerate(location):
        if _leads_on(node, step):
            node = node[step]
        elif not missing or number < len(location) - 1:
            continue
        path.append(step)
    return tuple(path)


def _leads_on(node: object, step: str | int) -> bool:
    if isinstance(node, list):
        return isinstance(step, int) and step < len(node)
    return isinstance(node, Mapping) and step in node


def _missing(path: Path, key: Key | None, origins: Origins) -> str:
    secret = key is not None and key.is_secret
    section, name = dotted(path[:-1]), path[-1]
    form = ', as text or as { file = "/path" },' if secret else ""
    where = (
        f"{name} in [{section}] of {origins.file()}" if section else f"{name} in {origins.file()}"
    )
    says = f"missing {'secret ' if secret else ''}{dotted(path)}: set {where}{form}"
    if all(isinstance(step, str) for step in path):
        says += f" or the environment variable {origins.variable(path)}"
    return says


def _unknown(path: Path, keys: Sequence[Key], origins: Origins) -> list[str]:
    says = []
    if origins.in_file(path):
        right = _nearest(path, keys)
        hint = f"did you mean {right}?" if right else _siblings(path, keys)
        says.append(f"unknown key {dotted(path)} ({origins.file()}): {hint}")
    for name in origins.behind(path):
        names = [origins.variable(k.path) for k in keys if ANY not in k.path and not k.is_table]
        where = next(where for where, source in origins.variables.items() if source == name)
        near = get_close_matches(name, names, n=1, cutoff=0.8)
        right = near[0] if near else None
        if right is None and (key := _nearest_key(where, keys)) and ANY not in key.path:
            right = origins.variable(key.path)
        hint = f"did you mean {right}?" if right else _siblings(where, keys)
        says.append(f"unknown environment variable {name}: {hint}")
    return says


def _nearest(path: Path, keys: Sequence[Key]) -> str | None:
    key = _nearest_key(path, keys)
    return None if key is None else key.dotted


def _nearest_key(path: Path, keys: Sequence[Key]) -> Key | None:
    """Find the key that was meant: a like name beside it, the same name or a like one elsewhere."""
    name = str(path[-1])
    beside = {key.path[-1]: key for key in keys if _is_beside(key, path)}
    if near := get_close_matches(name, beside, n=1):
        return beside[near[0]]
    elsewhere = [key for key in keys if key.path[-1] == name]
    if elsewhere:
        return elsewhere[0]
    names = {key.path[-1]: key for key in keys}
    near = get_close_matches(name, names, n=1, cutoff=0.8)
    return names[near[0]] if near else None


def _is_beside(key: Key, path: Path) -> bool:
    return key.covers((*path[:-1], key.path[-1]))


def _siblings(path: Path, keys: Sequence[Key]) -> str:
    """List what may stand in the same place."""
    names = [key.path[-1] for key in keys if _is_beside(key, path)]
    if not names:
        names = [key.path[0] for key in keys if len(key.path) == 1]
        return f"known sections are {', '.join(names)}"
    section = dotted(path[:-1])
    return f"known keys{f' of {section}' if section else ''} are {', '.join(names)}"
