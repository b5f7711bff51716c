"""Records on the wire: exact amounts, stable ids, headers and traces that survive the journey."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.clock import ManualClock
from core.contracts.cloudevents import check_headers, headers_for
from core.contracts.codec import decoder, encode
from core.contracts.errors import DecodeError
from core.contracts.event import Event
from core.contracts.identity import client_order_id, event_id, signal_id, story_id
from core.contracts.money import Amount, ceil_to_step, floor_to_step, parse_amount
from core.contracts.orders import Fill, Side
from core.contracts.topics import EVENTS, SIGNALS, TOPICS
from core.contracts.trace import STAGES, Trace

amounts = st.decimals(
    min_value=Decimal("-1e12"), max_value=Decimal("1e12"), allow_nan=False, allow_infinity=False
)


def fill(price: Decimal) -> Fill:
    return Fill(
        trade_id="1",
        client_order_id="t1",
        venue="hitbtc",
        symbol="IOTAUSDT",
        side=Side.BUY,
        price=Amount(price),
        quantity=Amount(1),
        fee=Amount(0),
        fee_asset="USDT",
        taker=True,
        venue_ns=1,
        received_ns=2,
    )


@given(amounts)
def test_amount_crosses_the_wire_exactly_and_without_an_exponent(value: Decimal) -> None:
    raw = encode(fill(value))
    assert decoder(Fill)(raw).price == value
    digits = raw.split(b'"price":"')[1].split(b'"')[0]
    assert b"e" not in digits.lower()


def test_one_millionth_is_not_written_as_an_exponent() -> None:
    assert b'"price":"0.000001"' in encode(fill(Decimal("1e-06")))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-inf", "one", "", "1.2.3"])
def test_amount_that_is_no_finite_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        parse_amount(text)
    raw = encode(fill(Decimal(1))).replace(b'"price":"1"', f'"price":"{text}"'.encode())
    with pytest.raises(DecodeError) as refused:
        decoder(Fill)(raw)
    assert refused.value.raw == raw


def test_amount_as_json_number_is_refused() -> None:
    raw = encode(fill(Decimal(1))).replace(b'"price":"1"', b'"price":0.1')
    with pytest.raises(DecodeError, match="price"):
        decoder(Fill)(raw)


@given(
    st.decimals(min_value=0, max_value=10**9, places=8),
    st.sampled_from([Decimal("0.000001"), Decimal("0.05"), Decimal(1), Decimal(10)]),
)
def test_steps_are_met_from_below_and_above(value: Decimal, step: Decimal) -> None:
    low, high = floor_to_step(value, step), ceil_to_step(value, step)
    assert low <= value <= high
    assert high - low in (0, step)
    assert low % step == 0


def test_ids_depend_on_every_part_and_on_nothing_else() -> None:
    assert event_id("rss", "a", "1") == event_id("rss", "a", "1", 0)
    assert (
        len({event_id("rss", "a", "1"), event_id("rss", "a1", ""), event_id("rss", "a", "1", 1)})
        == 3
    )
    signal = signal_id(story_id("e", "IOTA"), "IOTA", "buy")
    assert client_order_id(signal, "hitbtc", "entry") != client_order_id(signal, "hitbtc", "exit-1")


def test_client_order_id_suits_the_strictest_venue() -> None:
    made = client_order_id("s", "hitbtc", "entry")
    assert len(made) == 32
    assert made.isalnum()


def test_field_added_later_is_ignored_by_an_old_reader() -> None:
    event = Event(id="1", source="rss", channel="c", native_id="n", published_ns=1, received_ns=2)
    raw = encode(event)[:-1] + b',"new_field":{"a":[1]}}'
    assert decoder(Event)(raw) == event


def test_headers_follow_cloudevents_and_carry_the_trace() -> None:
    trace = Trace(received=5)
    trace.sent = 9
    headers = headers_for(EVENTS, "id-1", "IOTA", trace)
    assert dict(headers)["ce_specversion"] == b"1.0"
    assert dict(headers)["ce_type"] == b"tidings.event.v1"
    read = check_headers(EVENTS, headers, b"")
    assert (read.received, read.sent) == (5, 9)


def test_record_of_another_schema_is_refused_with_its_bytes() -> None:
    headers = headers_for(SIGNALS, "id-1", "IOTA", Trace())
    with pytest.raises(DecodeError, match=r"tidings\.event\.v1"):
        check_headers(EVENTS, headers, b"raw")


@given(st.binary(max_size=200))
def test_spoilt_trace_header_is_no_error(header: bytes) -> None:
    assert all(getattr(Trace.from_header(header), stage) >= 0 for stage in STAGES)


def test_hops_skip_the_stages_not_reached() -> None:
    trace = Trace(received=10)
    trace.decided = 30
    trace.sent = 35
    assert trace.hops() == {"received_decided": 20, "decided_sent": 5}


def test_topics_have_one_name_and_one_schema_each() -> None:
    assert len({t.name for t in TOPICS}) == len({t.schema for t in TOPICS}) == len(TOPICS)


def test_manual_clock_never_goes_back() -> None:
    with pytest.raises(ValueError, match="back"):
        ManualClock(5).set(4)
