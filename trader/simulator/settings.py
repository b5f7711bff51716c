"""What the simulated exchange can be set to: account, pairs, where its books come from, ports."""

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from core.contracts.money import Amount, parse_amount
from core.runtime.settings import Section
from trader.simulator.books import Walk
from trader.venues.port import Instrument

VENUE: Final = "hitbtc"


def _exact(value: object) -> Decimal:
    """Read an amount from text or a whole number, so that no binary fraction slips in."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f'write amounts as text, like "0.01", not {value!r}')  # noqa: TRY004 - pydantic collects ValueErrors
    return parse_amount(str(value))


ExactAmount = Annotated[Decimal, BeforeValidator(_exact)]
PositiveAmount = Annotated[Decimal, BeforeValidator(_exact), Field(gt=0)]
Port = Annotated[int, Field(ge=0, le=65_535)]


class SymbolSettings(Section):
    """One pair: its rules, and how its synthetic book looks and moves.

    Amounts are strings; `mid` is quote per base unit, quantities are base units, `spread_bps` and
    `step_bps` (standard deviation of one step) are basis points of the mid, fees are fractions of
    the notional.
    """

    symbol: str
    base: str
    quote: str
    mid: PositiveAmount
    tick_size: PositiveAmount
    lot_size: PositiveAmount
    level_quantity: PositiveAmount
    levels: Annotated[int, Field(ge=1, le=1000)] = 10
    spread_bps: Annotated[float, Field(ge=0, le=5000)] = 4.0
    step_bps: Annotated[float, Field(ge=0, le=1000)] = 1.0
    taker_fee: ExactAmount = Decimal("0.0025")
    maker_fee: ExactAmount = Decimal("0.001")
    fee_asset: str | None = None  # the quote currency where none is given

    def instrument(self) -> Instrument:
        """Give the pair's rules."""
        return Instrument(
            venue=VENUE,
            symbol=self.symbol,
            asset=self.base,
            quote_asset=self.quote,
            lot_size=Amount(self.lot_size),
            tick_size=Amount(self.tick_size),
            min_quantity=Amount(self.lot_size),
            taker_fee=Amount(self.taker_fee),
            maker_fee=Amount(self.maker_fee),
            fee_asset=self.fee_asset or self.quote,
        )

    def walk(self) -> Walk:
        """Give the synthetic book's parameters."""
        return Walk(
            symbol=self.symbol,
            mid=self.mid,
            tick_size=self.tick_size,
            lot_size=self.lot_size,
            spread_bps=self.spread_bps,
            step_bps=self.step_bps,
            levels=self.levels,
            level_quantity=self.level_quantity,
        )


def _symbol(
    base: str, mid: str, tick_size: str, lot_size: str, level_quantity: str
) -> SymbolSettings:
    return SymbolSettings(
        symbol=f"{base}USDT",
        base=base,
        quote="USDT",
        mid=Decimal(mid),
        tick_size=Decimal(tick_size),
        lot_size=Decimal(lot_size),
        level_quantity=Decimal(level_quantity),
    )


_START: Final = {
    "USDT": Decimal(100_000),
    "USD": Decimal(100_000),
    "EUR": Decimal(100_000),
    "BTC": Decimal(2),
    "ETH": Decimal(40),
}


class SimulatorSettings(Section):
    """Everything about one simulated exchange.

    Attributes:
        api_key: the one account's; it is no secret of anybody.
        api_secret: likewise.
        source: `synthetic` (seeded walk), `capture` (a recording) or `control` (books come by
            request, or from a program that follows a real exchange).
        symbols: the pairs, for `synthetic` and `control`; a capture brings its own.
        balances: what the account holds at the start, by currency.
        capture: the recording's file, for `capture`.
        speed: 1 replays a capture at its own pace, 10 ten times faster, 0 step by step by request.
        repeat: begin the capture again after its end.
        step_interval_ms: time between two synthetic steps; 0: step by step by request.
        seed: of the walk and of faults by chance.
        websocket_port: 0 takes a free one.
        rest_port: of REST and control; 0 takes a free one.
        immediate: publish each change of a book at once instead of every 100 ms.
        history_limit: how many orders and trades are remembered.
    """

    api_key: str = "simulated-key"
    api_secret: str = Field(default="simulated-secret", repr=False)
    source: Literal["synthetic", "capture", "control"] = "synthetic"
    symbols: tuple[SymbolSettings, ...] = (
        _symbol("BTC", "60000", "0.01", "0.00001", "0.5"),
        _symbol("ETH", "3000", "0.01", "0.0001", "8"),
        _symbol("SOL", "150", "0.001", "0.01", "150"),
        _symbol("XRP", "0.6", "0.00001", "1", "40000"),
    )
    balances: dict[str, Annotated[Decimal, BeforeValidator(_exact), Field(ge=0)]] = Field(
        default_factory=lambda: dict(_START)
    )
    capture: Path | None = None
    speed: Annotated[float, Field(ge=0, le=1_000_000)] = 1.0
    repeat: bool = True
    step_interval_ms: Annotated[int, Field(ge=0)] = 100
    seed: int = 1
    websocket_port: Port = 0
    rest_port: Port = 0
    immediate: bool = False
    history_limit: Annotated[int, Field(ge=1)] = 1_000_000

    @model_validator(mode="after")
    def _has_its_source(self) -> Self:
        if (self.source == "capture") != (self.capture is not None):
            raise ValueError('capture and source = "capture" go together: give both or none')
        if self.source != "capture" and not self.symbols:
            raise ValueError(f"source {self.source} needs symbols")
        return self
