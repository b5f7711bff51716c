"""What the decision benchmark reads: headlines and posts of 280 characters, ours and made up."""

import random
from typing import Final

from benchmarks.quality_texts import latest_texts
from core.contracts.signal import EventType
from models.training.texts import read_texts
from signals.assets.universe import bundled_universe

POST_CHARACTERS: Final = 280
_HEADLINE_CHARACTERS: Final = 140
_SEED: Final = 11
_EXCHANGES: Final = ("Binance", "Coinbase", "Kraken", "OKX", "Upbit", "Bybit", "Gate.io", "KuCoin")
_FORMS: Final = (
    "{exchange} will list {name} ({code})",
    "{exchange} to delist {code} and three other tokens on Friday",
    "{name} bridge drained of ${n} million, team pauses contracts",
    "{name} price prediction: can {code} hold ${n} this week?",
    "{exchange} adds {code}/USDT perpetual with up to {n}x leverage",
    "Why {name} is up {n}% today while the market sleeps",
    "{name} partners with a payments firm to reach {n} million merchants",
    "Analyst says {code} could reach ${n}, citing on-chain data",
    "Weekly recap: {name}, a court ruling and {n} other stories",
    "{name} (${code}) main net is live after {n} months of tests",
)


def headlines(made: int = 400) -> list[str]:
    """Give our latest headlines, and made-up ones about coins of our table."""
    own = [
        one.text
        for one in latest_texts().own
        if one.title is None and len(one.text) <= _HEADLINE_CHARACTERS and "\n" not in one.text
    ]
    return _shuffled([*own, *made_up(made)])


def made_up(count: int) -> list[str]:
    """Make headlines: the same each time."""
    draw = random.Random(_SEED)  # noqa: S311 - the same headlines each time
    coins = sorted((a.code, a.name) for a in bundled_universe().assets.values() if a.own and a.name)
    found = []
    for number in range(count):
        code, name = draw.choice(coins)
        form = _FORMS[number % len(_FORMS)]
        exchange, amount = draw.choice(_EXCHANGES), draw.randint(2, 400)
        found.append(form.format(exchange=exchange, code=code, name=name, n=amount))
    return found


def earlier(count: int = 2_000) -> list[str]:
    """Give texts of our own that are in none of the others: the earliest."""
    return [text.text for text in read_texts()[:count]]


def posts() -> list[str]:
    """Give posts of 280 characters: one of our latest texts, and small talk behind it."""
    latest = latest_texts().own
    talk = [one.text for one in latest if one.right.event_type is EventType.NOT_NEWS]
    found = []
    for number, one in enumerate(latest):
        post = one.words
        while len(post) < POST_CHARACTERS:
            post = f"{post}\n{talk[(number + len(post)) % len(talk)]}"
        found.append(post[:POST_CHARACTERS])
    return _shuffled(found)


def _shuffled(texts: list[str]) -> list[str]:
    random.Random(_SEED).shuffle(texts)  # noqa: S311 - the same order each time
    return texts
