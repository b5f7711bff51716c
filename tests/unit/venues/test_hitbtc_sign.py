"""Signatures as the venue computes them; the expected ones were made with `openssl dgst`."""

from base64 import b64decode

from trader.venues.hitbtc.sign import Signer

SIGNER = Signer("key-1", "secret")
NOW_MS = 1_700_000_000_000


def test_login_signs_time_and_window() -> None:
    assert SIGNER.login_params(NOW_MS, 10_000) == {
        "type": "HS256",
        "api_key": "key-1",
        "timestamp": NOW_MS,
        "window": 10_000,
        "signature": "f1e433ce3d1de2a1f944bc47f41b7c668bd515a4c5a9dc4b97cacf9b864f5291",
    }


def test_request_signs_method_path_query_and_time() -> None:
    header = SIGNER.authorization("GET", "/api/3/spot/history/order?client_order_id=t1", NOW_MS)
    kind, _, proof = header.partition(" ")
    assert kind == "HS256"
    assert b64decode(proof).decode() == (
        "key-1:9eb975149f6e8b400687b23f54155ee5bcaac064a324ac36437b080a665e67f9:1700000000000"
    )


def test_request_signs_its_body() -> None:
    header = SIGNER.authorization("POST", "/api/3/spot/order", NOW_MS, '{"a":1}')
    signature = b64decode(header.partition(" ")[2]).decode().split(":")[1]
    assert signature == "f100b846dcd519d57f78c50342b73c38f4390b49a31a17a240885f531ded46d5"


def test_second_signature_does_not_depend_on_the_first() -> None:
    first = SIGNER.login_params(NOW_MS, 10_000)
    SIGNER.login_params(NOW_MS + 1, 10_000)
    assert SIGNER.login_params(NOW_MS, 10_000) == first


def test_secret_is_in_no_print() -> None:
    assert "secret" not in repr(SIGNER)
    assert "secret" not in str(vars(SIGNER))
