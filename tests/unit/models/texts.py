from datetime import date, timedelta
from functools import cache

from models.training.pipeline import Recipe
from models.training.samples import Sample
from models.training.train import Trained, train

RECIPE = Recipe(features=1_500, folds=3, least_class=3)

SAID = {
    "listing/buy": ("<x> lists <a>", "<a> trading opens on <x>", "<x> adds <a> for spot trading"),
    "hack/sell": ("<a> drained of $00 million", "<a> exploited", "attackers steal <m> from <a>"),
    "delisting/sell": ("<x> delists <a>", "<x> removes <a> in may", "<a> trading ends on <x>"),
    "price_talk/neutral": ("<a> rallies 00%", "<a> price slips below $0", "<a> at a weekly high"),
    "question/neutral": ("will <x> list <a>?", "who bought <a>?", "is <a> hacked?"),
}
ADDED = ("", " today", ", says its team", "\nread more below", " - official", " after a vote")


def samples() -> list[Sample]:
    return [
        Sample(
            lead=f"{said}{added}",
            words=f"{said}{added}",
            label=label,
            story=f"{label} {number} {place}",
            day=date(2024, 1, 1) + timedelta(days=7 * place + number),
        )
        for label, texts in SAID.items()
        for number, said in enumerate(texts)
        for place, added in enumerate(ADDED)
    ]


@cache
def trained() -> Trained:
    return train(samples(), RECIPE)
