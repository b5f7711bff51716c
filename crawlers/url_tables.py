"""What is known of web addresses: parameters that only track, redirects, hosts of one site."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Wrapper(NamedTuple):
    """A redirect that holds its target: how its path begins, and in which parameter."""

    path: str
    parameters: tuple[str, ...]


_TRACKERS: Final = """
    fbclid gclid gclsrc dclid gbraid wbraid msclkid yclid ysclid twclid ttclid li_fat_id igshid
    igsh mibextid mc_cid mc_eid mkt_tok _hsenc _hsmi __hstc __hssc __hsfp hsctatracking vero_id
    vero_conv oly_anon_id oly_enc_id wickedid rb_clickid ref_src ref_url _openstat cmpid ncid
    guccounter guce_referrer guce_referrer_sig sr_share fb_action_ids fb_action_types fb_source
    fb_ref _ga _gl s_cid s_kwcid trk trkcampaign xtor __twitter_impression smid smtyp soc_src
    soc_trk taid linkid dicbo tblci at_medium at_campaign at_custom1 at_custom2 at_custom3
    at_custom4 amp_js_v amp_gsa amp_tf amp_ct usqp cvid ocid
"""
TRACKERS: Final = frozenset(_TRACKERS.split())
TRACKER_PREFIXES: Final = ("utm_", "hsa_", "pk_", "mtm_", "piwik_", "matomo_", "stm_")
TRACKERS_BY_HOST: Final[Mapping[str, frozenset[str]]] = {
    "x.com": frozenset({"s", "t", "cxt", "mx"}),
    "www.youtube.com": frozenset({"si", "feature", "pp", "ab_channel"}),
    "www.reddit.com": frozenset({"share_id", "rdt", "st", "sh"}),
    "medium.com": frozenset({"source"}),
    "www.bloomberg.com": frozenset({"srnd", "sref", "leadsource"}),
}

# Where a host with a subdomain before it has no line of its own, the host's line is taken.
WRAPPERS: Final[Mapping[str, Wrapper]] = {
    "www.google.com": Wrapper("/url", ("url", "q")),
    "l.facebook.com": Wrapper("/l.php", ("u",)),
    "lm.facebook.com": Wrapper("/l.php", ("u",)),
    "l.instagram.com": Wrapper("/", ("u",)),
    "l.threads.com": Wrapper("/", ("u",)),
    "l.threads.net": Wrapper("/", ("u",)),
    "l.messenger.com": Wrapper("/l.php", ("u",)),
    "l.workplace.com": Wrapper("/l.php", ("u",)),
    "out.reddit.com": Wrapper("/", ("url",)),
    "t.me": Wrapper("/iv", ("url",)),
    "www.youtube.com": Wrapper("/redirect", ("q",)),
    "slack-redir.net": Wrapper("/link", ("url",)),
    "safelinks.protection.outlook.com": Wrapper("/", ("url",)),
    "www.linkedin.com": Wrapper("/redir/redirect", ("url",)),
    "vk.com": Wrapper("/away.php", ("to",)),
    "away.vk.com": Wrapper("/away.php", ("to",)),
    "duckduckgo.com": Wrapper("/l/", ("uddg",)),
    "steamcommunity.com": Wrapper("/linkfilter/", ("url", "u")),
    "www.flipboard.com": Wrapper("/redirect", ("url",)),
}


def _aliases(main: str, *others: str) -> dict[str, str]:
    return dict.fromkeys((main, *others), main)


# Only sites known to serve the same paths under each of these hosts, over https. What is not
# here stays: many a site's `m.` host has paths of its own, or no other host beside it.
_SITES: Final[Mapping[str, str]] = {
    **_aliases("x.com", "www.x.com", "mobile.x.com", "twitter.com", "www.twitter.com",
               "mobile.twitter.com", "m.twitter.com"),
    **_aliases("www.reddit.com", "reddit.com", "old.reddit.com", "np.reddit.com", "new.reddit.com",
               "m.reddit.com", "i.reddit.com", "amp.reddit.com", "sh.reddit.com"),
    **_aliases("www.youtube.com", "youtube.com", "m.youtube.com"),
    **_aliases("www.facebook.com", "facebook.com", "m.facebook.com", "mbasic.facebook.com",
               "touch.facebook.com", "web.facebook.com"),
    **_aliases("www.instagram.com", "instagram.com", "m.instagram.com"),
    **_aliases("www.linkedin.com", "linkedin.com", "m.linkedin.com"),
    **_aliases("t.me", "telegram.me", "www.telegram.me", "telegram.dog"),
    **_aliases("www.investing.com", "m.investing.com"),
    **_aliases("www.reuters.com", "mobile.reuters.com"),
    **_aliases("www.nytimes.com", "mobile.nytimes.com"),
    **_aliases("www.cnbc.com", "m.cnbc.com"),
    **_aliases("medium.com", "www.medium.com"),
}  # fmt: skip
HOSTS: Final[Mapping[str, str]] = {alias: main for alias, main in _SITES.items() if alias != main}
MAIN_HOSTS: Final = frozenset(_SITES.values())

_SHORTENERS: Final = """
    t.co bit.ly j.mp bitly.com tinyurl.com goo.gl ow.ly buff.ly is.gd v.gd dlvr.it ift.tt fb.me
    lnkd.in trib.al reut.rs bloom.bg cnb.cx on.wsj.com on.ft.com nyti.ms wapo.st rebrand.ly
    cutt.ly shorturl.at rb.gy t.ly tiny.cc s.id qr.ae redd.it spr.ly bnc.lt share.google
    maps.app.goo.gl search.app
"""
SHORTENERS: Final = frozenset(_SHORTENERS.split())
