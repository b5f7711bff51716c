"""Whatever is asked of the exchange, in whatever order: no money appears or vanishes."""

from collections import defaultdict
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core.contracts.orders import Side, TimeInForce
from tests.unit.simulator.examples import NOW, instrument
from trader.simulator.exchange import Exchange
from trader.simulator.orders import ExecutionReport, NewOrder, Refusal

START = {"USDT": Decimal(5000), "BTC": Decimal(20)}

prices = st.integers(9000, 11000).map(lambda cents: Decimal(cents).scaleb(-2))
quantities = st.integers(1, 6000).map(lambda lots: Decimal(lots).scaleb(-3))
sides = st.lists(st.tuples(st.integers(0, 500), quantities), max_size=5)


class ExchangeKeepsItsBooks(RuleBasedStateMachine):
    """Random orders, books and cancels on one pair."""

    fee_asset = "USDT"

    def __init__(self) -> None:
        super().__init__()
        listed = instrument(fee_asset=self.fee_asset, taker="0.0025", maker="-0.0005")
        self.exchange = Exchange([listed], START)
        self.count = 0
        # What the outside world gave and took, as the reports of trades tell it.
        self.outside: dict[str, Decimal] = defaultdict(Decimal)
        self.fees = Decimal(0)

    def read(self, reports: list[ExecutionReport]) -> None:
        for told in reports:
            asked, trade = told.order.asked, told.trade
            assert told.filled <= asked.quantity
            if trade is None:
                continue
            sign = 1 if asked.side is Side.BUY else -1
            assert sign * trade.price <= sign * asked.price
            self.outside["BTC"] += sign * trade.quantity
            self.outside["USDT"] -= sign * trade.quantity * trade.price
            self.fees += trade.fee

    @rule(
        mid=prices,
        bids=sides,
        asks=sides,
    )
    def move_the_book(
        self,
        mid: Decimal,
        bids: list[tuple[int, Decimal]],
        asks: list[tuple[int, Decimal]],
    ) -> None:
        tick = Decimal("0.01")
        self.read(
            self.exchange.set_book(
                "BTCUSDT",
                [(mid - tick - ticks * tick, quantity) for ticks, quantity in bids],
                [(mid + ticks * tick, quantity) for ticks, quantity in asks],
                NOW,
                NOW,
            )
        )

    @rule(
        side=st.sampled_from(Side),
        time_in_force=st.sampled_from(TimeInForce),
        quantity=quantities,
        price=prices,
    )
    def place(
        self, side: Side, time_in_force: TimeInForce, quantity: Decimal, price: Decimal
    ) -> None:
        self.count += 1
        asked = NewOrder(
            client_order_id=f"o{self.count}",
            symbol="BTCUSDT",
            side=side,
            time_in_force=time_in_force,
            quantity=quantity,
            price=price,
        )
        displayed = self.displayed()
        try:
            reports = self.exchange.place(asked, NOW)
        except Refusal:
            return
        filled: dict[Decimal, Decimal] = defaultdict(Decimal)
        for told in reports:
            if told.trade is not None:
                filled[told.trade.price] += told.trade.quantity
        for level, quantity_taken in filled.items():
            assert quantity_taken <= displayed[level]
        if time_in_force is TimeInForce.FOK:
            assert reports[-1].filled in {0, quantity}
        self.read(reports)

    def displayed(self) -> dict[Decimal, Decimal]:
        shown: dict[Decimal, Decimal] = defaultdict(Decimal)
        if book := self.exchange.books.get("BTCUSDT"):
            for price, quantity in (*book.bids, *book.asks):
                shown[price] += quantity
        return shown

    @rule(which=st.integers(0, 20))
    def cancel_one(self, which: int) -> None:
        if active := list(self.exchange.active):
            self.read([self.exchange.cancel(active[which % len(active)], NOW)])

    @invariant()
    def nothing_is_negative(self) -> None:
        ledger = self.exchange.ledger
        assert all(amount >= 0 for amount in ledger.available.values())
        assert all(amount >= 0 for amount in ledger.reserved.values())

    @invariant()
    def money_is_conserved(self) -> None:
        ledger = self.exchange.ledger
        for currency, start in START.items():
            fees = self.fees if currency == self.fee_asset else 0
            held = ledger.available[currency] + ledger.reserved[currency]
            assert held == start + self.outside[currency] - fees
        assert ledger.fees_paid.get(self.fee_asset, Decimal(0)) == self.fees

    @invariant()
    def reserved_is_what_the_open_orders_hold(self) -> None:
        held: dict[str, Decimal] = defaultdict(Decimal)
        for order in self.exchange.active.values():
            currency = "USDT" if order.asked.side is Side.BUY else "BTC"
            held[currency] += order.unit_reserve * order.open_quantity
        for currency, amount in self.exchange.ledger.reserved.items():
            assert amount == held[currency]


class WithFeesInBase(ExchangeKeepsItsBooks):
    """The same with fees in the base currency."""

    fee_asset = "BTC"


TestExchangeKeepsItsBooks = ExchangeKeepsItsBooks.TestCase
TestWithFeesInBase = WithFeesInBase.TestCase
for case in (TestExchangeKeepsItsBooks, TestWithFeesInBase):
    case.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
