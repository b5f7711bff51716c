"""Words that mean the same to a reader of news, by what they mean: knowledge of our own.

A model that has seen `drained` a hundred times has seen `siphoned` twice; here they are one.
A word that ends in `*` stands for all that begin so. A word has the first concept that it fits.
"""

from typing import Final

WORDS: Final = {
    "delist": "delist* offboard* deregister*",
    "list": "list lists listed listing listings onboard* relist*",
    "derivative": "futures perpetual* perp perps margin leverag* option options contract contracts",
    "stock": "share shares stock stocks tokenized tokenised xstock* nasdaq nyse equities",
    "yield": "staking stake earn savings loan loans lending collateral convert yield apr apy",
    "theft": "hack hacks hacked hacker hackers hacking exploit* drain* steal* stole* theft* thie* "
    "siphon* loot* heist breach* attack* compromis* rug rugged rugpull vanish* stolen raid* robb* "
    "infiltrat* malicious intruder* laundered",
    "recover": "recover* refund* reimburs* compensat* patch* fixed averted prevent* thwart* foil* "
    "whitehat* bounty returned returns",
    "insolvent": "bankrupt* insolven* creditor* receivership shortfall liquidator* administrators "
    "collaps* restructur* shutters shuttered defunct closes shuts folds folded defaulted default",
    "outage": "outage* offline stall* stuck downtime finality reorg* unreachable degraded halted "
    "congested congestion validators sequencer blocks",
    "resume": "resum* reopen* restor* reinstat* unfreez* unfroze* unpaus* lifted lifts normal "
    "relaunch* reactivat* unhalt* back",
    "stop": "suspend* suspension halt halts halting paus* freez* froze* stop* disabl* ceas* "
    "terminat* discontinu* end ends ended ending remov* retire* sunset* wind winds winding "
    "exits exit pull pulls pulled scrap* abandon* axe axes axed",
    "deposit": "deposit* withdraw* wallet wallets redemption*",
    "trade": "trading trade trades tradable tradeable spot market markets pair pairs orderbook",
    "burn": "burn burns burned burning burnt buyback* repurchas* destroy* incinerat*",
    "unlock": "unlock* vest* cliff emission* mint mints minted minting dilut* tranche insiders",
    "partner": "partner* collaborat* teams teamed integrat* alliance joins tap taps tapped select* "
    "choos* chose chosen picks picked adopt* embed* deploys onboards joint powered memorandum",
    "payment": "payment* pay pays paying checkout merchant* accept* remittance* card cards salary",
    "purchase": "buy buys buying bought purchas* acquir* accumulat* treasury reserve reserves",
    "sale": "sell sells selling sold dump dumps dumped dumping offload* unload* liquidat*",
    "upgrade": "upgrade* hardfork* fork forks forked activat* eip patchset",
    "launch": "launch* mainnet rollout roll* debut* unveil* releas* deploy* ship ships shipped "
    "live introduc* opens opened open opening begin begins begun start starts started commenc* "
    "available enabl*",
    "etf": "etf etfs etp etps",
    "filing": "file files filed filing filings apply applies applied applicat* amend* submit* "
    "prospectus registration s1 19b",
    "refuse": "reject* refus* disapprov* delay* postpon* defer* declin* extends extended veto* "
    "pushes pushed snub* turns",
    "approve": "approv* greenl* nod clears cleared clearance ok oks okays okayed authoris* "
    "authoriz* grant grants granted licen* permit* blessing allow* registers registered legali* "
    "recogni* tender endors* passes passed enact* signs signed",
    "sue": "sue sues sued suing lawsuit* suit complaint* charge charges charged indict* arrest* "
    "prosecut* accus* plaintiff* defendant* fraud litigation wells subpoena* jury trial",
    "settle": "settle* dismiss* drops dropped dropping win wins won victory acquit* vacat* "
    "overturn* tossed tosses concludes closed",
    "ban": "ban bans banned banning prohibit* outlaw* crackdown* sanction* fine fines fined penal* "
    "warns warned warning illegal unlawful forbid* blacklist* probe* investigat* raided seiz* "
    "restrict*",
    "raise": "raise raises raised raising round seed series valuation invest* backers venture "
    "funding secures led",
    "whale": "whale* dormant transfer* moves moved moving shifts shifted address addresses satoshi "
    "inflow* outflow*",
    "depeg": "depeg* peg pegs pegged unpeg* parity cents",
    "macro": "fed fomc ecb boj pboc boe rate rates cpi ppi inflation tariff* hike* payroll* jobs "
    "powell yields recession gdp unemployment stimulus",
    "hearsay": "may might could reportedly rumour* rumor* alleg* source sources insider speculat* "
    "consider* mull* explor* plan plans planned planning expect* hint* whisper* possible possibly "
    "potential* would if unconfirmed discuss* talks eye eyes eyeing seek seeks seeking hope* "
    "likely weigh* claims claimed perhaps maybe supposedly tease* poised looks aims proposal "
    "propos* vote votes voting",
    "deny": "not no never denies denied deny denial false fake fakes faked hoax debunk* untrue "
    "clarif* incorrect without isn didn doesn hasn wasn won don cannot nothing none nobody t "
    "neither yet still",
    "question": "why how what when who which should can does did do is are am anyone anybody",
    "forecast": "analyst* predict* forecast* target* outlook technical* resistance chart* rsi macd "
    "bullish bearish breakout* pattern* trader traders analysis fibonacci wave momentum "
    "consolidat* support level levels bulls bears sentiment",
    "rise": "surge* soar* jump* rally rallies rallied rallying gain gains gained climb* spike* "
    "pump* moon* rise rises rising rose high highs ath skyrocket* rebound* tops hits bounce* "
    "triples doubles doubled up green outperform*",
    "fall": "fall falls fell falling drop plunge* crash* slump* tumbl* slid* sink* sank dip dips "
    "low lows bleed* plummet* loses lost losses down red slip* tank* nosedive* underperform*",
    "opinion": "think thinks believ* opinion imo imho argues argued says say said interview ceo "
    "founder cofounder column editorial view views thoughts podcast tells told my i we you your",
    "chat": "lol lmao gm wagmi ngmi bro guys fam ser lads haha meme memes vibes wen",
    "prize": "giveaway* airdrop* prize* contest* competition* reward* bonus* retweet follow tag "
    "tournament quest* campaign winners lucky",
    "scam": "double doubling guaranteed claim verify send connect dm whatsapp",
    "advert": "presale join sign referral discount vip signals exclusive offer sponsored gem x100",
    "recap": "ago anniversary recap weekly monthly history year years looking remember throwback "
    "since timeline review week month explained guide lessons",
    "report": "report reports survey study data research index volume tvl stats statistics",
    "future": "will soon upcoming tomorrow next scheduled later",
    "money": "million billion m bn k usd dollars worth",
    "law": "court judge senate congress bill lawmakers parliament house regulators regulator "
    "watchdog commission ministry minister government",
    "fault": "maintenance temporarily bug glitch issue issues incident vulnerab* abnormal unusual "
    "suspicious unauthori*",
}


def _tables() -> tuple[dict[str, str], dict[str, str]]:
    words: dict[str, str] = {}
    stems: dict[str, str] = {}
    for name, members in WORDS.items():
        for member in members.split():
            if member.endswith("*"):
                stems.setdefault(member[:-1], name)
            else:
                words.setdefault(member, name)
    return words, stems


_WORDS, _STEMS = _tables()
_LONGEST_STEM: Final = max(map(len, _STEMS))
_SHORTEST_STEM: Final = min(map(len, _STEMS))


def concept_of(word: str) -> str | None:
    """Give the concept of a word in lower case: as a whole word, else by its longest known stem."""
    if (found := _WORDS.get(word)) is not None:
        return found
    for length in range(min(len(word), _LONGEST_STEM), _SHORTEST_STEM - 1, -1):
        if (found := _STEMS.get(word[:length])) is not None:
            return found
    return None
