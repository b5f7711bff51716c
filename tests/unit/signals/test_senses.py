from datetime import date
from pathlib import Path

import pytest
from msgspec import structs

from core.contracts.errors import ConfigurationError
from models.training.samples import Sample
from signals.assets.mentions import Role
from signals.assets.resolve import Resolver
from signals.assets.senses import Senses, bundled_senses, read_senses, write_senses
from signals.assets.surroundings import HARD, SLOTS, SOFT, Value, describe
from signals.assets.universe import bundled_universe
from signals.sense_training import examples, learn, subjects_f1

UNIVERSE = bundled_universe()


def values_of(text: str, number: int = 0) -> dict[str, Value]:
    cut, found = Resolver(UNIVERSE).find(None, text)
    _, values = describe(UNIVERSE, cut, found)[number]
    return dict(zip(SLOTS, values, strict=True))


def sample(words: str, *subjects: str, mentioned: tuple[str, ...] = ()) -> Sample:
    return Sample(
        lead="",
        words=words,
        label="chat/neutral",
        story=words,
        day=date(2026, 1, 1),
        subjects=subjects,
        mentioned=mentioned,
    )


KNOWN = [
    *(sample(f"{verb} Harmony token", "ONE") for verb in ("buy", "sell", "hold", "stake")),
    *(sample(f"in Harmony {noun}") for noun in ("together", "always", "again", "forever")),
    *(sample(f"the theft on Solana, {n} told", mentioned=("SOL",)) for n in ("he", "she", "it")),
]


@pytest.mark.parametrize(
    ("text", "slot", "value"),
    [
        ("buys 500 BTC today", "use", "amount"),
        ("worth $5 million of BTC today", "use", "sum"),
        ("lends on Solana today", "use", "place"),
        ("an attack on Solana today", "use", "target"),
        ("a Solana-based lender", "use", "kind"),
        ("in 2026 Solana grows", "use", None),
        ("Kaspa (KAS) today", "bracket", "own name"),
        ("BTC", "word_before", "^"),
        ("the BTC", "word_before", "the"),
        ("SOLANA HALTS AGAIN", "style", ("shouted", "name")),
        ("Solana Halts Its Chain Again", "style", ("titled", "name")),
        ("so Solana halts its chain again", "style", ("plain", "name")),
    ],
)
def test_a_place_in_a_text_is_described(text: str, slot: str, value: Value) -> None:
    assert values_of(text)[slot] == value


def test_every_slot_of_every_candidate_has_a_value_or_none() -> None:
    text = "비트코인 and $SOL, Kaspa (KAS), PYTHUSDT: Near, @CurveFinance lists ZBX on Kraken"
    cut, found = Resolver(UNIVERSE).find(None, text)
    described = describe(UNIVERSE, cut, found)
    assert len(described) == len(found.candidates) >= 6
    assert all(len(values) == len(SLOTS) for _, values in described)
    assert {hardness for hardness, _ in described} == {HARD, SOFT}


def test_learnt_weights_tell_the_coin_from_the_word_and_the_subject_from_the_place(
    tmp_path: Path,
) -> None:
    write_senses(tmp_path / "senses.tsv", learn(list(examples(UNIVERSE, KNOWN))))
    resolver = Resolver(UNIVERSE, read_senses(tmp_path / "senses.tsv"))
    assert [m.code for m in resolver.resolve(None, "lend Harmony token").mentions] == ["ONE"]
    assert not resolver.resolve(None, "in Harmony today").mentions
    (chain,) = resolver.resolve(None, "the theft on Solana, we told").mentions
    assert (chain.code, chain.role) == ("SOL", Role.MENTIONED)
    assert subjects_f1(resolver, KNOWN) == 1.0


def test_the_same_texts_give_the_same_weights(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_senses(tmp_path / name, learn(list(examples(UNIVERSE, KNOWN))))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_text_of_which_nobody_said_what_it_is_about_teaches_nothing() -> None:
    unknown = structs.replace(sample("buy Harmony token"), subjects=None)
    assert list(examples(UNIVERSE, [unknown])) == []


def test_chances_are_a_part_of_one() -> None:
    far = Senses({way: tuple({} for _ in SLOTS) for way in (HARD, SOFT)}, {HARD: 900 - 900j})
    mentioned, subject = far.judge((HARD, (None,) * len(SLOTS)))
    assert mentioned == pytest.approx(1.0)
    assert subject == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("", "first line"),
        ("hardness\tslot\tvalue\n", "first line"),
        ("hardness\tslot\tvalue\tmentioned\tsubject\nhard\tcolour\t1\t0\t0\n", "line 2"),
        ("hardness\tslot\tvalue\tmentioned\tsubject\nhard\tcode\tBTC\t0\t0\n", "line 2"),
        ("hardness\tslot\tvalue\tmentioned\tsubject\nhard\tcode\t1\tmuch\t0\n", "line 2"),
    ],
)
def test_a_malformed_table_of_weights_is_refused_with_its_place(
    tmp_path: Path, lines: str, complaint: str
) -> None:
    path = tmp_path / "senses.tsv"
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=complaint):
        read_senses(path)


def test_the_bundled_weights_are_there() -> None:
    chances = bundled_senses().judge((HARD, (None,) * len(SLOTS)))
    assert 0 < chances.subject < 1
