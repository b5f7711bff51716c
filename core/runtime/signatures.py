"""Signs HTTP requests, and tells whether one was signed by somebody with the secret, just now."""

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

TIMESTAMP_HEADER: Final = "X-Tidings-Timestamp"
SIGNATURE_HEADER: Final = "X-Tidings-Signature"

_SCHEME: Final = "v1="
_MOST_SIGNATURES: Final = 5
_LONGEST_STAMP: Final = 12
_SECOND_NS: Final = 1_000_000_000


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """Give the `X-Tidings-Signature` of a request: HMAC-SHA256 of the stamp, a dot and the body.

    Args:
        secret: what sender and receiver share.
        timestamp: Unix seconds in digits, as sent in `X-Tidings-Timestamp`.
        body: as sent, byte for byte.
    """
    digest = hmac.new(secret, timestamp.encode() + b"." + body, sha256)
    return _SCHEME + digest.hexdigest()


class Seal:
    """The secrets of one receiver.

    Args:
        secrets: any of them signs.
        tolerance_ms: how far a stamp may be from our clock, either way.
    """

    def __init__(self, secrets: Sequence[bytes], tolerance_ms: int) -> None:
        self._keyed = [hmac.new(secret, digestmod=sha256) for secret in secrets]
        self._tolerance_ns = tolerance_ms * 1_000_000

    def stamp_problem(self, timestamp: str, now_ns: int) -> str | None:
        """Say what is wrong with a request's stamp; None where it is of now."""
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _LONGEST_STAMP):
            return f"{TIMESTAMP_HEADER} has to be the time of sending in Unix seconds"
        off_ns = now_ns - int(timestamp) * _SECOND_NS
        if abs(off_ns) <= self._tolerance_ns:
            return None
        off = f"{abs(off_ns) // _SECOND_NS} s {'old' if off_ns > 0 else 'ahead'}"
        limit_s = self._tolerance_ns // _SECOND_NS
        return f"the stamp is {off}, at most {limit_s} s are taken: sign anew, check the clock"

    def is_signed(self, timestamp: str, body: bytes, signatures: str) -> bool:
        """Say whether one of the signatures is that of one of the secrets.

        Takes the same time whichever it is. Several signatures are separated by commas: a
        sender in the middle of changing its secret may sign with both.
        """
        stamp = timestamp.encode() + b"."
        given = [
            one.strip().encode("utf-8", "surrogateescape")
            for one in signatures.split(",")[:_MOST_SIGNATURES]
        ]
        signed = False
        for keyed in self._keyed:
            digest = keyed.copy()
            digest.update(stamp)
            digest.update(body)
            expected = (_SCHEME + digest.hexdigest()).encode()
            for one in given:
                signed |= hmac.compare_digest(one, expected)
        return signed
