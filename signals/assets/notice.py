"""Reads an exchange's notice: what it lists, delists or adds is coins, even without a mark."""

from signals.assets.context import JOINTS, LIST_FOLLOWERS, LIST_VERBS
from signals.assets.evidence import TICKER
from signals.assets.findings import Findings
from signals.assets.mentions import AssetMention, How

_SHORTEST_CODE = 3


def listed_codes(findings: Findings) -> None:
    """Add the upper-case words that stand where an exchange says which coins it lists.

    `Kraken lists ABC, ONE and XYZ today`: a code directly behind such a verb, and what is joined
    to it. Another word behind it (`lists ONE reason`) makes it an adjective, not a coin.
    """
    text = findings.text
    if LIST_VERBS.isdisjoint(text.words):
        return
    if not any(actor.kind == "exchange" for actor in findings.actors):
        return
    taken = {mention.span[0]: mention for mention in findings.mentions}
    added: list[AssetMention] = []
    for verb, word in enumerate(text.words):
        if word not in LIST_VERBS:
            continue
        at, gap = verb + 1, " "
        while at < len(text.words) and text.gap(at - 1) == gap:
            code = text.tokens[at]
            known = text.starts[at] in taken
            if not known:
                if not _is_listed(findings, at):
                    break
                added.append(_mention(findings, at, code))
            at += 1
            if at >= len(text.words):
                break
            gap = text.gap(at - 1)
            if gap == " " and text.words[at] in ("and", "or"):
                at += 1
            elif gap == ", " and text.words[at] == "and":
                at, gap = at + 1, " "
            elif gap not in JOINTS:
                break
    if added:
        spans = {mention.span for mention in added}
        findings.mentions = sorted([*findings.mentions, *added], key=lambda mention: mention.span)
        findings.doubtful = [
            doubt
            for doubt in findings.doubtful
            if (text.starts[doubt.first], text.stops[doubt.last]) not in spans
        ]


def _is_listed(findings: Findings, at: int) -> bool:
    text, universe = findings.text, findings.universe
    code = text.tokens[at]
    if (
        len(code) < _SHORTEST_CODE
        or not TICKER.fullmatch(code)
        or code in universe.not_codes
        or code in universe.shares
        or len(universe.codes.get(code, ())) > 1
        or text.is_shouted(at)
    ):
        return False
    gap = text.gap(at)
    return gap != " " or text.next_word(at) in LIST_FOLLOWERS


def _mention(findings: Findings, at: int, code: str) -> AssetMention:
    text, universe = findings.text, findings.universe
    claimed = universe.codes.get(code)
    canonical = claimed[0] if claimed else code
    known = claimed is not None and universe.assets[canonical].listed
    role = findings.role(at, at, canonical if claimed else None)
    span = (text.starts[at], text.stops[at])
    return AssetMention(canonical, role, span, How.CODE, known=known)
