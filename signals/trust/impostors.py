"""Tells an account that looks like a known one from the known one."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

_SHORTEST: Final = 5  # shorter handles resemble too many others
_SWAPS: Final = str.maketrans("0134578", "oieastb")
_LETTERS: Final = re.compile(r"[^a-z]")
_DRESSING: Final = (
    "official", "announcements", "announcement", "exchange", "support", "global", "airdrop",
    "giveaway", "updates", "update", "listing", "listings", "alerts", "alert", "team", "news",
    "real", "the", "hq", "help", "desk", "app", "io", "com", "fx",
)  # fmt: skip


class Impostors:
    """The handles worth pretending to be, ready to be compared with.

    Args:
        known: handles in small letters, without @.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self._known = frozenset(known)
        self._bones: dict[str, str] = {}
        self._gaps: dict[str, str] = {}
        for handle in sorted(self._known):
            bones = _bones(handle)
            if len(bones) >= _SHORTEST:
                self._bones.setdefault(bones, handle)
                for gap in _without_one(bones):
                    self._gaps.setdefault(gap, handle)

    def pretends(self, handle: str) -> str | None:
        """Name the known handle that this one pretends to be; None for a known or unlike one.

        It pretends where the letters are the same but for look-alikes, digits for letters,
        underscores, words such as `official`, or one letter more, less or other.
        """
        if handle in self._known:
            return None
        bones = _bones(handle)
        if len(bones) < _SHORTEST:
            return None
        if found := self._bones.get(bones):
            return found
        if found := self._gaps.get(bones):
            return found
        for gap in _without_one(bones):
            if found := self._bones.get(gap) or self._gaps.get(gap):
                return found
        return None


def _bones(handle: str) -> str:
    """Reduce a handle to the letters that the eye sees, without what impostors add."""
    plain = handle if handle.isascii() else unicodedata.normalize("NFKD", handle)
    letters = _LETTERS.sub("", plain.lower().translate(_SWAPS))
    if not letters.startswith(_DRESSING) and not letters.endswith(_DRESSING):
        return letters
    for word in _DRESSING:
        for cut in (str.removesuffix, str.removeprefix):
            bare = cut(letters, word)
            if len(bare) >= _SHORTEST:
                letters = bare
    return letters


def _without_one(bones: str) -> list[str]:
    return [bones[:at] + bones[at + 1 :] for at in range(len(bones))]
