"""What clients send: order parameters, faults, signatures, settings."""

import base64
import hmac

import pytest
from pydantic import ValidationError

from core.contracts.errors import Rejected
from trader.simulator.faults import ORDER_FAULTS, REST_FAULTS, FaultKind, Faults, parse_fault
from trader.simulator.orders import Refusal, parse_new_order
from trader.simulator.settings import SimulatorSettings
from trader.simulator.signatures import check_login, check_request
from trader.simulator.wire import timestamp

GOOD: dict[str, object] = {
    "client_order_id": "t0123",
    "symbol": "BTCUSDT",
    "side": "buy",
    "type": "limit",
    "time_in_force": "IOC",
    "quantity": "0.01",
    "price": "100.5",
}


def test_plain_limit_order_is_read() -> None:
    asked = parse_new_order(GOOD)
    assert (str(asked.quantity), str(asked.price), asked.side) == ("0.01", "100.5", "buy")


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": "1E-2"},
        {"quantity": "1e2"},
        {"quantity": 0.01},
        {"price": 100},
        {"price": "+1"},
        {"price": "-1"},
        {"price": "NaN"},
        {"price": "Infinity"},
        {"price": ".5"},
        {"price": "5."},
        {"price": " 5"},
        {"price": "\u0661"},
        {"price": "1" * 21},
        {"price": None},
        {"client_order_id": "x" * 33},
        {"client_order_id": ""},
        {"client_order_id": 7},
        {"side": "BUY"},
        {"time_in_force": "GTD"},
        {"type": "market"},
        {"post_only": True},
        {"stop_price": "1"},
        {"symbol": None},
    ],
)
def test_anything_else_is_refused_as_invalid(changes: dict[str, object]) -> None:
    with pytest.raises(Refusal) as refused:
        parse_new_order(GOOD | changes)
    assert refused.value.code == 10001


def test_fault_for_the_next_orders_is_used_up() -> None:
    faults = Faults(seed=1)
    faults.arm(parse_fault(b'{"kind":"lost","count":2}'))
    assert [faults.take(ORDER_FAULTS) is not None for _ in range(3)] == [True, True, False]
    assert faults.fired == {"lost": 2}


def test_fault_without_a_number_is_for_one_order() -> None:
    faults = Faults(seed=1)
    faults.arm(parse_fault(b'{"kind":"lost"}'))
    assert [faults.take(ORDER_FAULTS) is not None for _ in range(2)] == [True, False]


def test_fault_for_ever_holds_until_reset() -> None:
    faults = Faults(seed=1)
    faults.arm(parse_fault(b'{"kind":"rest_503","always":true}'))
    assert all(faults.take(REST_FAULTS) for _ in range(100))
    assert faults.take(ORDER_FAULTS) is None
    faults.reset()
    assert faults.take(REST_FAULTS) is None


def test_fault_by_chance_strikes_the_same_orders_for_the_same_seed() -> None:
    def strikes(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.arm(parse_fault(b'{"kind":"timeout","probability":0.3}'))
        return [faults.take(ORDER_FAULTS) is not None for _ in range(200)]

    assert strikes(1) == strikes(1) != strikes(2)
    assert 30 < sum(strikes(1)) < 90


def test_clock_skew_holds_until_reset() -> None:
    faults = Faults(seed=1)
    faults.arm(parse_fault(b'{"kind":"clock_skew","skew_ms":-250}'))
    assert faults.skew_ns == -250_000_000
    faults.reset()
    assert faults.skew_ns == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b'{"kind":"explode"}',
        b'{"kind":"lost","count":0}',
        b'{"kind":"lost","often":1}',
        b'{"kind":"lost","count":1,"always":true}',
        b'{"kind":"reject","code":7}',
        b'{"kind":"partial","fraction":"1.5"}',
        b'{"kind":"lost","probability":0}',
    ],
)
def test_senseless_fault_is_refused(raw: bytes) -> None:
    with pytest.raises(Rejected, match="not a fault"):
        parse_fault(raw)


def test_every_fault_kind_belongs_somewhere() -> None:
    elsewhere = {FaultKind.STALE_BOOK, FaultKind.CLOCK_SKEW}
    assert set(FaultKind) == ORDER_FAULTS | REST_FAULTS | elsewhere


NOW_MS = 1_790_000_000_000


def login(**changes: object) -> dict[str, object]:
    given = {"type": "HS256", "api_key": "key", "timestamp": NOW_MS, "window": 10_000} | changes
    window = given.get("window")
    text = f"{given['timestamp']}{'' if window is None else window}"
    signature = hmac.new(b"secret", text.encode(), "sha256").hexdigest()
    return {"signature": signature} | given


@pytest.mark.parametrize("changes", [{}, {"window": None}, {"timestamp": NOW_MS - 9_999}])
def test_signed_login_in_its_window_is_let_in(changes: dict[str, object]) -> None:
    check_login(login(**changes), "key", "secret", NOW_MS)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "BASIC"},
        {"api_key": "other"},
        {"api_key": "k\u00e9y"},
        {"signature": "00"},
        {"timestamp": NOW_MS - 10_001},
        {"timestamp": NOW_MS + 10_001},
        {"timestamp": str(NOW_MS)},
        {"timestamp": True},
        {"window": 10**9},
        {"window": 0},
    ],
)
def test_any_other_login_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(Refusal) as refused:
        check_login(login(**changes), "key", "secret", NOW_MS)
    assert refused.value.code == 1002


def header(text: str, at_ms: int = NOW_MS, scheme: str = "HS256") -> str:
    signature = hmac.new(b"secret", f"{text}{at_ms}".encode(), "sha256").hexdigest()
    return f"{scheme} {base64.b64encode(f'key:{signature}:{at_ms}'.encode()).decode()}"


def test_signed_request_is_let_in() -> None:
    check_request(header("GET/api/3/x?a=1"), "GET/api/3/x?a=1", "key", "secret", NOW_MS)


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", 1001),
        ("HS256", 1002),
        ("HS256 !!!", 1002),
        ("HS256 " + base64.b64encode(b"key:only").decode(), 1002),
        (header("GET/api/3/x", scheme="Basic"), 1002),
        (header("GET/api/3/y"), 1002),
        (header("GET/api/3/x", at_ms=NOW_MS - 10_001), 1002),
    ],
)
def test_any_other_request_is_refused(authorization: str, code: int) -> None:
    with pytest.raises(Refusal) as refused:
        check_request(authorization, "GET/api/3/x", "key", "secret", NOW_MS)
    assert refused.value.code == code


def test_times_are_written_in_utc_with_milliseconds() -> None:
    assert timestamp(1_767_323_045_678_999_999) == "2026-01-02T03:04:05.678Z"


@pytest.mark.parametrize(
    "given",
    [
        {"colour": "red"},
        {"balances": {"USDT": 1.5}},
        {"balances": {"USDT": "-1"}},
        {"source": "capture"},
        {"capture": "somewhere"},
        {"symbols": []},
        {"websocket_port": 70_000},
    ],
)
def test_senseless_setting_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SimulatorSettings.model_validate(given)


def test_settings_survive_their_own_json_and_hide_the_secret_in_print() -> None:
    settings = SimulatorSettings(api_secret="hidden")
    again = SimulatorSettings.model_validate_json(settings.model_dump_json())
    assert again == settings
    assert "hidden" not in repr(settings)
