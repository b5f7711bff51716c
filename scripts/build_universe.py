"""Builds the long tail of `signals/assets/universe.tsv` from a list of coins and venues' rules.

Needs `wordfreq` (a list of how common words are in many languages), which the product itself
doesn't: `uv run --with wordfreq scripts/build_universe.py LIST RULES... > universe.tsv`, where
LIST is a JSON object of codes and names and each RULES is a venue's answer about its symbols.
What our own table, `assets.toml`, already knows is left out; so is what is no coin of its own:
numbers, multiplied and leveraged codes, wrapped, staked and stock tokens, copies of famous coins.
"""

import argparse
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Final

from wordfreq import zipf_frequency  # type: ignore[import-not-found]

from signals.assets.known import words_of
from signals.assets.listing import bases_in

ASSETS: Final = Path(__file__).resolve().parents[1] / "signals/assets"
LANGUAGES: Final = (
    *("en", "de", "es", "fr", "it", "pt", "nl", "pl", "tr", "id", "vi", "ru", "sv", "ro", "cs"),
    *("hu", "fi", "da", "nb", "fil", "ms", "ca", "lt", "lv", "sl", "sk", "uk"),
)
LIST: Final = "npm cryptocurrencies"
CODE: Final = re.compile(r"(?=.*[A-Z])[A-Z0-9]{2,10}")
NO_COIN: Final = re.compile(
    r"\b(?:tokenized|tokenised|wrapped|bridged|staked|staking|vault|lp|leverage[dn]?|bull|bear|"
    r"long|short|hedge|index|etf|stock|shares?|ishares|mirrored|mirror|synth|iou|old|v\d|version|"
    r"interest|yield-bearing|futures?|peg|pegged|bep2?|erc20|trc20|airdrop|test)\b|^[a-z]?USD",
    re.IGNORECASE,
)
COPY: Final = re.compile(
    r"inu\b|doge|shib|elon|pepe|floki|moon\b|^safe|^baby|^mini|^mega|^super|^wojak|musk|trump|"
    r"biden|putin|tesla|grok|chatgpt|openai|bitcoin|ethereum|binance|tether|solana|ripple|cardano|"
    r"litecoin|dogecoin|monero|metamask|coinbase|google|amazon|facebook|twitter|microsoft|apple|"
    r"netflix|nvidia|spacex|porn|sex|fuck|cum|nigg|hitler|ass\b",
    re.IGNORECASE,
)
AMOUNT: Final = re.compile(r"\d+[KMBTX]")
MULTIPLIED: Final = re.compile(r"1(?:0{2,}|0*[KM])[A-Z]+")
LEVERAGED: Final = re.compile(r"([A-Z0-9]{2,}?)(?:UP|DOWN|BULL|BEAR|HALF|HEDGE|[2-5][LS])")
TELLING_ENDS: Final = frozenset(
    (
        *("protocol", "finance", "network", "swap", "dao", "chain", "labs", "exchange", "dex"),
        *("coin", "token", "cash", "money"),
    )
)
# Zipf frequencies: powers of ten per billion words; 7 is `the`.
RARE: Final = 1.3  # a venue's coin may be called by as common a word
RARE_ELSEWHERE: Final = 0.9
COMMON: Final = 3.9
SHORTEST_NAME: Final = 5
LONGEST_NAME: Final = 4  # words
COMMONEST: Final = 4.5
SHORTEST_CODE: Final = 3
EVERYDAY_CODE: Final = 3.0
NO_NAMES: Final = frozenset(
    Path(__file__).with_name("no_names.txt").read_text(encoding="utf-8").split("\n")[2:]
)


def commonness(word: str) -> float:
    """Tell how common a word is in the language that uses it most; 7 is `the`."""
    return float(max(zipf_frequency(word, language) for language in LANGUAGES))


def is_no_coin(code: str, codes: frozenset[str]) -> bool:
    """Whether a code is a number, a multiple of another or a leveraged token."""
    leveraged = LEVERAGED.fullmatch(code)
    return (
        not CODE.fullmatch(code)
        or AMOUNT.fullmatch(code) is not None
        or MULTIPLIED.fullmatch(code) is not None
        or (leveraged is not None and leveraged[1] in codes)
    )


def flags_of(name: str, *, listed: bool) -> str:
    """Judge a name: `n` telling in any case, `t` telling as written, `w` needs other evidence."""
    written = words_of(name)
    words = [word.lower() for word in written]
    if not words or not name.isascii():
        return ""
    if len(words) == 1:
        (word,) = words
        if len(word) < SHORTEST_NAME or word in NO_NAMES or word.isdigit():
            return "w" if listed else ""
        common = commonness(word)
        if common <= (RARE if listed else RARE_ELSEWHERE):
            return "n"
        return "w" if listed or common < COMMON else ""
    first = zipf_frequency(words[0], "en")
    if (
        words[0] in NO_NAMES
        or len(words) > LONGEST_NAME
        or first > COMMONEST
        or not written[0][0].isupper()
    ):
        return "w"
    if words[1:] == words[-1:] and words[-1] in TELLING_ENDS:
        return "t" if first < COMMON and len(words[0]) >= SHORTEST_CODE else "w"
    rarest = min(
        (commonness(word) for word in words if len(word) >= SHORTEST_NAME),
        default=COMMONEST,
    )
    return "t" if rarest < RARE and listed else "w"


def own_spellings() -> tuple[set[str], set[tuple[str, ...]]]:
    """Give the codes and the names, in lower case, that our own tables claim."""
    own = tomllib.loads((ASSETS / "assets.toml").read_text(encoding="utf-8"))
    rows, others = own["assets"], own["not_assets"]
    codes = {code for row, said in rows.items() for code in (row, *said.get("codes", ()))}
    names = [
        name
        for said in rows.values()
        for kind in ("names", "as_written", "weak", "products", "people")
        for name in said.get(kind, ())
    ]
    for kind in tomllib.loads((ASSETS / "actors.toml").read_text(encoding="utf-8")).values():
        names += [*kind["names"], *kind.get("cased", ())]
    return codes | set(others["codes"]) | set(others["shares"]), {
        tuple(word.lower() for word in words_of(name)) for name in [*names, *others["phrases"]]
    }


def drop_doubles(rows: dict[str, tuple[str, str, str]]) -> None:
    """Take the name from rows that share it: it tells none of them."""
    claims: dict[str, list[str]] = {}
    for code, (name, _, _) in rows.items():
        if name:
            claims.setdefault(name.lower(), []).append(code)
    for claimed in claims.values():
        for code in claimed if len(claimed) > 1 else ():
            _, told, judged = rows[code]
            rows[code] = ("", told, "e" if "e" in judged else "")
            if told == LIST:
                del rows[code]  # nothing is left to tell it by


def main() -> None:
    """Print the table."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("list", type=Path)
    asked.add_argument("rules", type=Path, nargs="*")
    options = asked.parse_args()
    known, own_names = own_spellings()
    names: dict[str, str] = {
        code.upper(): " ".join(name.split())
        for code, name in json.loads(options.list.read_text(encoding="utf-8")).items()
    }
    venues: dict[str, list[str]] = {}
    for path in options.rules:
        for base in bases_in(json.loads(path.read_text(encoding="utf-8"))):
            venues.setdefault(base, []).append(path.name.split("_")[0])
    codes = frozenset((*names, *venues, *known))
    rows: dict[str, tuple[str, str, str]] = {}
    for code in sorted({*names, *venues} - known):
        name, listed = names.get(code, ""), code in venues
        if is_no_coin(code, codes) or NO_COIN.search(name):
            continue
        lower = tuple(word.lower() for word in words_of(name))
        copied = COPY.search(name) is not None and not listed
        taken = any(lower[:size] in own_names for size in range(1, len(lower) + 1))
        flags = "" if copied or taken else flags_of(name, listed=listed)
        if not listed and (not flags or (flags == "w" and len(lower) == 1)):
            continue
        sources = ([LIST] if code in names else []) + venues.get(code, [])
        everyday = zipf_frequency(code.lower(), "en") >= EVERYDAY_CODE or len(code) < SHORTEST_CODE
        rows[code] = (name if flags else "", ", ".join(sources), flags + "e" * everyday)
    drop_doubles(rows)
    sys.stdout.write("code\tname\tsources\tflags\n")
    for code, row in sorted(rows.items()):
        sys.stdout.write("\t".join((code, *row)) + "\n")


if __name__ == "__main__":
    main()
