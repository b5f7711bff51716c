"""Proofs of who we are, for HitBTC: the socket's login and each private REST request."""

import hmac
from base64 import b64encode
from hashlib import sha256


class Signer:
    """Signs with one key pair.

    The keyed half of the HMAC is computed once and copied for each signature. Neither the secret
    nor anything made from it stands in `repr`. Source: HitBTC API 3, Authentication.
    """

    def __init__(self, api_key: str, secret: str) -> None:
        self._api_key = api_key
        self._keyed = hmac.new(secret.encode(), digestmod=sha256)

    def _sign(self, text: str) -> str:
        keyed = self._keyed.copy()
        keyed.update(text.encode())
        return keyed.hexdigest()

    def login_params(self, timestamp_ms: int, window_ms: int) -> dict[str, str | int]:
        """Make the `params` of the socket's `login`.

        Args:
            timestamp_ms: now, UTC; the venue refuses the login outside its window.
            window_ms: how far the venue's clock may be from it.
        """
        return {
            "type": "HS256",
            "api_key": self._api_key,
            "timestamp": timestamp_ms,
            "window": window_ms,
            "signature": self._sign(f"{timestamp_ms}{window_ms}"),
        }

    def authorization(
        self, method: str, path_and_query: str, timestamp_ms: int, body: str = ""
    ) -> str:
        """Make the `Authorization` header of one REST request.

        Args:
            method: `GET`, `DELETE` ...
            path_and_query: exactly as it is sent, from `/api/3` on.
            timestamp_ms: now, UTC.
            body: exactly as it is sent.
        """
        signature = self._sign(f"{method}{path_and_query}{body}{timestamp_ms}")
        return "HS256 " + b64encode(f"{self._api_key}:{signature}:{timestamp_ms}".encode()).decode()
