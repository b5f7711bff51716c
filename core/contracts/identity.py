"""Ids that make doubled delivery harmless: equal content, equal id, on any lane, any day."""

from hashlib import blake2b
from typing import Final

_SEPARATOR: Final = "\x1f"  # can't stand in a normalised field, so fields can't run together

CLIENT_ORDER_ID_LENGTH: Final = 32  # HitBTC's limit, the shortest of the venues we know


def _digest(kind: str, *parts: str) -> str:
    """Hash named parts to 32 hexadecimal characters (BLAKE2b, 128 bits, RFC 7693)."""
    return blake2b(_SEPARATOR.join((kind, *parts)).encode(), digest_size=16).hexdigest()


def event_id(source: str, channel: str, native_id: str, revision: int = 0) -> str:
    """Name an event by where it was said: seen twice, by two clients or after a restart, once."""
    return _digest("event", source, channel, native_id, str(revision))


def notice_id(source: str, channel: str, native_id: str) -> str:
    """Name an exchange's notice, the same over all its revisions."""
    return _digest("notice", source, channel, native_id)


def story_id(first_event_id: str, asset: str) -> str:
    """Name a story by the event that opened it and the asset it is about."""
    return _digest("story", first_event_id, asset)


def signal_id(story: str, asset: str, direction: str, action: str = "open") -> str:
    """Name a signal: one story gives at most one of each action per asset and direction."""
    if action == "open":
        return _digest("signal", story, asset, direction)
    return _digest("signal", story, asset, direction, action)


def client_order_id(signal: str, venue: str, leg: str) -> str:
    """Name an order, so that the same signal can never become two orders of one leg.

    32 characters, `t` and 31 hexadecimal ones: letters and digits only, which every venue takes.
    """
    return "t" + _digest("order", signal, venue, leg)[: CLIENT_ORDER_ID_LENGTH - 1]
