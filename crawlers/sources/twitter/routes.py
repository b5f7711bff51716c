"""Decides which channel a post belongs to, and writes the rules and queries that find it."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from crawlers.sources.twitter.settings import TwitterSettings

ACCOUNTS: Final = "accounts"
REPLIES: Final = "replies"
_TERM: Final = "term:"
_OR: Final = " OR "


class Query(NamedTuple):
    """A rule of the stream, or a query of a search.

    Attributes:
        text: in X's query language.
        tag: what it looks for: `accounts`, `replies` or `term:CHANNEL`.
        channels: those its posts may belong to.
    """

    text: str
    tag: str
    channels: tuple[str, ...]


class Routes:
    """The configured channels, and what belongs to each.

    A post's channels follow from the post and the configuration alone, not from the way it was
    read: one by a configured account is in that account's channel and no other; one that answers
    such an account is in its `/replies`; any other is in the channel of each term it matches.

    Args:
        settings: which accounts and terms.
    """

    def __init__(self, settings: TwitterSettings) -> None:
        self._accounts: Final = settings.accounts
        self._known: Final = frozenset(settings.accounts)
        self._replies: Final = settings.replies
        self._terms: Final[dict[str, list[str]]] = {}
        for term in settings.terms:
            self._terms.setdefault(term.channel, []).append(term.query)

    @property
    def channels(self) -> tuple[str, ...]:
        """All channels, in the order of the configuration."""
        replies = self._reply_channels if self._replies else ()
        return (*(f"@{name}" for name in self._accounts), *replies, *self._terms)

    @property
    def _reply_channels(self) -> tuple[str, ...]:
        return tuple(f"@{name}/replies" for name in self._accounts)

    def of(self, author: str | None, answered: str | None, tags: Iterable[str]) -> tuple[str, ...]:
        """Give the channels of a post.

        Args:
            author: handle, in any case; None where the source does not tell.
            answered: handle of whom it answers, if anybody.
            tags: of all the queries that found it.
        """
        author = (author or "").lower()
        if author in self._known:
            return (f"@{author}",)
        channels: list[str] = []
        for tag in tags:
            if tag == REPLIES:
                answered = (answered or "").lower()
                if answered in self._known:
                    channels.append(f"@{answered}/replies")
            elif tag.startswith(_TERM):
                channels.append(tag.removeprefix(_TERM))
        return tuple(dict.fromkeys(channels))

    def queries(self, limit: int) -> tuple[Query, ...]:
        """Write as few queries as fit for all channels, each at most `limit` characters long."""
        found = self._packed("from:", ACCOUNTS, tuple(f"@{one}" for one in self._accounts), limit)
        if self._replies:
            found += self._packed("to:", REPLIES, self._reply_channels, limit)
        for channel in self._terms:
            found += self.queries_of(channel, limit)
        return tuple(found)

    def queries_of(self, channel: str, limit: int) -> list[Query]:
        """Write the queries of one channel."""
        if channel in self._terms:
            return [
                Query(text, _TERM + channel, (channel,))
                for text, _ in pack([f"({one})" for one in self._terms[channel]], limit)
            ]
        name = channel.removeprefix("@")
        handle = name.removesuffix("/replies")
        if handle != name:
            return [Query(f"to:{handle}", REPLIES, (channel,))]
        return [Query(f"from:{handle}", ACCOUNTS, (channel,))]

    def _packed(self, operator: str, tag: str, channels: Sequence[str], limit: int) -> list[Query]:
        parts = [operator + name for name in self._accounts]
        return [
            Query(text, tag, tuple(channels[start : start + count]))
            for text, start, count in _spans(pack(parts, limit))
        ]


def _spans(packed: Iterable[tuple[str, int]]) -> Iterable[tuple[str, int, int]]:
    start = 0
    for text, count in packed:
        yield text, start, count
        start += count


def pack(parts: Sequence[str], limit: int) -> list[tuple[str, int]]:
    """Join parts by OR into as few texts as fit, in order; with how many parts each holds.

    A part in brackets that stands alone loses them, so that it may be as long as the limit.
    """
    packed: list[list[str]] = []
    length = 0
    for part in parts:
        longer = length + len(_OR) + len(part)
        if packed and longer <= limit:
            packed[-1].append(part)
            length = longer
        else:
            packed.append([part])
            length = len(part)
    return [
        (one[0][1:-1] if len(one) == 1 and one[0].startswith("(") else _OR.join(one), len(one))
        for one in packed
    ]
