"""Reads Telegram's messages, as telethon decoded them, into items."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from core.contracts.event import EventKind, OriginKind
from crawlers.item import Item, ItemOrigin, Refusal, RefusalReason
from crawlers.sources.telegram.settings import ChannelSettings

ALBUM_PARTS: Final = 10  # Telegram's limit; their ids follow one another

Message = Any  # telethon's `Message`; its module is too slow to import for a type
Names = Mapping[int, Any]  # users, groups and channels by their marked id, as sent with a message

_CHANNEL_MARK: Final = 1_000_000_000_000


def read(parts: Sequence[Message], names: Names, channel: ChannelSettings) -> Item | Refusal:
    """Read one post, a message or all the parts of an album; never raises for what is in them.

    Sample: Message(id=7, peer_id=PeerChannel(1234), date=..., message="Coin listed",
    entities=[MessageEntityTextUrl(5, 6, "https://...")], fwd_from=MessageFwdHeader(...))

    Linked words are followed by the address in brackets, a poll's question by nothing, and the
    titles of web pages that a message links to are left out. An album's texts are joined; its id
    and time are those of its first part, its revision that of its last edit.

    Args:
        parts: at least one, in any order; no service messages.
        names: who is who, for authors.
        channel: where it was posted.
    """
    try:
        return _read(sorted(parts, key=lambda part: part.id), names, channel)
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        # telethon does not check that an object's fields are what they should be
        return Refusal(RefusalReason.BAD_SHAPE, f"telethon's message: {error}", str(parts[0].id))


def _read(parts: Sequence[Message], names: Names, channel: ChannelSettings) -> Item | Refusal:
    first = parts[0]
    text = "\n".join(filter(None, map(_text, parts)))
    native_id = str(first.id)
    if not text and any(_kind(part.media) == "MessageMediaUnsupported" for part in parts):
        return Refusal(
            RefusalReason.BAD_SHAPE,
            "a kind of message that this version of telethon does not know: update it",
            native_id,
        )
    edited = max(map(edit_time, parts))
    return Item(
        native_id=native_id,
        kind=EventKind.EDITED if edited else EventKind.PUBLISHED,
        revision=edited,
        text=text,
        author=first.post_author or _name(first.from_id, names),
        url=_url(channel.username, None if channel.is_small_group else channel.bare_id, first.id),
        published=sent_time(first),
        origin=_forward(first, names) or _reply(first),
    )


def deletion(message_id: int, published: int | None) -> Item:
    """Give the item that says that a post is gone; `published` where it is known (UTC s)."""
    return Item(native_id=str(message_id), kind=EventKind.DELETED, published=published)


def is_post(message: Message) -> bool:
    """Say whether a message is one that somebody wrote, and not what the service tells or hides."""
    return _kind(message) == "Message"


def sent_time(message: Message) -> int | None:
    """Give when a message was sent (UTC s); None for none."""
    return int(message.date.timestamp()) or None


def edit_time(message: Message) -> int:
    """Give when a message was last edited (UTC s), 0 for never.

    Reactions and the like set the time as well, with the mark that clients should not show it.
    """
    if message.edit_date is None or message.edit_hide:
        return 0
    return int(message.edit_date.timestamp())


def gather(messages: Iterable[Message]) -> list[list[Message]]:
    """Put the parts of albums together, each where its first part was; leave out non-posts."""
    posts: list[list[Message]] = []
    albums: dict[int, list[Message]] = {}
    for message in messages:
        if not is_post(message):
            continue
        grouped = message.grouped_id
        if grouped is not None and grouped in albums:
            albums[grouped].append(message)
            continue
        post = [message]
        posts.append(post)
        if grouped is not None:
            albums[grouped] = post
    return posts


def _kind(thing: object) -> str:
    return type(thing).__name__


def _text(message: Message) -> str:
    """Give a message's text or caption, with its links, and its poll's question."""
    text = _with_links(message.message or "", message.entities or ())
    if _kind(message.media) == "MessageMediaPoll":
        question = message.media.poll.question
        text = f"{text}\n{question.text}" if text else question.text
    return text


def _with_links(text: str, entities: Iterable[Any]) -> str:
    """Write each linked words' address behind them.

    Entities count UTF-16 code units (https://core.telegram.org/api/entities).
    """
    links = [entity for entity in entities if _kind(entity) == "MessageEntityTextUrl"]
    if not links:
        return text
    units = text.encode("utf-16-le", "surrogatepass")
    for link in sorted(links, key=lambda one: one.offset, reverse=True):
        start = 2 * max(0, link.offset)
        end = max(start, 2 * (link.offset + link.length))
        words = units[start:end].decode("utf-16-le", "surrogatepass").strip()
        if words == link.url:
            continue
        address = f" ({link.url})".encode("utf-16-le", "surrogatepass")
        units = units[:end] + address + units[end:]
    return units.decode("utf-16-le", "surrogatepass")


def _forward(message: Message, names: Names) -> ItemOrigin | None:
    """Read where a forwarded message comes from."""
    forward = message.fwd_from
    if forward is None:
        return None
    source, post = forward.from_id, forward.channel_post
    channel_id = getattr(source, "channel_id", None)
    username = _username(names.get(_marked(source))) if source is not None else None
    return ItemOrigin(
        kind=OriginKind.FORWARD,
        author=_name(source, names) or forward.from_name or forward.post_author,
        native_id=str(post) if post else None,
        url=_url(username, channel_id, post) if post else None,
        published=int(forward.date.timestamp()) or None,
    )


def _reply(message: Message) -> ItemOrigin | None:
    """Read which message is answered; being in a forum's topic is no answer to its first one."""
    reply = message.reply_to
    if _kind(reply) != "MessageReplyHeader" or not reply.reply_to_msg_id:
        return None
    if reply.forum_topic and not reply.reply_to_top_id:
        return None
    return ItemOrigin(
        kind=OriginKind.REPLY, native_id=str(reply.reply_to_msg_id), text=reply.quote_text
    )


def _marked(peer: Any) -> int:  # noqa: ANN401 - telethon's Peer
    """Give a peer's id as clients show it."""
    if (channel_id := getattr(peer, "channel_id", None)) is not None:
        return -_CHANNEL_MARK - int(channel_id)
    if (chat_id := getattr(peer, "chat_id", None)) is not None:
        return -int(chat_id)
    return int(peer.user_id)


def _name(peer: Any, names: Names) -> str | None:  # noqa: ANN401 - telethon's Peer
    """Name a user or channel by what is theirs alone: the public name, else the number."""
    if peer is None:
        return None
    marked = _marked(peer)
    return _username(names.get(marked)) or str(marked)


def _username(entity: object) -> str | None:
    """Give the public name that is shown first; one bought besides is in a list."""
    name = getattr(entity, "username", None)
    if not name:
        active = [one for one in getattr(entity, "usernames", None) or () if one.active]
        name = active[0].username if active else None
    return name if isinstance(name, str) else None


def _url(username: str | None, channel_id: int | None, message_id: int) -> str | None:
    """Give a post's address (https://core.telegram.org/api/links#message-links)."""
    if username:
        return f"https://t.me/{username}/{message_id}"
    return f"https://t.me/c/{channel_id}/{message_id}" if channel_id else None
