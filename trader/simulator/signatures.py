"""Checks what a client signed: the login frame and the header of private REST requests."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Final

from trader.simulator.orders import Refusal

DEFAULT_WINDOW_MS: Final = 10_000
MAX_WINDOW_MS: Final = 60_000


def _signature(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), "sha256").hexdigest()


def check_login(params: Mapping[str, object], api_key: str, api_secret: str, now_ms: int) -> None:
    """Check the parameters of `login`.

    Raises:
        Refusal: 1002, with what is wrong.
    """
    timestamp, window = params.get("timestamp"), params.get("window")
    if params.get("type") != "HS256":
        raise Refusal(1002, "only type HS256 is supported")
    if type(timestamp) is not int or not (window is None or type(window) is int):
        raise Refusal(1002, "timestamp and window must be whole milliseconds")
    text = f"{timestamp}{'' if window is None else window}"
    _check(
        key=str(params.get("api_key")),
        signature=str(params.get("signature")),
        expected=(api_key, _signature(api_secret, text)),
    )
    _check_age(timestamp, DEFAULT_WINDOW_MS if window is None else window, now_ms)


def check_request(
    authorization: str, signed: str, api_key: str, api_secret: str, now_ms: int
) -> None:
    """Check the `Authorization` header of a REST request.

    Args:
        authorization: `HS256 base64(KEY:SIGNATURE:T)`.
        signed: what the client signed without T: method, path with query, body.
        api_key: the account's.
        api_secret: the account's.
        now_ms: the exchange's time.

    Raises:
        Refusal: 1001 without a header, 1002 where it is wrong.
    """
    if not authorization:
        raise Refusal(1001, "this request needs an Authorization header")
    scheme, _, encoded = authorization.partition(" ")
    try:
        key, signature, timestamp = base64.b64decode(encoded, validate=True).decode().split(":")
    except (binascii.Error, ValueError) as error:
        raise Refusal(1002, "the Authorization header can't be read") from error
    if scheme != "HS256" or not (timestamp.isascii() and timestamp.isdigit()):
        raise Refusal(1002, "expected HS256 base64(KEY:SIGNATURE:TIMESTAMP)")
    _check(
        key=key,
        signature=signature,
        expected=(api_key, _signature(api_secret, signed + timestamp)),
    )
    _check_age(int(timestamp[:20]), DEFAULT_WINDOW_MS, now_ms)


def _check(*, key: str, signature: str, expected: tuple[str, str]) -> None:
    known = hmac.compare_digest(key.encode(), expected[0].encode())
    if not (hmac.compare_digest(signature.encode(), expected[1].encode()) and known):
        raise Refusal(1002, "unknown key or wrong signature")


def _check_age(timestamp_ms: int, window_ms: int, now_ms: int) -> None:
    if not 0 < window_ms <= MAX_WINDOW_MS:
        raise Refusal(1002, f"the window must be between 1 and {MAX_WINDOW_MS} ms")
    if abs(now_ms - timestamp_ms) > window_ms:
        raise Refusal(
            1002, f"the timestamp is {abs(now_ms - timestamp_ms)} ms off, {window_ms} allowed"
        )
