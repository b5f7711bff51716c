import json
from pathlib import Path

from benchmarks.quality import run, write_errors
from benchmarks.quality_errors import KINDS, sort_errors
from benchmarks.quality_figures import Answer, Right
from benchmarks.quality_texts import Asked, Texts, latest_texts
from core.contracts.signal import Direction, EventType
from signals.reader import Reading

LINES = [
    {
        "text": text,
        "style": "news",
        "type": kind,
        "direction": direction,
        "subjects": [code],
        "story": f"story-{number // 2}",
        "day": f"2024-01-{number + 1:02}",
    }
    for number, (text, kind, direction, code) in enumerate(
        [
            ("Binance will list Pyth Network (PYTH)", "listing", "buy", "PYTH"),
            ("Coinbase adds Injective (INJ) to its roadmap page", "routine", "neutral", "INJ"),
            ("Solana stands still for the third hour", "outage", "sell", "SOL"),
            ("Kraken will list Jito (JTO) on Monday", "listing", "buy", "JTO"),
            ("Waves is a fine coin, says somebody", "opinion", "neutral", "WAVES"),
            ("Aave loses nine million in an exploit", "hack", "sell", "AAVE"),
            ("Where will Cardano stand next year?", "question", "neutral", "ADA"),
            ("Stellar picked by a bank in Kenya", "partnership", "buy", "XLM"),
            ("OKX will list Celestia (TIA)", "listing", "buy", "TIA"),
            ("Why is Monero up today", "question", "neutral", "XMR"),
        ]
    )
]


def written(folder: Path) -> Texts:
    (folder / "some.jsonl").write_text("\n".join(map(json.dumps, LINES)), encoding="utf-8")
    return latest_texts(folder, shared=folder / "none")


def test_only_the_latest_stories_are_asked_about(tmp_path: Path) -> None:
    texts = written(tmp_path)
    assert [one.right.story for one in texts.own] == ["story-4", "story-4"]
    assert not texts.headlines
    assert len(texts.earlier) == 8
    assert {sample.story for sample in texts.train} == {f"story-{n}" for n in range(4)}


def test_a_run_gives_figures_limits_and_baselines(tmp_path: Path) -> None:
    figures = run(written(tmp_path))
    assert figures["texts"] == 2
    assert 0 <= figures["assets_f1"] <= 1
    for key in figures:
        kind, _, name = key.partition("_")
        if kind in ("least", "limit"):
            assert name in figures
    assert set(figures["baselines"]) == {"keyword", "vader", "tfidf"}


def test_mistakes_are_written_the_costly_kinds_first(tmp_path: Path) -> None:
    write_errors(written(tmp_path).earlier, tmp_path / "errors.txt")
    lines = (tmp_path / "errors.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines[: len(KINDS)]] == list(KINDS)


def test_each_mistake_has_its_kind() -> None:
    right = Right(EventType.LISTING, Direction.BUY, frozenset({"AAA"}), "story")
    asked = Asked(None, "a text", right)
    reading = Reading((), (), (), refusal=None, detail="")
    wrong = {
        KINDS[1]: Answer(
            EventType.HACK, Direction.SELL, 0.9, frozenset({"AAA"}), frozenset({"AAA"})
        ),
        KINDS[2]: Answer(
            EventType.LISTING, Direction.BUY, 0.9, frozenset({"BBB"}), frozenset({"BBB"})
        ),
        KINDS[3]: Answer(
            EventType.LAUNCH, Direction.BUY, 0.9, frozenset({"AAA"}), frozenset({"AAA"})
        ),
        KINDS[4]: Answer(EventType.NOT_NEWS, Direction.NEUTRAL, 0.0, frozenset()),
    }
    for kind, answer in wrong.items():
        found = sort_errors([asked], [reading], [answer])
        assert len(found[kind]) == 1, kind
    fine = Answer(EventType.LISTING, Direction.BUY, 0.9, frozenset({"AAA"}), frozenset({"AAA"}))
    assert not any(sort_errors([asked], [reading], [fine]).values())
