"""The latest depth of every followed book, and the instruments they belong to."""

from collections.abc import Callable, Iterable

from trader.venues.port import Depth, Instrument


class Books:
    """What can be traded and at what prices, looked up by symbol or by asset.

    Attributes:
        depths: the newest depth of each symbol.
        instruments: what is traded, by symbol.
        on_change: told of each depth that was taken.
    """

    def __init__(self) -> None:
        self.depths: dict[str, Depth] = {}
        self.instruments: dict[str, Instrument] = {}
        self.on_change: Callable[[Depth], None] = lambda _: None
        self._by_asset: dict[str, Instrument] = {}

    def set_instruments(
        self,
        instruments: Iterable[Instrument],
        *,
        quote_assets: tuple[str, ...],
        assets: tuple[str, ...],
        at_most: int,
    ) -> tuple[str, ...]:
        """Choose one pair per asset, in the most preferred quote that the venue has.

        Args:
            instruments: all the venue trades.
            quote_assets: preferred first; other quotes are left out.
            assets: only these; empty means all.
            at_most: how many pairs to keep, in the order of `assets` or else by symbol.

        Returns:
            The symbols kept.
        """
        rank = {quote: n for n, quote in enumerate(quote_assets)}
        wanted = {asset: n for n, asset in enumerate(assets)}
        best: dict[str, Instrument] = {}
        for instrument in sorted(instruments, key=lambda i: i.symbol):
            if instrument.quote_asset not in rank or (wanted and instrument.asset not in wanted):
                continue
            held = best.get(instrument.asset)
            if held is None or rank[instrument.quote_asset] < rank[held.quote_asset]:
                best[instrument.asset] = instrument
        kept = sorted(best.values(), key=lambda i: (wanted.get(i.asset, 0), i.symbol))[:at_most]
        self._by_asset = {i.asset: i for i in kept}
        self.instruments = {i.symbol: i for i in kept}
        return tuple(self.instruments)

    def instrument_for(self, asset: str) -> Instrument | None:
        """Find the pair an asset is traded in."""
        return self._by_asset.get(asset)

    def set_depth(self, depth: Depth) -> None:
        """Take the newest levels; older than what we have are dropped."""
        held = self.depths.get(depth.symbol)
        if held is None or depth.venue_ns >= held.venue_ns:
            self.depths[depth.symbol] = depth
            self.on_change(depth)
