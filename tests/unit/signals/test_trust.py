"""Who may be believed, how far, and what gives a scam or an impostor away."""

import pytest

from core.contracts.errors import ConfigurationError
from core.contracts.event import Event, Origin, OriginKind
from signals.settings import TrustSettings
from signals.trust.trust import Tier, Trust, Verdict, build_trust, bundled_trust, independent
from tests.unit.signals.events import an_event

TRUST = bundled_trust()
LISTING = "Binance will list Kaspa (KAS)"


def post(text: str = LISTING, source: str = "twitter", author: str = "@somebody") -> Event:
    return an_event(text, source=source, channel="terms", author=author)


def judged(event: Event, trust: Trust = TRUST) -> Verdict:
    return trust.judge(event)


@pytest.mark.parametrize(
    ("source", "author", "tier"),
    [
        ("announcements", None, Tier.OFFICIAL),
        ("newswire", None, Tier.TRUSTED),
        ("rss", "Jane Doe", Tier.NORMAL),
        ("something else", None, Tier.NORMAL),
        ("twitter", "@somebody", Tier.LOW),
        ("twitter", "@Binance", Tier.OFFICIAL),
        ("twitter", "ReutersBiz", Tier.TRUSTED),
        ("reddit", "u/somebody", Tier.LOW),
        ("rss", "binance", Tier.NORMAL),  # a name in a feed proves nothing
    ],
)
def test_tier_is_that_of_the_account_then_of_the_kind_of_source(
    source: str, author: str, tier: Tier
) -> None:
    assert judged(post(source=source, author=author)).tier is tier


def test_curated_accounts_channel_counts_where_there_is_no_author() -> None:
    event = an_event(LISTING, source="twitter", channel="@Binance")
    assert judged(event).tier is Tier.OFFICIAL


def test_configuration_goes_first() -> None:
    trust = TrustSettings(
        trusted=("twitter:@somebody",), low=("rss:Gossip",), blocked=("reddit",)
    ).judge()
    assert judged(post(), trust).tier is Tier.TRUSTED
    assert judged(an_event(LISTING, channel="gossip"), trust).tier is Tier.LOW
    assert judged(post(source="reddit"), trust).objection == "the source is blocked"


def test_name_in_two_tiers_is_refused() -> None:
    with pytest.raises(ValueError, match="two tiers"):
        TrustSettings(low=("rss",), trusted=("RSS",))


def test_unknown_tier_in_a_table_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no tier 'golden'"):
        build_trust({"sources": {"rss": "golden"}, "accounts": {}})


def test_low_tier_stakes_a_token() -> None:
    assert judged(post()).share == 0.1
    assert judged(post(author="binance")).share == 1.0


@pytest.mark.parametrize(
    "handle",
    [
        "binance_official",
        "Binance__",
        "bin4nce",
        "blnance",
        "binnance",
        "binanc",
        "THE_binance",
        "coinbase_support",
        "krakenfx_",
        "vitalikbutarin",
        "secg0v",
    ],
)
def test_look_alike_account_is_refused(handle: str) -> None:
    objection = judged(post(author=handle)).objection
    assert objection is not None
    assert "looks like" in objection


@pytest.mark.parametrize(
    "handle", ["somebody", "cryptojane", "bob", "market_watcher", "bitcoinmagazine", "satoshi", ""]
)
def test_other_accounts_are_not_taken_for_look_alikes(handle: str) -> None:
    assert judged(post(author=handle)).objection is None


@pytest.mark.parametrize(
    "text",
    [
        "To celebrate the ETF we are doubling all Bitcoin: send 0.1 and receive 0.2 back",
        "Huge ETH giveaway for the first 500 holders!",
        "Claim your $KAS airdrop allocation today",
        "Connect your wallet to take part in the KAS listing",
        "I am giving back 5,000 BTC to my followers",
    ],
)
def test_offer_is_refused_whoever_makes_it(text: str) -> None:
    for author in ("@somebody", "@binance"):
        objection = judged(post(text, author=author)).objection
        assert objection is not None
        assert objection.startswith("an offer")
    assert judged(an_event(text)).objection is not None


@pytest.mark.parametrize(
    "text",
    [
        "BINANCE LISTS KASPA (KAS) RIGHT NOW AND NOBODY HAS NOTICED YET bit.ly/3xyz hurry",
        "New token is live! CA: 0x52908400098527886E0F7030069857D2E4169EE7 buy now",
    ],
)
def test_marks_of_a_hijacked_account_are_refused_together(text: str) -> None:
    assert judged(post(text, author="@coinbase")).objection is not None


def test_contract_address_in_an_exchanges_own_notice_is_no_mark() -> None:
    text = f"{LISTING}. Contract address: 0x52908400098527886E0F7030069857D2E4169EE7"
    event = an_event(text, source="announcements", channel="binance.listings")
    assert judged(event).objection is None


def test_who_speaks_as_the_party_itself_has_to_be_it() -> None:
    text = "We will list Kaspa (KAS) tomorrow"
    assert judged(post(text)).objection is not None
    assert judged(post(text, author="@krakenfx")).objection is None


def test_letters_that_pretend_to_be_others_are_refused() -> None:
    event = an_event(LISTING, lookalikes=("K\u0410S",))
    assert "pretend" in (judged(event).objection or "")


def test_plain_news_has_no_objection() -> None:
    texts = (
        LISTING,
        "Cetus Protocol exploited for $223 million, team pauses contracts",
        "SEC APPROVES SPOT SOLANA ETF APPLICATIONS",
        "Microsoft and IOTA launch a marketplace for data",
    )
    for text in texts:
        assert judged(an_event(text)).objection is None
        assert judged(post(text)).objection is None


def test_repost_counts_as_its_first_author() -> None:
    first = judged(post(author="@alice"))
    origin = Origin(kind=OriginKind.REPOST, author="@alice")
    carried = judged(an_event(LISTING, source="twitter", channel="b", author="@bob", origin=origin))
    other = judged(an_event(LISTING, source="twitter", channel="b", author="@bob"))
    assert not independent(first.teller, carried.teller)
    assert independent(first.teller, other.teller)


@pytest.mark.parametrize(
    ("teller", "other", "expected"),
    [
        ("twitter:terms:alice", "twitter:terms:bob", True),
        ("twitter:terms:alice", "telegram:x:alice", False),
        ("rss:a:", "rss:b:", True),
        ("rss:a:", "rss:a:", False),
        ("rss:a:jane", "rss:a:joe", True),
        ("rss:a:jane", "rss:a:", False),
    ],
)
def test_independence_needs_another_author_or_channel(
    teller: str, other: str, expected: bool
) -> None:
    assert independent(teller, other) is expected
