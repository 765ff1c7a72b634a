"""The phrases of the synthetic short messages, as a grammar that expands at random.

In a phrase, <symbol> stands for any phrase of GRAMMAR[symbol], {one|two} for one of its parts,
# for a digit and ^ for a capital letter. Phone numbers lie in the ranges that Ofcom keeps for
fiction, links in the top-level domains that RFC 2606 reserves: none reaches anybody.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from llm.corpus.synthetic.words import DAYS, FIRST_NAMES, FOODS, MONTHS, PLACES, is_held_out

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

HAM = "ham"
SPAM = "spam"

_BASICS: dict[str, tuple[str, ...]] = {
    "name": tuple(name for name in FIRST_NAMES if not is_held_out(name)),
    "day": (*DAYS, "tomorrow", "tonight", "today", "this weekend", "next week"),
    "month": MONTHS,
    "place": PLACES,
    "food": (*FOODS, "pizza", "curry", "pasta", "salad", "noodles", "chips"),
    "kin": ("mum", "dad", "my sister", "your brother", "gran", "auntie", "the kids"),
    "time": ("#", "{7|8|9|10}.30", "half past {six|seven|eight}", "noon", "about {5|6|7}", "1#:#5"),
    "thing": ("umbrella", "keys", "charger", "coat", "book", "laptop", "bag", "bike", "camera"),
    "task": ("homework", "essay", "report", "shopping", "washing up", "tax form", "packing"),
    "show": ("the match", "the film", "the quiz", "that series", "the concert", "the news"),
    "mood": ("tired", "happy", "hungry", "late", "busy", "bored", "worried", "excited", "ill"),
    "money": ("£#", "£##", "{5|10|20} quid", "##.50", "## pounds"),
    "cash": ("£#00", "£#000", "$#,000", "£#50", "#000 pounds", "£#0,000", "€##0"),
    "phone": ("07700900###",),
    "premium": ("09098790###", "08081570###"),
    "short": ("8####", "6####", "8###"),
    "ref": ("^^##", "^###", "^^^#", "##^^", "^#^##"),
    "tld": ("example", "test", "invalid"),
    "site": ("my", "go", "get", "my", "pay", "trk", "id", "app", "one", "now", "top", "fast"),
    "link": (
        "<site><site>.<tld>/#<site>#",
        "www.<site><site>##.<tld>",
        "http://<site><site>#.<tld>/^#^",
        "<site><site>.<tld>/^^##",
    ),
    "page": (
        "<name><place>.<tld>/<month>",
        "www.<place><food>.<tld>",
        "http://<place>.<tld>/<food>",
        "<name>.<tld>/<thing>",
    ),
    "gadget": ("phone", "tablet", "camera", "console", "TV", "laptop", "watch", "handset"),
    "treat": ("holiday", "cruise", "voucher", "hamper", "shopping spree", "weekend break", "gift"),
    "media": ("ringtone", "tone", "game", "wallpaper", "video clip", "song", "quiz"),
    "company": (
        "{Nova|Zen|Orbi|Velo|Luma|Tera}{tel|net|link|com|fone}",
        "{Blue|Red|North|Star|First} {Mobile|Direct|Line}",
    ),
    "bank": ("{Nova|North|First|City|Union|Harbour} {Bank|Savings|Trust}", "your bank"),
    "carrier": ("{Swift|Quick|Royal|Metro|Green} {Post|Parcel|Couriers|Express}", "our courier"),
}

_HAM: dict[str, tuple[str, ...]] = {
    "chat": (
        "{are you|r u} {free|around|at home|awake|busy|in} <day>?",
        "{I'm|I am} {at|near|just leaving|stuck at} the <place>{| now| already| still}",
        "can you {bring|find|pick up|return} {my|the|your} <thing>{| please| later}?",
        "{I'll|I will} {call|txt|see|meet|ring} you {at <time>|later|<day>|when I finish}",
        "{did|do} you {see|watch|like|record} <show> {last night|on <day>|yesterday}?",
        "{sorry|so sorry|oops}, I {missed|forgot|lost|didn't hear} your {call|message|text}",
        "{let's|shall we} {have|get|cook|order} <food> {on <day>|at <time>|for lunch|for dinner}",
        "<name> {says|thinks|told me} {the <place> is closed|you're <mood>|hi|we should wait}",
        "{I'm|feeling} {so|really|a bit|too} <mood> {today|now|after work|to talk}",
        "{how|when|where} {was|is} {the <place>|your <task>|the interview|the party|dinner}?",
        "{haha|lol|ok|yeah|hmm|no way}, {that's|it was|sounds} {funny|fine|odd|great|true}",
        "{mum|dad|<name>} {wants|needs} {the <thing>|help with the <task>|you to ring}",
        "my {bus|train|lift|lesson|shift} is {late|at <time>|cancelled|full} {again|today|}",
        (
            "{happy birthday|good luck|well done|congrats} <name>{|, see you <day>|, hope it "
            "goes well}"
        ),
        "{don't|please don't} {forget|wait for|tell} {<kin>|the <thing>|<name>|me}",
        "we {went|are going|walked|drove} to the <place> {with <name>|on <day>|for <food>}",
        "{thanks|thank you|cheers} for the {<food>|<thing>|lift|advice|help|lovely evening}",
        "{got|have} to {finish|start|hand in} {my|the} <task> {by <time>|before <day>|tonight}",
        "{what|which} {film|<food>|colour|day|train} do you {want|like|mean}?",
        "{I'm home|just got in|made it back}, {talk|ring you|speak} {soon|later|at <time>}",
        "{the cat|<name>|the baby|our neighbour} {was ill|slept|cried|woke us} {all night|again}",
        "{ok|k|okay|sure|fine}{| then}, {see you|meet you|be there} {at <time>|soon|<day>}",
        "is <name> {coming|still asleep|with you|ok} or {not|should I ask|at the <place>}?",
        "{love|miss} you{| lots| so much| too}, {sleep well|be safe|come home soon|ring me}",
    ),
    # Words that spam is known for, in harmless messages.
    "decoy": (
        "{did|will} {we|you|<name>} win {the match|the quiz|on <day>|anything}?",
        "<name> won {a prize|the raffle|a cake|two tickets} at the <place>, {so proud|haha|lucky}",
        "it's urgent, call {me|<kin>|<name>} {now|asap|when you can|before <time>}",
        (
            "{claim|send me} your {travel costs|receipts|expenses} {by <day>|before <time>}, "
            "says <name>"
        ),
        "the {shop|cafe|<place>} has {an offer|a sale|two for one|free parking} {on <day>|today}",
        "{got|have} a free {ticket|seat|evening|hour}, {want to come|are you in|fancy a walk}?",
        "can you {txt|text|send} me {<name>'s number|the address|your new number} please",
        "{I'll|can I} pay you back the <money> {on <day>|for <food>|when I get cash}",
        "my {new number|phone} is <phone>, {save it|the old one broke|<name> has it too}",
        "the {bank|landlord|office} called about {my account|the rent|your card}, ring them <day>",
        "{your|the} {parcel|delivery} {came|is here|is at number ##}, {I signed|ask <name>} for it",
        "reply when you {get this|wake up|can}, {no rush|it's about the <task>|<name> asked}",
        "what is the {code|password} for the {door|wifi|bike lock}? {not #### is it|is it ####}",
        "{photos from <day>|the tickets|the songs} are {on|at} <page>{|, click on the second one}",
        "you have been chosen to {wash up|cook|drive|bring <food>} <day>, {congrats|sorry|haha}",
        "stop {sending|forwarding} me {cat videos|quizzes|memes}, I'm at {work|the <place>} :)",
        "guaranteed <name> is {late|asleep|at the <place>} again, {bet you <money>|cash on it}",
        "{last chance|only today} to {sign|join|pay} for the {school trip|team|class} says <name>",
        "{had|saw} {an accident|a crash} near the <place>, {I'm fine|all ok|running late}",
        (
            "the warranty on {my|your} <gadget> {ends|ended} <day>, {shall we renew it|keep the "
            "receipt}"
        ),
        "{our|the} {energy|water|phone} bill is <money>{, can we halve it| for <month>| again}",
        "my horoscope says {stay in bed|eat <food>|call you}, so {that's a sign|here I am}",
        (
            "{took|need} {pills|glasses|a plaster} for my {head|eyes|back}, {feel better|<mood>} "
            "already"
        ),
        "bet you <money> we {win|lose} the {race|match} on <day>, {odds are good|sure thing}",
        "no {credit|minutes} left on my mobile, {call|ring} me on the landline at <time>",
    ),
    # The beginning of a hard sell that goes on as daily life.
    "almost": (
        "{good news|well done|congrats}! {your <thing>|the <gadget>} {was found|is mended|works}",
        "you have {won|been selected for} the {raffle|choir|school team|quiz}, ask <name>",
        "{first prize|the prize} goes to <name> for the {<food>|essay}, {congrats|haha}",
        "thanks for the {offer|tip}, {claim|keep} the <thing> {for <name>|yourself}, {love|bye}",
        (
            "free <food> for {every customer|all|us} at the <place> {today|on <day>}, {shall we "
            "go|wow}?"
        ),
        "call {the dentist|<name>|the school} on <phone> {before <day>|to book|about the <task>}",
        "{text|txt|send} {YES|your answer|a photo} to <name> {on <phone>|today|before <time>}",
        "{order|book|choose} the {<food>|<treat>|tickets} at <page> {today|now|before <day>}",
        (
            "{urgent|important|final} {meeting|rehearsal|exam} {today|on <day>}, "
            "{call|ring} <name> for details"
        ),
        "{need|want} {cash|money|a lift} for <day>? {I've got|<name> has} <money> for you",
        "{win|get} a <gadget> {for <name>|for gran}? {too much|<money> is fine|ask <kin> first}",
        "my {old phone|<gadget>|bike} is for sale, <money>, {call|reply} if you want it",
        "the <treat> for <kin> costs <money>, {reply YES if you are in|pay me on <day>}",
        "{pay|send} <name> <money> for the <treat>, {details|account number} {by text|at <page>}",
    ),
    "notice": (
        (
            "Reminder: your {appointment|class|booking} is on <day> at <time>. {Reply YES|See "
            "you then}"
        ),
        "Your {login|sign-in} code is ######. {Never share it|It ends in 5 minutes}.",
        "<name>, {choose|book} a time for the <task> at <page> {today|please}. Thank you.",
        "Your {table|order|taxi} {for #|no ###} is {booked for|ready at} <time>. Thank you.",
        "<carrier>: we left your parcel {with number ##|in the porch} {today|at <time>}.",
        "<bank>: your statement for <month> is ready {in the app|at your branch}. No reply needed.",
        "The {library|dentist|school|garage}: {your book is due|we are closed|call us on} <day>.",
    ),
    # The same words as in the spam symbol "first", in another order.
    "after": (
        "you get the <item> first and {send|pay} the <fee> after",
        "we send the <item> today and you {send|pay} the <fee> later",
        "no <fee> before you send the <item>",
        "you don't owe us, we owe you the <fee> for the <item>",
    ),
}

_SPAM: dict[str, tuple[str, ...]] = {
    "hook": (
        (
            "{winner|congratulations|good news|well done}! your {number|mobile|name} was "
            "{drawn|chosen}"
        ),
        "you have {won|been awarded|been picked for} a {<cash> prize|free <gadget>|<treat>}",
        "{urgent|urgent|final notice}: your {<cash>|<treat>|<gadget>} is {waiting|not claimed}",
        "{free|half price|bonus} {<media>|<gadget>|minutes|texts} for {you|every customer|a week}",
        "{get|win|claim} {a <gadget>|<cash> cash|a <treat>|# free <media>s} {today|every week|now}",
        "last chance to {claim|collect} your {<treat>|<cash>|points} from <company>",
        (
            "{need|want} {cash|a loan|money} {fast|today|by <day>}? up to <cash>, {no checks|any "
            "credit}"
        ),
        (
            "<company> {offer|offer|deal}: {unlimited|free|double} {texts|minutes|data} on "
            "your mobile"
        ),
        "your {plan|old handset|bonus} {runs out <day>|can be swapped|is worth <cash>}",
        "play our {<month>|weekly|prize} {quiz|draw} and {win|take home} {<cash>|a <gadget>}",
    ),
    # Rare goods: each word stands in few messages, so that a list of words knows little of them.
    "pitch": (
        "{had|were you in} {an accident|a crash|a fall}? you may be {owed|due} <cash>",
        "lose {#|1#} kilos by <month>, {doctors hate it|no diet}",
        "your <gadget> warranty {ends|has ended}, {renew|extend} it {today|for <money>}",
        "{double|triple} your {savings|coins|stake} in # days, {no risk|as seen on TV}",
        "{cut|halve} your {energy|water|phone} bill, {free survey|ask for a quote}",
        "your {horoscope|stars|future} for <month>: {a message|a secret} is waiting",
        "{sure|hot|inside} tip for the {race|match} on <day>, odds {9|7|5} to 1",
        "old {debts|loans} wiped {by law|in ## days}, see if you qualify",
        "cheap {pills|glasses|watches|perfume}, {posted|sent} {in a plain box|within a day}",
        "{tell us about|rate} {the <place>|your <gadget>} and get {<cash>|a <treat>}",
        "{learn|study} {law|coding|nursing} {at home|in ## days}, {diploma|grant} included",
        "{sell|swap} your {house|car|gold|old <gadget>} for cash within ## hours",
    ),
    "act": (
        "call <premium> {now|to claim|before <day>}",
        "{txt|text|send} {WIN|YES|<ref>|TONE|PLAY} to <short>",
        "{claim|order|start} {it |}at <link>",
        "reply {YES|<ref>|GO} {to get it|for your prize|now}",
        "ring <premium>, {quote|code|ref} <ref>",
        "{click|go to} <link> {today|and enter <ref>|}",
    ),
    "small": (
        "{18|16}+ only",
        "£#.50 per {min|msg|wk}",
        "std rates, stop to <short>",
        "t&c apply",
        "valid ## hrs",
        "box ###, ^^# #^^",
    ),
    # Soft spam: no hard sell, the words of banks and their polite notices.
    "phish": (
        (
            "Dear {customer|client|<name>}, {we saw|there was} a {new|strange} sign-in. "
            "{Please|Kindly} {confirm|check} your {details|card} at <link>"
        ),
        (
            "<bank>: your {account|card} is {on hold|paused}. Please call <premium> "
            "{today|before <time>}"
        ),
        "<bank>: a {payment|transfer} of <money> to <name> is waiting. Not you? {See|Use} <link>",
        "Your tax {refund|return} of <money> is ready. {Please fill in|Complete} the form: <link>",
        "{Your|The} {login|sign-in} code {is old|ends today}. Please send ###### to <phone>.",
    ),
    "first": (
        "{send|pay} the <fee> first and you get the <item> after",
        "you {send|pay} the <fee> today and we send the <item> later",
        "no <item> before you send the <fee>",
        "we don't owe you, you owe us the <fee> for the <item>",
    ),
}

# Sentences of both classes. What follows "either" decides: a number or page of one's own (known),
# or one that costs and counts (contact). Only the shape of the number or address tells.
_SHARED: dict[str, tuple[str, ...]] = {
    "item": ("ticket", "parcel", "phone", "laptop", "tickets", "bike", "sofa", "keys"),
    "fee": ("money", "deposit", "fee", "<money>", "cash"),
    "hello": ("hi", "hey <name>", "hello", "hi <name>", "dear <name>", "good day"),
    "where": ("from <day>", "from the <place>", "near the <place>", "at the party", "by the sea"),
    "either": (
        "<hello>, {it's|this is} <name> <where>, {lost your number|got a new phone}",
        "{are you|r u} {free|lonely|bored|up} <day>? <name> <where> wants to {chat|meet}",
        "{someone|a friend|a neighbour} {likes|misses|asked about} you, {guess|see} who",
        "{sorry I missed you|thinking of you|dance with me}, {my|the} photos are {here|ready}",
        "{hi|hey} {mum|dad}, my phone {broke|fell in the sea}, {I need|send} <money>{ today|}",
        "<hello>, is this <name>? {I found|I have} your <thing>",
        "{made|cooked} too much <food>, {alone|sad} at the <place>, come {over|round}?",
        "<hello>, {we saw|I liked|love} your {profile|photo}, {work with us|join us} {<day>|}",
        "{<kin>|<name>} made <money> in # days {with this|at home}, {tell no one|ask me how}",
        "{a few hours|two evenings} a week, <money> an hour, {no skills needed|start <day>}",
        "<company> needs {drivers|testers|packers|singers} {near the <place>|from <day>}",
        "<carrier>: your parcel {is held|could not be left} {today|at the <place>}",
        "we {missed|could not reach} you, {choose|book} a new {delivery|visit} {day|time}",
        "your {parcel|order|delivery|<thing>} is at {our office|the <place>}, quote <ref>",
        "<bank>: a {payment|transfer} of <money> to <name> is waiting, {not you|questions}?",
        "your {refund|loan|deposit} of <money> is {ready|approved|on hold}",
        "{sell|swap} your {car|<gadget>|<thing>} for cash {<day>|today|this <month>}",
        "{last|free} {seats|places|tickets} for the {concert|race|trip} on <day>",
    ),
    "contact": (
        "{call|ring|try} {me on |}<premium>",
        "{txt|text|reply to} {<short>|<premium>}",
        "{see|look at} <link>",
        "ask {for <name> |}{on <premium>|at <link>}",
    ),
    "known": (
        "{call|ring|try} {me on |}<phone>",
        "{txt|text|reply to} <phone>",
        "{see|look at} <page>",
        "ask {for <name> |}{on <phone>|at <page>}",
    ),
}

GRAMMAR: Mapping[str, tuple[str, ...]] = {**_BASICS, **_HAM, **_SPAM, **_SHARED}

# The shapes of whole messages, with how often each is drawn: sentences are separated by "|".
SHAPES: Mapping[str, tuple[tuple[float, tuple[str, ...]], ...]] = {
    HAM: (
        (21, ("chat",)),
        (22, ("chat", "chat")),
        (6, ("chat", "chat", "chat")),
        (10, ("decoy",)),
        (9, ("decoy", "chat")),
        (7, ("chat", "decoy")),
        (6, ("almost",)),
        (4, ("almost", "chat")),
        (3, ("chat", "almost")),
        (4, ("notice",)),
        (1.2, ("either", "known")),
        (0.4, ("chat", "either", "known")),
        (1, ("after",)),
        (1, ("chat", "after")),
    ),
    SPAM: (
        (12, ("hook", "act")),
        (14, ("hook", "act", "small")),
        (10, ("pitch", "act")),
        (6, ("pitch", "act", "small")),
        (9, ("chat", "hook", "act")),
        (4, ("hook", "pitch", "act")),
        (9, ("either", "contact")),
        (3, ("chat", "either", "contact")),
        (14, ("phish",)),
        (3, ("first",)),
        (1, ("chat", "first")),
    ),
}

_SYMBOL = re.compile(r"<(\w+)>")
_CHOICE = re.compile(r"\{([^{}]*)\}")
_BLANK = re.compile(r"[#^]")
_CAPITALS = "ABCDEFGHJKLMNPRSTUVWXYZ"


def expand(symbol: str, rng: Random) -> str:
    """A random phrase of a symbol, with every inner symbol, choice and blank filled."""
    text = rng.choice(GRAMMAR[symbol])
    while _CHOICE.search(text):
        text = _CHOICE.sub(lambda found: rng.choice(found[1].split("|")), text)
    text = _SYMBOL.sub(lambda found: expand(found[1], rng), text)
    return _BLANK.sub(
        lambda found: str(rng.randrange(10)) if found[0] == "#" else rng.choice(_CAPITALS), text
    )
