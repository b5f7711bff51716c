"""Event to order: news socket to exchange socket through the whole fast lane, against a bare echo.

The driver is both ends: it sends a news message and waits for the order on the simulated
exchange's socket, then sends the same bytes through an echo that runs in the measured process on
sockets of the same kind, and so on in turns. Both are stamped by the driver's clock, just before
the write and first thing in the read callback.
"""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
import uvloop

from benchmarks.figures import quantile_us
from benchmarks.sockets import Wire, serve
from benchmarks.turn import Turn
from benchmarks.worlds import exchange_settings, lane_settings, news, tradable
from console.lanes.exchange import ChildProcess
from core.contracts.money import Amount
from trader.simulator.server import SimulatorServer

WARM_UP: Final = 300
ROUNDS: Final = 2_000
REHEARSE_MS: Final = 0  # runtime.rehearse_ms of the measured lane: without a pause
PAUSE_S: Final = 0.01


async def measure(rounds: int = ROUNDS) -> dict[str, Any]:
    """Run the benchmark and give its figures, microseconds and a ratio."""
    exchange = SimulatorServer(exchange_settings())
    endpoints = await exchange.start()
    for code in tradable():
        exchange.venue.set_book(
            f"{code}USDT",
            tuple(
                (Amount(Decimal("1.0000") - n * Decimal("0.0001")), Amount(10**9))
                for n in range(1, 11)
            ),
            tuple(
                (Amount(Decimal("1.0000") + n * Decimal("0.0001")), Amount(10**9))
                for n in range(1, 11)
            ),
        )
    wires = {"/wire": Wire(), "/echo-in": Wire(), "/echo-out": Wire()}
    server, address = await serve(wires)
    order, echoed = Turn(), Turn()
    noted = exchange.venue.receipts.note

    def note(client_order_id: object, received_ns: int) -> None:
        order.arrived(received_ns)
        noted(client_order_id, received_ns)

    exchange.venue.receipts.note = note  # type: ignore[method-assign] # the benchmark's ear
    wires["/echo-out"].on_frame = echoed.arrived
    with tempfile.TemporaryDirectory() as directory:
        settings = lane_settings(
            directory, endpoints, wire_url=f"{address}/wire", rehearse_ms=REHEARSE_MS
        )
        task = {
            "settings": msgspec.Raw(settings),
            "echo_in": f"{address}/echo-in",
            "echo_out": f"{address}/echo-out",
        }
        subject = await ChildProcess.start(
            "benchmarks.event_to_order_subject", first_line=msgspec.json.encode(task)
        )
        for wire in wires.values():
            await wire.connected.wait()
        await asyncio.sleep(1)  # the books have arrived
        orders, echoes = await _turns(wires, order, echoed, rounds)
        await subject.stop()
    server.close()
    await exchange.stop()
    return figures(orders, echoes)


async def _turns(
    wires: dict[str, Wire], order: Turn, echoed: Turn, rounds: int
) -> tuple[list[int], list[int]]:
    orders: list[int] = []
    echoes: list[int] = []
    for number, make in enumerate(news(WARM_UP + rounds)):
        message = make()
        order.begin()
        await asyncio.sleep(PAUSE_S)
        sent_ns = wires["/wire"].send(message)
        took = await order.wait() - sent_ns
        echoed.begin()
        await asyncio.sleep(PAUSE_S)
        sent_ns = wires["/echo-in"].send(message)
        echo_took = await echoed.wait() - sent_ns
        if number >= WARM_UP:
            orders.append(took)
            echoes.append(echo_took)
    return orders, echoes


def figures(orders: Sequence[int], echoes: Sequence[int]) -> dict[str, Any]:
    """Summarise both series (ns)."""
    p50, echo_p50 = quantile_us(orders, 0.5), quantile_us(echoes, 0.5)
    return {
        "name": "event-to-order",
        "rounds": len(orders),
        "rehearse_ms": REHEARSE_MS,
        "p50_us": p50,
        "p99_us": quantile_us(orders, 0.99),
        "max_us": quantile_us(orders, 1.0),
        "echo_p50_us": echo_p50,
        "echo_p99_us": quantile_us(echoes, 0.99),
        "ratio_p50": round(p50 / echo_p50, 3),
        "limit_ratio_p50": 2.5,
        "goal_ratio_p50": 1.5,
    }


def run(rounds: int = ROUNDS) -> dict[str, Any]:
    """Run on uvloop."""
    return uvloop.run(measure(rounds))


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(run()).decode() + "\n")
