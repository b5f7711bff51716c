"""Telegram's messages as items; telethon serialises and reads each one first."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon import types
from telethon.extensions import BinaryReader

from core.contracts.event import EventKind, OriginKind
from crawlers.item import Item, ItemOrigin, Refusal, RefusalReason
from crawlers.sources.telegram.parse import deletion, gather, is_post, read
from crawlers.sources.telegram.settings import ChannelSettings

Thing = Any  # one of telethon's, which have no types

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
AT_S = int(AT.timestamp())
LATER = datetime(2026, 3, 4, 6, 0, 0, tzinfo=UTC)
CHANNEL = ChannelSettings(channel="desk", id=-1001234567890)
NAMED = ChannelSettings(channel="desk", id=-1001234567890, username="the_desk")


def sent(number: int, text: str = "", **fields: Thing) -> Thing:
    """Give a message as it comes off the wire."""
    fields.setdefault("peer_id", types.PeerChannel(1234567890))
    fields.setdefault("date", AT)
    with BinaryReader(bytes(types.Message(id=number, message=text, **fields))) as reader:
        return reader.tgread_object()


def item(*messages: Thing, names: dict[int, Thing] | None = None) -> Item:
    read_item = read(messages, names or {}, CHANNEL)
    assert isinstance(read_item, Item)
    return read_item


def origin(message: Thing, names: dict[int, Thing] | None = None) -> ItemOrigin:
    found = item(message, names=names).origin
    assert found is not None
    return found


def channel(number: int, username: str | None) -> Thing:
    photo = types.ChatPhotoEmpty()
    return types.Channel(id=number, title="x", photo=photo, date=AT, username=username)


def test_post_is_read_with_its_address_and_time() -> None:
    assert item(sent(7, "Coin listed")) == Item(
        native_id="7",
        text="Coin listed",
        url="https://t.me/c/1234567890/7",
        published=AT_S,
    )


def test_public_channel_gives_public_addresses() -> None:
    read_item = read((sent(7, "x"),), {}, NAMED)
    assert isinstance(read_item, Item)
    assert read_item.url == "https://t.me/the_desk/7"


def test_small_group_has_no_addresses() -> None:
    group = ChannelSettings(channel="chat", id=-4321)
    read_item = read((sent(7, "x", peer_id=types.PeerChat(4321)),), {}, group)
    assert isinstance(read_item, Item)
    assert read_item.url is None


def test_linked_words_are_followed_by_their_address() -> None:
    text = "\U0001f680 details here and there"
    entities = [
        types.MessageEntityBold(0, 2),
        types.MessageEntityTextUrl(11, 4, "https://example.com/a"),  # an emoji counts as two
        types.MessageEntityTextUrl(20, 5, "https://example.com/b"),
    ]
    assert item(sent(1, text, entities=entities)).text == (
        "\U0001f680 details here (https://example.com/a) and there (https://example.com/b)"
    )


def test_link_that_shows_its_address_is_not_doubled() -> None:
    url = "https://example.com/a"
    entities = [types.MessageEntityTextUrl(0, len(url), url)]
    assert item(sent(1, url, entities=entities)).text == url


@given(
    text=st.text(max_size=20),
    places=st.lists(st.tuples(st.integers(-9, 40), st.integers(-9, 40)), max_size=4),
)
def test_entities_anywhere_are_harmless(text: str, places: list[tuple[int, int]]) -> None:
    entities = [types.MessageEntityTextUrl(at, length, "https://e.com") for at, length in places]
    message = types.Message(
        id=1, message=text, entities=entities, date=AT, peer_id=types.PeerChannel(1)
    )
    assert isinstance(read((message,), {}, CHANNEL), Item)


def test_title_of_a_linked_page_is_no_part_of_the_text() -> None:
    page = types.WebPage(1, "https://e.com", "e.com", 0, title="Title", description="Long")
    media = types.MessageMediaWebPage(page)
    assert item(sent(1, "see https://e.com", media=media)).text == "see https://e.com"


def test_question_of_a_poll_is_text() -> None:
    question = types.TextWithEntities("Listed this week?", [])
    answer = types.PollAnswer(types.TextWithEntities("Yes", []), b"0")
    poll = types.MessageMediaPoll(types.Poll(1, question, [answer], 0), types.PollResults())
    assert item(sent(1, "", media=poll)).text == "Listed this week?"


def test_album_is_one_item_under_its_first_part() -> None:
    parts = [
        sent(12, "", grouped_id=5, media=types.MessageMediaPhoto()),
        sent(11, "first", grouped_id=5, date=AT),
        sent(13, "third", grouped_id=5, date=LATER),
    ]
    read_item = item(*parts)
    assert (read_item.native_id, read_item.text) == ("11", "first\nthird")
    assert read_item.published == AT_S


def test_edit_has_its_time_as_revision() -> None:
    edited = item(sent(1, "x", edit_date=LATER))
    assert (edited.kind, edited.revision) == (EventKind.EDITED, int(LATER.timestamp()))


def test_reaction_is_no_edit() -> None:
    same = item(sent(1, "x", edit_date=LATER, edit_hide=True))
    assert (same.kind, same.revision) == (EventKind.PUBLISHED, 0)


def test_edited_part_edits_the_album() -> None:
    album = item(sent(1, "a", grouped_id=5), sent(2, "b", grouped_id=5, edit_date=LATER))
    assert (album.native_id, album.kind) == ("1", EventKind.EDITED)


def test_forward_names_the_public_channel_and_its_time() -> None:
    header = types.MessageFwdHeader(LATER, from_id=types.PeerChannel(55), channel_post=9)
    names = {-1000000000055: channel(55, "source_name")}
    assert origin(sent(1, "x", fwd_from=header), names) == ItemOrigin(
        kind=OriginKind.FORWARD,
        author="source_name",
        native_id="9",
        url="https://t.me/source_name/9",
        published=int(LATER.timestamp()),
    )


def test_forward_from_a_channel_without_a_name_has_its_number() -> None:
    header = types.MessageFwdHeader(LATER, from_id=types.PeerChannel(55), channel_post=9)
    found = origin(sent(1, "x", fwd_from=header), {-1000000000055: channel(55, None)})
    assert (found.author, found.url) == ("-1000000000055", "https://t.me/c/55/9")


def test_forward_from_somebody_hidden_has_the_name_given() -> None:
    header = types.MessageFwdHeader(LATER, from_name="Somebody")
    found = origin(sent(1, "x", fwd_from=header))
    assert (found.author, found.native_id, found.url) == ("Somebody", None, None)


def test_reply_names_what_it_answers() -> None:
    header = types.MessageReplyHeader(reply_to_msg_id=3, quote_text="what")
    assert origin(sent(4, "x", reply_to=header)) == ItemOrigin(
        kind=OriginKind.REPLY, native_id="3", text="what"
    )


def test_post_in_a_topic_is_no_reply() -> None:
    header = types.MessageReplyHeader(reply_to_msg_id=3, forum_topic=True)
    assert item(sent(4, "x", reply_to=header)).origin is None


def test_author_is_the_signature_or_the_name_that_is_theirs_alone() -> None:
    user = types.User(9, first_name="Anything At All", username="only_theirs")
    assert item(sent(1, "x", post_author="Desk")).author == "Desk"
    written = sent(1, "x", from_id=types.PeerUser(9))
    assert item(written, names={9: user}).author == "only_theirs"
    assert item(written).author == "9"


def test_bought_names_count_as_names() -> None:
    owner = types.User(
        9, usernames=[types.Username("old", active=False), types.Username("new", active=True)]
    )
    assert item(sent(1, "x", from_id=types.PeerUser(9)), names={9: owner}).author == "new"


def test_time_of_nothing_is_none() -> None:
    assert item(sent(1, "x", date=datetime(1970, 1, 1, tzinfo=UTC))).published is None


def test_unknown_kind_of_message_is_refused() -> None:
    refused = read((sent(8, "", media=types.MessageMediaUnsupported()),), {}, CHANNEL)
    assert isinstance(refused, Refusal)
    assert (refused.reason, refused.native_id) == (RefusalReason.BAD_SHAPE, "8")


def test_service_messages_and_gaps_are_no_posts() -> None:
    peer = types.PeerChannel(1)
    pinned = types.MessageService(
        id=2, peer_id=peer, date=AT, action=types.MessageActionPinMessage()
    )
    gone = types.MessageEmpty(id=3, peer_id=peer)
    posts = [sent(1, "a"), pinned, gone, sent(4, "b")]
    assert [is_post(one) for one in posts] == [True, False, False, True]
    assert [[part.id for part in parts] for parts in gather(posts)] == [[1], [4]]


def test_parts_of_albums_are_gathered_across_other_posts() -> None:
    posts = [sent(1, grouped_id=5), sent(2), sent(3, grouped_id=5), sent(4, grouped_id=6)]
    assert [[part.id for part in parts] for parts in gather(posts)] == [[1, 3], [2], [4]]


def test_deletion_keeps_the_post_time() -> None:
    assert deletion(7, AT_S) == Item(native_id="7", kind=EventKind.DELETED, published=AT_S)


@pytest.mark.parametrize(
    ("number", "bare", "marked", "small"),
    [
        (-1001234567890, 1234567890, -1001234567890, False),
        (1234567890, 1234567890, -1001234567890, False),
        (-1000000000001, 1, -1000000000001, False),
        (-4321, 4321, -4321, True),
    ],
)
def test_numbers_as_clients_show_them(number: int, bare: int, marked: int, small: bool) -> None:
    one = ChannelSettings(channel="x", id=number)
    assert (one.bare_id, one.marked_id, one.is_small_group) == (bare, marked, small)
