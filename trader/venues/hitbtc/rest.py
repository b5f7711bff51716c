"""HitBTC over HTTP: what is asked rather than told, and cancelling when the socket is down."""

from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import msgspec
from yarl import URL

from core.contracts.clock import Clock
from core.contracts.errors import DecodeError, Rejected, Retryable
from core.contracts.orders import Fill
from trader.venues.hitbtc import wire
from trader.venues.hitbtc.codes import NOT_FOUND, TRY_LATER
from trader.venues.hitbtc.parse import (
    parse_balances,
    parse_fault,
    parse_order,
    parse_orders,
    parse_trades,
    present,
    to_venue_order,
)
from trader.venues.hitbtc.parse_market import Listing, parse_instruments
from trader.venues.hitbtc.settings import HitBtcSettings
from trader.venues.hitbtc.sign import Signer
from trader.venues.port import Balance, VenueOrder

T = TypeVar("T")

MAX_ANSWER: Final = 16 * 1024 * 1024
"""Bytes. The largest honest answer is the listing, well under a megabyte."""
_CHUNK: Final = 1 << 16
_MAX_TRADES: Final = 1000  # the most the venue gives at once


class VenueRefusal(Rejected):
    """The venue's error answer.

    Attributes:
        code: HitBTC's error code.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class _Failed(msgspec.Struct):
    error: msgspec.Raw = wire.NOTHING


_read_failed: Final = wire.reader(_Failed, "an answer")


class Rest:
    """Questions to one account; each one raises as `Venue` says.

    Attributes:
        fee_assets: what fees are paid in, by symbol, as of the last `instruments`.
    """

    def __init__(self, settings: HitBtcSettings, signer: Signer | None, clock: Clock) -> None:
        self._url = settings.rest_url.rstrip("/")
        self._path = urlsplit(self._url).path
        self._timeout = aiohttp.ClientTimeout(total=settings.rest_timeout_ms / 1000)
        self._signer = signer
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None
        self.fee_assets: dict[str, str] = {}

    async def instruments(self) -> Listing:
        """Ask for all pairs."""
        raw = await self._request("GET", "/public/symbol", private=False)
        listing = _read(parse_instruments, raw)
        self.fee_assets.clear()
        self.fee_assets.update({i.symbol: i.fee_asset for i in listing.instruments})
        return listing

    async def balances(self) -> tuple[Balance, ...]:
        """Ask for all balances that are not zero."""
        raw = await self._request("GET", "/spot/balance")
        balances = _read(lambda raw: parse_balances(raw, self._clock.now_ns()), raw)
        return tuple(b for b in balances if b.available or b.reserved)

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        """Ask for all active orders; their fills are not told here."""
        raw = await self._request("GET", "/spot/order")
        return _read(lambda raw: tuple(map(to_venue_order, parse_orders(raw))), raw)

    async def find_order(self, client_order_id: str, symbol: str) -> VenueOrder | None:
        """Ask for one order among the active, then in history; see `Venue.find_order`.

        An order whose fills do not add up to what it filled is not told yet: `Retryable`.
        """
        order = await self._active(client_order_id) or await self._past(client_order_id)
        if order is None:
            if await self._fills(client_order_id):
                raise Retryable(f"hitbtc has fills of {client_order_id} but not the order yet")
            return None
        found = _read(lambda _: to_venue_order(order), b"")
        fills = await self._fills(client_order_id) if found.filled_quantity else ()
        told = [(found.client_order_id, found.symbol)]
        told += [(fill.client_order_id, fill.symbol) for fill in fills]
        if any(names != (client_order_id, symbol) for names in told):
            raise Retryable(f"hitbtc told of another order, asked for {client_order_id}")
        if sum((f.quantity for f in fills), Decimal()) != found.filled_quantity:
            raise Retryable(f"the fills of {client_order_id} do not add up yet")
        return msgspec.structs.replace(found, fills=fills)

    async def cancel_order(self, client_order_id: str) -> None:
        """Cancel one active order.

        Raises:
            Rejected: it is not active.
        """
        raw = await self._request("DELETE", f"/spot/order/{quote(client_order_id, safe='')}")
        if _read(parse_order, raw).client_order_id != client_order_id:
            raise Retryable(f"hitbtc told of another order, asked to cancel {client_order_id}")

    async def close(self) -> None:
        """Close the connections; a later question opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _active(self, client_order_id: str) -> wire.Order | None:
        try:
            raw = await self._request("GET", f"/spot/order/{quote(client_order_id, safe='')}")
        except VenueRefusal as refusal:
            if refusal.code == NOT_FOUND:
                return None
            raise
        return _read(parse_order, raw)

    async def _past(self, client_order_id: str) -> wire.Order | None:
        query = urlencode({"client_order_id": client_order_id})
        raw = await self._request("GET", f"/spot/history/order?{query}")
        orders = _read(parse_orders, raw)
        if len(orders) > 1:
            raise Retryable(f"hitbtc told of {len(orders)} orders, asked for {client_order_id}")
        return orders[0] if orders else None

    async def _fills(self, client_order_id: str) -> tuple[Fill, ...]:
        query = urlencode({"client_order_id": client_order_id, "limit": _MAX_TRADES})
        raw = await self._request("GET", f"/spot/history/trade?{query}")
        return _read(lambda raw: parse_trades(raw, self.fee_assets, self._clock.now_ns()), raw)

    async def _request(self, method: str, target: str, *, private: bool = True) -> bytes:
        """Ask and return the body of an answer that holds no error."""
        what = f"{method} {target.partition('?')[0]}"
        headers = {}
        if private:
            if self._signer is None:
                raise Rejected(f"{what} needs hitbtc's api_key and secret in the settings")
            headers["Authorization"] = self._signer.authorization(
                method, f"{self._path}{target}", self._clock.now_ns() // 1_000_000
            )
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        url = URL(f"{self._url}{target}", encoded=True)  # exactly what was signed
        try:
            async with self._session.request(
                method, url, headers=headers, allow_redirects=False
            ) as answer:
                body = await _read_body(answer, what)
        except (aiohttp.ClientError, OSError) as error:
            raise Retryable(f"hitbtc, {what}: {error!r}") from error
        _check(what, answer.status, answer.headers.get("Retry-After", ""), body)
        return body


async def _read_body(answer: aiohttp.ClientResponse, what: str) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > MAX_ANSWER:
            raise Retryable(f"hitbtc, {what}: an answer over {MAX_ANSWER} bytes")
    return bytes(body)


def _check(what: str, status: int, retry_after: str, body: bytes) -> None:
    """Raise for what is not a success, an error inside HTTP 200 included."""
    wait_s = int(retry_after) if retry_after.isascii() and retry_after.isdigit() else None
    retry = Retryable(
        f"hitbtc, {what}: HTTP {status} {body[:200]!r}",
        retry_after_ns=None if wait_s is None else min(wait_s, 3600) * 1_000_000_000,
    )
    if status == 429 or status >= 500:  # noqa: PLR2004 - HTTP's own numbers
        raise retry
    if body.lstrip()[:1] == b"{":
        try:
            failed = _read_failed(body)
            fault = parse_fault(failed.error) if present(failed.error) else None
        except DecodeError as error:
            raise retry from error
        if fault is not None:
            if fault.code in TRY_LATER:
                raise retry
            raise VenueRefusal(f"hitbtc, {what}: {fault.code} {fault.text()}", fault.code)
    if status != 200:  # noqa: PLR2004
        raise retry


def _read(parse: Callable[[bytes], T], raw: bytes) -> T:
    """Parse an answer; one that can't be read settles nothing, so it is asked for again."""
    try:
        return parse(raw)
    except DecodeError as error:
        raise Retryable(f"hitbtc's answer can't be read: {error}") from error
