"""Words that mean the same to a reader of news, by what they mean: knowledge of our own.

A model that has seen `drained` a hundred times has seen `siphoned` twice; here they are one.
A word that ends in `*` stands for all that begin so. A word has the first concept that it fits.
"""

from typing import Final

WORDS: Final = {
    "delist": "delist* offboard* deregister* deslist* 상장폐지* 거래지원종료* 下架* 下线* "
    "上場廃止*",
    "list": "list lists listed listing listings onboard* relist* listará listado listar listet "
    "listelen* listeliyor 상장* 신규 거래지원 上线* 上線* 上币* 上場* 取扱い* листинг*",
    "derivative": "futures perpetual* perp perps margin leverag* option options contract contracts "
    "cfd cfds derivative* 先物* 선물* 合约*",
    "stock": "share shares stock stocks tokenized tokenised xstock* nasdaq nyse equities equity "
    "shareholder* ipo",
    "yield": "staking stake earn savings loan loans lending collateral convert yield apr apy "
    "launchpool farming restaking staked",
    "theft": "hack hacks hacked hacker hackers hacking exploit* drain* steal* stole* theft* thie* "
    "siphon* loot* heist breach* attack* compromis* rug rugged rugpull vanish* stolen raid* robb* "
    "infiltrat* malicious intruder* laundered pilfer* plunder* swip* nabb* snatch* pinch* burgl* "
    "ransack* filch* purloin* misappropriat* embezzl* emptied emptying hijack* poison* backdoor* "
    "flashloan reentrancy keylogger cryptojack* abscond* scarper* exfiltrat* intrusion* bandit* "
    "hackeo* hackea* robo robad* robaron roub* volé* piratage pirat* gestohlen* erbeut* hackt* "
    "взлом* украл* похи* 해킹* 탈취* 被盗* 攻击* 黑客* 流出* 不正*",
    "recover": "recover* refund* reimburs* compensat* patch* fixed averted prevent* thwart* foil* "
    "whitehat* bounty returned returns rescu* retriev* repaid repay* restitut* clawed reclaim*",
    "insolvent": "bankrupt* insolven* creditor* receivership shortfall liquidator* administrators "
    "collaps* restructur* shutters shuttered defunct closes shuts folds folded defaulted default "
    "chapter administration moratorium wind* unwind* unwound bust broke belly insolv* quiebra "
    "falência faillite iflas* банкрот* 破产* 破産* 파산* liquidation solvency",
    "outage": "outage* offline stall* stuck downtime finality reorg* unreachable degraded halted "
    "congested congestion validators sequencer blocks freezes frozen crawl* deadlock* desync* "
    "unfinalis* unfinaliz* standstill stopped blackout hiccup* unresponsive producing panne "
    "中断* 停止* 중단* 장애*",
    "resume": "resum* reopen* restor* reinstat* unfreez* unfroze* unpaus* lifted lifts normal "
    "relaunch* reactivat* unhalt* back reenabl* thaw* again restart* revive* revived 재개* 恢复* "
    "再開* reanud* reprend* возобнов*",
    "stop": "suspend* suspension halt halts halting paus* freez* froze* stop* disabl* ceas* "
    "terminat* discontinu* end ends ended ending remov* retire* sunset* exits exit pull pulls "
    "pulled scrap* abandon* axe axes axed drop dropping ditch* cull* prun* purge* jettison* "
    "shelve* block blocks blocked blocking bars barred gates gated locks locked 暂停* 종료* 정지* "
    "suspende* приостан*",
    "deposit": "deposit* withdraw* wallet wallets redemption* redeem* payout* retiro* saque* "
    "auszahl* 입출금* 充值* 提币* 提现* 入出金*",
    "trade": "trading trade trades tradable tradeable spot market markets pair pairs orderbook "
    "books book krw usdt fiat broker* 마켓* 现货* 交易* 取引*",
    "burn": "burn burns burned burning burnt buyback* repurchas* destroy* incinerat* torch* "
    "buybacks retired shred* quema queima 소각* 销毁*",
    "unlock": "unlock* vest* cliff emission* mint mints minted minting dilut* tranche insiders "
    "lockup* unvest* freed releases float circulating allocation* distribut* 解锁* 언락*",
    "partner": "partner* collaborat* teams teamed integrat* alliance joins tap taps tapped select* "
    "choos* chose chosen picks picked adopt* embed* deploys onboards joint powered memorandum mou "
    "cooperat* tie ties tieup inks inked backed supports alianza parceria kooper* 제휴* 合作* "
    "提携* pilots pilot trials",
    "payment": "payment* pay pays paying checkout merchant* accept* remittance* card cards salary "
    "settle settling payroll till tills pagos pagamento",
    "purchase": "buy buys buying bought purchas* acquir* accumulat* treasury reserve reserves "
    "scoop* snap snaps snapped stacks hoard* adds added buyer* compra*",
    "sale": "sell sells selling sold dump dumps dumped dumping offload* unload* liquidat* "
    "disposes disposed cashes cashed trims trimmed venta",
    "upgrade": "upgrade* hardfork* fork forks forked activat* eip patchset softfork halving merge "
    "migrat* bump client epoch",
    "launch": "launch* mainnet rollout roll* debut* unveil* releas* deploy* ship ships shipped "
    "live introduc* opens opened open opening begin begins begun start starts started commenc* "
    "available enabl* genesis arrives arrived premiere* lanza* lança* startet запус* 출시* "
    "메인넷* 主网* 正式*",
    "etf": "etf etfs etp etps etn etns fund funds trust",
    "filing": "file files filed filing filings apply applies applied applicat* amend* submit* "
    "prospectus registration s1 19b lodges lodged paperwork s0 refile* registers bid",
    "refuse": "reject* refus* disapprov* delay* postpon* defer* declin* extends extended veto* "
    "pushes pushed snub* turns denies rebuff* nixes nixed thumbs withdraws withdrawn punt* kick* "
    "stalls rechaz* niega",
    "approve": "approv* greenl* nod clears cleared clearance ok oks okays okayed authoris* "
    "authoriz* grant grants granted licen* permit* blessing allow* legali* recogni* tender endors* "
    "passes passed enact* signs signed waves waved sanctioned assent* ratif* aprueb* aprov* "
    "genehm* onay* одобр* 승인* 批准* 承認*",
    "sue": "sue sues sued suing lawsuit* suit complaint* charge charges charged indict* arrest* "
    "prosecut* accus* plaintiff* defendant* fraud litigation wells jury trial detain* custody "
    "handcuff* nabbed extradit* demanda* anklag* verklag* арест* 체포* 기소* 起诉* 逮捕* 被捕*",
    "settle_case": "settle* settlement* dismiss* drops dropped win wins won victory acquit* vacat* "
    "overturn* tossed tosses concludes closed withdrew prevails prevail* cleared exonerat* "
    "absolv* 和解* 합의*",
    "ban": "ban bans banned banning prohibit* outlaw* crackdown* sanction* fine fines fined penal* "
    "warns warned warning illegal unlawful forbid* blacklist* probe* investigat* raided seiz* "
    "restrict* curb* clamp* bar cease desist subpoena* scrutin* revok* forfeit* proíbe prohíbe "
    "verbiet* yasak* запрет* 금지* 禁止* 罚款*",
    "raise": "raise raises raised raising round seed series valuation invest* backers venture "
    "funding secures led leads capital vc financing bags bagged nets closes backs ronda rodada "
    "finanzierungsrunde 融资* 투자*",
    "whale": "whale* dormant transfer* moves moved moving shifts shifted address addresses satoshi "
    "inflow* outflow* awakens woke wakes slept sleeping og holder* ballena* baleia* 고래* 巨鲸*",
    "depeg": "depeg* peg pegs pegged unpeg* parity cents par slips backing redeemability "
    "stablecoin* anchor* 脱锚* 디페깅*",
    "macro": "fed fomc ecb boj pboc boe rate rates cpi ppi inflation tariff* hike* payroll* jobs "
    "powell yields recession gdp unemployment stimulus basis bps dovish hawkish pce nonfarm fomc "
    "treasuries easing tightening lagarde ueda cut cuts levies duties",
    "hearsay": "may might could reportedly rumour* rumor* alleg* source sources insider speculat* "
    "consider* mull* explor* plan plans planned planning expect* hint* whisper* possible possibly "
    "potential* would if unconfirmed discuss* talks eye eyes eyeing seek seeks seeking hope* "
    "likely weigh* claims claimed perhaps maybe supposedly tease* poised looks aims proposal "
    "propos* vote votes voting apparently hearing heard chatter mulls ponder* floats floated "
    "readies",
    "deny": "not no never denies denied deny denial false fake fakes faked hoax debunk* untrue "
    "clarif* incorrect without isn didn doesn hasn wasn won don cannot nothing none nobody t "
    "neither yet still refut* dispel* baseless unfounded",
    "question": "why how what when who which should can does did do is are am anyone anybody",
    "forecast": "analyst* predict* forecast* target* outlook technical* resistance chart* rsi macd "
    "bullish bearish breakout* pattern* trader traders analysis fibonacci wave momentum "
    "consolidat* support level levels bulls bears sentiment odds setup golden trendline support",
    "rise": "surge* soar* jump* rally rallies rallied rallying gain gains gained climb* spike* "
    "pump* moon* rise rises rising rose high highs ath skyrocket* rebound* tops hits bounce* "
    "triples doubles doubled up green outperform* rips rocket* vault* leap*",
    "fall": "fall falls fell falling plunge* crash* slump* tumbl* slid* sink* sank dip dips "
    "low lows bleed* plummet* loses lost losses down red slip* tank* nosedive* underperform* "
    "crater* halves halved worthless wiped",
    "opinion": "think thinks believ* opinion imo imho argues argued says say said interview ceo "
    "founder cofounder column editorial view views thoughts podcast tells told my i we you your "
    "praises praised slams slammed urges",
    "chat": "lol lmao gm wagmi ngmi bro guys fam ser lads haha meme memes vibes wen fren frens "
    "cope hopium rekt anon degen smh",
    "prize": "giveaway* airdrop* prize* contest* competition* reward* bonus* retweet follow tag "
    "tournament quest* campaign winners lucky raffle*",
    "scam": "double doubling guaranteed claim verify send connect dm whatsapp multipl*",
    "advert": "presale join sign referral discount vip signals exclusive offer sponsored gem x100",
    "recap": "ago anniversary recap weekly monthly history year years looking remember throwback "
    "since timeline review week month explained guide lessons retrospective revisit* inside",
    "report": "report reports survey study data research index volume tvl stats statistics",
    "future": "will soon upcoming tomorrow next scheduled later",
    "money": "million billion m bn k usd dollars worth mln millionen milyon millones milhões",
    "law": "court judge senate congress bill lawmakers parliament house regulators regulator "
    "watchdog commission ministry minister government tribunal senator* legislat* appeals",
    "fault": "maintenance temporarily bug glitch issue issues incident vulnerab* abnormal unusual "
    "suspicious unauthori* irregular* anomal* scheduled",
    "watch": "caution monitoring observation innovation zone tag label tagged flagged 유의* 주의* "
    "観察* designat*",
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
