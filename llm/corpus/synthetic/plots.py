"""Plots in which something is lost, sought, carried or hidden: who holds it, where it lies."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

from llm.corpus.synthetic import words
from llm.corpus.synthetic.scenes import journey

if TYPE_CHECKING:
    from llm.corpus.synthetic.cast import Person, World
    from llm.corpus.synthetic.grammar import Teller

# A plot yields the moral at its end, and None after each beat, where an aside may stand.
_COATS = ("coat", "hat", "scarf", "cloak", "shirt", "apron", "shawl", "cap")
Beats = Iterator[str | None]


def listed(items: list[str], last: str = "and") -> str:
    """Items with commas: a, b and c."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def where_is(teller: Teller, thing: str, spot: str) -> None:
    """Remember where a thing was found."""
    teller.fact(
        "where [was the {thing}|did they find the {thing}|was the {thing} in the end]?",
        "{spot}",
        "[it was|the {thing} was] {spot}.",
        thing=thing,
        spot=spot,
    )


def lost_thing(teller: Teller, world: World) -> Beats:
    """The hero misses something and looks in several places, with a refrain."""
    thing = world.thing()
    spots = [world.spot() for _ in range(teller.rng.randint(2, 4))]
    teller.bind(thing=thing)
    teller.new(
        "[one day|one morning|on a {day}] {hero} wanted to use {hero.his} {thing.full}, but [it "
        "was gone|it was not there|{hero.he} could not find it]. "
        '"[where is my {thing}|who has seen my {thing}|oh no, my {thing}]?" {hero.he} cried.',
        "{hero} had {a thing.full}, and {hero.he} [loved it|was proud of it|used it every day]. "
        "[then, on a {day},|but one evening] the {thing} was [gone|lost|nowhere to be seen].",
        day=world.one(words.DAYS),
    )
    yield None
    refrain = teller.choose(("not here", "nothing but dust", "no luck", "empty", "not a trace"))
    for spot in spots[:-1]:
        teller.new(
            '[first |next |then |]{hero} looked {spot}. "{refrain}, {refrain}!" [said {hero}|'
            "{hero.he} said|{hero} sighed].",
            "[was the {thing}|could it be|might it lie] {spot}? {hero} looked {spot}. "
            '"{refrain}, {refrain}," {hero.he} said.',
            '"perhaps it is {spot}," thought {hero}. But {spot} there was [no {thing}|only a '
            'spider|only {a other}]. "{refrain}, {refrain}!"',
            spot=spot,
            refrain=refrain,
            other=world.one(words.TREASURES),
        )
        if teller.chance(0.5):
            yield None
    helper = world.person()
    teller.bind(helper=helper)
    teller.new(
        "then came {helper}, the {helper.role}. "
        '"what are you looking for?" asked {helper}. "I am looking for my {thing}," said {hero}. '
        '"did you look {spot}?" asked {helper}. {hero} had not. {C hero.he} looked {spot}, and '
        "[there it was|there lay the {thing.full}]!",
        "{helper} the {helper.role} [heard {hero} and came to help|stopped and listened]. "
        '"[I saw {a thing.full}|{a thing} lies] {spot}," [said {helper}|{helper.he} said]. '
        '"[Is it yours, {hero}?|Go and look, {hero}!]" And really, the {thing} was {spot}.',
        spot=spots[-1],
    )
    teller.say(
        '"thank you, {helper}," said {hero}. "[now I have my {thing} again|my {thing} is back]!"'
    )
    where_is(teller, thing.noun, spots[-1])
    teller.fact("[who helped {hero}|who helped]?", "{helper}", "{helper} helped {hero}.")
    teller.fact(
        "what [had {hero} lost|was lost]?", "{a thing.full}", "{hero} had lost {a thing.full}."
    )
    yield "[who seeks with a friend seeks only half as long|ask before you despair]"


def trade_chain(teller: Teller, world: World) -> Beats:
    """One thing is traded for another, again and again; the chain is told at the end."""
    held = world.thing()
    chain = [held]
    traders: list[Person] = []
    teller.new(
        "{hero} had {a held.full}, but [{hero.he} did not need it|it was of no use to {hero.him}|"
        "what {hero.he} wanted was something else].",
        "one day {hero} [found|was given|inherited] {a held.full}. "
        '"what shall I do with {a held}?" {hero.he} asked.',
        held=held,
    )
    yield None
    for _ in range(teller.rng.randint(3, 5)):
        trader, offered = world.person(), world.thing()
        teller.new(
            "[then|soon|on the way to the {place}|at the {place}] {hero} met {trader} the "
            "{trader.role}, who had {a offered.full}. "
            '"[give me your {held}|let me have the {held}], and you shall have my {offered}," said '
            "{trader}. [so {hero} gave {trader} the {held} and took the {offered}|{hero} thought "
            "about it and agreed. Now {trader} had the {held}, and {hero} had the {offered}].",
            '"[is that {a held}|look, {a held}]!" said {trader} the {trader.role}. '
            '"I [need|want|have always wanted] one. [take this {offered.noun} for it|I give you my '
            '{offered} for it]." [they shook hands|{hero} nodded], and the {held} [belonged '
            "to|went "
            "to] {trader}, and the {offered.full} to {hero}.",
            "{trader}, {a trader.role}, [needed|was looking for] {a held}. {hero} needed [none|no "
            "{held}]. So they [traded|made a bargain]: the {held} for {a offered.full}.",
            trader=trader,
            offered=offered,
            held=held,
            place=world.one(words.PLACES),
        )
        if teller.chance(0.3):
            teller.say(
                "now {hero} had {a offered}[, but no {held}| and was happy for an hour|].",
                offered=offered,
                held=held,
            )
        teller.fact(
            "who [got|has] the {held} [now|in the end]?",
            "{trader}",
            "{trader} [got|has] the {held}.",
            held=held,
            trader=trader,
        )
        traders.append(trader)
        held = offered
        chain.append(held)
        yield None
    names = [words.with_article(str(thing)) for thing in chain]
    teller.new(
        "[that evening|in the evening|at home] {hero} [counted on {hero.his} fingers|told it to "
        '{hero.his} {kin}|went over it again]: "{steps}."',
        kin=world.one(words.KIN),
        steps=", ".join(f"{a} for {b}" for a, b in itertools.pairwise(names)),
    )
    teller.say(
        "[at first|in the morning] {hero} had {first}; [at last|now] {hero.he} had {last}.",
        first=names[0],
        last=names[-1],
    )
    teller.fact(
        "what did {hero} have at [first|the beginning]?", "{x}", "{hero} had {x}.", x=names[0]
    )
    teller.fact(
        "what did {hero} have [in|at] the end?",
        "{x}",
        "{hero} had {full}.",
        x=names[-1],
        full=words.with_article(held.full),
    )
    yield "[a thing is worth what somebody gives for it|what one throws away, another needs]"


def quest(teller: Teller, world: World) -> Beats:
    """An elder sends the hero to fetch something from far away, past three obstacles."""
    elder, thing, goal, secret = world.person(), world.thing(), world.place(), world.word()
    teller.bind(elder=elder, thing=thing, secret=secret, far=world.town_name())
    teller.new(
        '[one evening|one day], {elder} the {elder.role} [called|sent for] {hero}. "[go to|travel '
        'to] the {goal} of {far}," said {elder}, "and bring me the {thing.full}. When they ask '
        'for the word, say {secret}." "{secret}," repeated {hero}. "[I will not forget it|to the '
        '{goal} of {far}, for the {thing}]."',
        "{elder}, the oldest {elder.role} of {town}, was [ill|blind|too tired to walk]. "
        '"[only one thing can help me|I need one thing]," said {elder}, "the {thing.full} [that '
        'lies|that is kept] in the {goal} of {far}. the word that opens the {goal} is {secret}." '
        '"the word is {secret}," said {hero}. "I shall go."',
        goal=goal,
    )
    yield None
    journey(teller, world, goal)
    yield None
    guard = world.person(role="guard")
    teller.new(
        '[before the {goal}|at the gate] stood a guard [named|called] {guard}. "[what is the word|'
        'say the word]," said {guard}. {wrong}"{secret}," said {hero}. "{secret} [it is|is '
        'right]," said {guard}, and [opened the gate|stepped aside|let {hero} in].',
        goal=goal,
        guard=guard,
        wrong=teller.fill(
            "",
            '{hero} had forgotten it. "{other}?" {hero.he} tried. "{other} is wrong," said '
            "{guard}. {hero} thought hard. ",
            other=world.word(),
            guard=guard,
        ),
    )
    spot = world.spot()
    teller.new(
        "[inside it was dark|inside it was cold|nobody was inside]. {hero} [searched|looked "
        "around] and found the {thing.full} {spot}. {C hero.he} [took the {thing}|wrapped the "
        "{thing} in a cloth] and [hurried|walked] back to {town}.",
        spot=spot,
    )
    yield None
    teller.new(
        '"[here is|I have brought you] the {thing}, {elder}," said {hero}. {elder} [held|took] the '
        "{thing} in both hands[ and smiled| and wept for joy|]. "
        '"[thank you, {hero}|well done, {hero}]," said {elder}. "was the guard still {guard}?" '
        '"it was {guard}," said {hero}.',
        guard=guard,
    )
    where_is(teller, thing.noun, spot)
    teller.fact(
        "what was the word [for the gate|of the guard]?", "{secret}", "the word was {secret}."
    )
    teller.fact("who sent {hero}?", "{elder}", "{elder} sent {hero} to {far}.")
    teller.fact("where [did {hero} travel|was the {thing} kept]?", "in {far}", "in {far}.")
    teller.fact("[who stood at the gate|who was the guard]?", "{g}", "it was {g}.", g=guard)
    yield "[a good memory opens every gate|who keeps a word in mind never stands outside]"


def borrowed(teller: Teller, world: World) -> Beats:
    """Something is lent for some days; it comes back whole, or broken and mended."""
    friend, thing = world.person(), world.thing()
    first, second = teller.rng.sample(words.DAYS, 2)
    teller.bind(friend=friend, thing=thing, first=first, second=second)
    teller.new(
        '[on {first}|it was {first} when] {hero} went to {friend} the {friend.role}. "[may I '
        'borrow|will you lend me] your {thing}, {friend}?" {hero.he} asked. "you may '
        '[have|borrow] my {thing}," said {friend}, "but bring it back on {second}." "on '
        '{second}," {hero} promised.',
        "{friend}, {a friend.role} and {hero}'s neighbour, had {a thing.full}. On {first} {hero} "
        '[asked for|borrowed] it. "[when will you return the {thing}|until when], {hero}?" asked '
        '{friend}. "[you will have it back|I shall bring it] on {second}," said {hero}.',
    )
    yield None
    broken = teller.chance(0.5)
    if broken:
        mender = world.person()
        teller.bind(mender=mender)
        teller.new(
            "[the next day|before long] the {thing} [broke|fell and broke|slipped from {hero}'s "
            "hands and cracked]. {hero} was [ashamed|frightened|very sorry]. "
            '"what will {friend} say?" {hero.he} thought.',
        )
        yield None
        teller.new(
            "{hero} carried the [broken |]{thing} to {mender}, the best {mender.role} in {town}. "
            '"can you mend {friend}\'s {thing}?" {hero.he} asked. "I can," said {mender}[, "but it '
            'takes until {second}."|.] And {mender} worked [all night|two days|without a pause], '
            "until the {thing} was [whole|as good as new].",
        )
        teller.fact("who mended the {thing}?", "{mender}", "{mender} mended the {thing}.")
        yield None
    teller.new(
        '[{second} came|on {second}], {hero} [brought|took] the {thing} back to {friend}. "[here '
        'is your {thing}|it is {second}, and here is the {thing}], {friend}," said {hero}. {truth}',
        '"[is it {second} already|today is {second}]," said {friend}, and there stood {hero} with '
        "the {thing}. {truth}",
        truth=teller.fill(
            '"it broke, and {mender} mended it. I am sorry." "you told me the truth," said '
            '{friend}. "that is worth more than any {thing}."'
            if broken
            else '"you kept your promise," said {friend}. "you may borrow my {thing} again."',
        ),
    )
    teller.fact(
        "when [did {hero} return the {thing}|did the {thing} come back]?",
        "on {second}",
        "{hero} brought it back on {second}.",
    )
    teller.fact("whose {thing} was it?", "{friend}'s", "it was {friend}'s {thing}.")
    yield "[a promise is a debt|keep your word, and doors stay open|the truth mends more than glue]"


def mystery(teller: Teller, world: World) -> Beats:
    """Something is missing; three people say where they were; one clue tells who took it."""
    thing, spot = world.thing(), world.spot()
    people = [world.person() for _ in range(3)]
    colours = teller.rng.sample(words.COLOURS, 3)
    places = [world.place() for _ in range(3)]
    guilty = teller.rng.randrange(3)
    garment = world.pick(_COATS)
    teller.bind(thing=thing, thief=people[guilty], clue=colours[guilty], garment=garment)
    teller.new(
        "[one night|on a dark night] somebody took the {thing.full} of {town}. [in the morning|at "
        'dawn] people stood in the square. "[who took|who has] our {thing}?" they asked. Only a '
        "thread was left, a {clue} thread. "
        '"[I will find out|leave it to me]," said {hero}.',
        "the {thing.full} of {town} was missing. [nobody had heard anything|no door was broken]. "
        "But {hero} [found|noticed] a small thread on the floor, and the thread was {clue}.",
    )
    yield None
    for person, colour, place in zip(people, colours, places, strict=True):
        teller.new(
            '{hero} asked {person} the {person.role}: "where were you last night?" "[I was at|I '
            'sat in|I did not leave] the {place}," said {person}. {C person.he} wore {a colour} '
            "{garment}.",
            '"[I was at the {place} all night|ask anybody at the {place}]," said {person}, {a '
            "person.role} in {a colour} {garment}.",
            "in {a colour} {garment} sat {person}, the {person.role}. "
            '"and you, {person}?" asked {hero}. "at the {place}," said {person}, "as every night."',
            person=person,
            colour=colour,
            place=place,
        )
        teller.fact(
            "[what colour was {person}'s {garment}|who can say what colour {person}'s {garment} "
            "was]?",
            "{colour}",
            "{person}'s {garment} was {colour}.",
            person=person,
            colour=colour,
        )
        teller.fact(
            "where [was {person}|did {person} say {person.he} was]?",
            "at the {place}",
            "{person} was at the {place}, or said so.",
            person=person,
            place=place,
        )
        if teller.chance(0.3):
            yield None
    teller.new(
        "{hero} [thought|looked at the thread]. "
        '"the thread is {clue}," {hero.he} said, "and who wears {a clue} '
        '{garment}? {thief} does!" {thief} [turned pale|looked at the floor]. "[it is true|yes]," '
        'said {thief}. "the {thing} is {spot}." And {spot} they found it.',
        '"{a clue} thread from {a clue} {garment}," said {hero}. "it was you, {thief}." "[I only '
        'wanted to look at it|I was going to bring it back]," said {thief}. "it is {spot}."',
        spot=spot,
    )
    where_is(teller, thing.noun, spot)
    teller.fact("who took the {thing}?", "{thief}", "{thief} took the {thing}.")
    yield "[a small thread can hold a big lie|the truth leaves a thread]"


def message(teller: Teller, world: World) -> Beats:
    """A message goes from mouth to mouth and arrives whole, or with one word changed."""
    receiver, place, thing = world.person(), world.place(), world.thing()
    day = world.one(words.DAYS)
    exact = teller.fill(
        "[come to|come at once to|be at] the {place} on {day} and bring the {thing.full}"
        if teller.chance(0.5)
        else "the {thing.full} is at the {place}, and {hero} will wait there on {day}",
        place=place,
        thing=thing,
        day=day,
    )
    teller.bind(receiver=receiver, thing=thing, day=day, place=place, exact=exact)
    teller.new(
        "{hero} had a message for {receiver} the {receiver.role}, but {hero.he} [could not leave "
        "the house|"
        'had hurt {hero.his} foot|had too much work]. The message was: "{exact}."',
        '"[tell|please tell] {receiver}," said {hero}: "{exact}."',
    )
    yield None
    carriers = [world.person() for _ in range(teller.rng.randint(2, 4))]
    for person, following in zip(carriers, [*carriers[1:], receiver], strict=True):
        teller.new(
            "{person} the {person.role} [carried the message|ran with it] to {following}. "
            '"[{hero} says|this is from {hero}|listen]," said {person}: "{exact}."',
            '"{exact}," {person} [repeated|said again and again] on the way to {following}, so as '
            'not to forget it. "{exact}," {person.he} told {following}.',
            '{person} knocked at the door of {following}. "what is it, {person}?" "{hero} says: '
            '{exact}." "{exact}?" asked {following}. "{exact}," said {person}, and left.',
            person=person,
            following=following,
        )
        if teller.chance(0.3):
            yield None
    teller.new(
        "[so|and so] {receiver} [knew what to do|went to the {place} on {day}|put on "
        "{receiver.his} hat and went]. {hero} was [already there|glad to see {receiver.him}]. "
        '"[what did they tell you|how did the message reach you]?" asked {hero}. "{exact}," said '
        "{receiver}[, word for word|]."
    )
    teller.fact(
        "[who carried|who was the first to carry] the message?",
        "{x}",
        "{x} carried the message first.",
        x=carriers[0],
    )
    teller.fact(
        "what [did the message say|was the message]?",
        '"{exact}"',
        'it was: "{exact}."',
    )
    teller.fact("who was the message for?", "{receiver}", "it was for {receiver}.")
    teller.fact("[on which day|when] should they meet?", "on {day}", "on {day}.")
    yield "[a true word travels far|say it again, and it stays the same]"


def hidden_gift(teller: Teller, world: World) -> Beats:
    """A gift wanders from hiding place to hiding place; only one person knows the last one."""
    friend, curious, thing = world.person(), world.person(), world.thing()
    teller.bind(friend=friend, curious=curious, thing=thing)
    teller.new(
        "[it was {friend}'s birthday soon|the birthday of {friend} the {friend.role} came near], "
        "and {hero} had [bought|made|found] {a thing.full} for {friend.him}. But {curious} the "
        "{curious.role} [wanted to know everything|could not keep a secret].",
    )
    spots = [world.spot() for _ in range(teller.rng.randint(2, 4))]
    for index, spot in enumerate(spots):
        yield None
        if index == 0:
            teller.new("{hero} [hid|put] the {thing} {spot}.", spot=spot)
        else:
            teller.new(
                "[but {curious} looked {old}|{curious} came near]. So {hero} [took|moved] the "
                "{thing} from where it was and [hid|put] it {spot}.",
                '"what is that {old}?" asked {curious}. "nothing," said {hero}. When {curious} had '
                "gone, {hero} carried the {thing} away and hid it {spot}.",
                spot=spot,
                old=spots[index - 1],
            )
    yield None
    teller.new(
        '[the day came|at last it was the day]. "[happy birthday, {friend}|look {spot}, '
        '{friend}]!" '
        "said {hero}. {friend} looked {spot} and found the {thing.full}. "
        '"{a thing}!" said {friend}. "[just what I wished for|I shall keep it all my life]!"',
        "on the birthday {friend} [had to search|was led through the house]. [first {friend.he} "
        "looked {first}, but there was nothing. |]At last {friend.he} looked {spot}, and there was "
        "the {thing}.",
        spot=spots[-1],
        first=spots[0],
    )
    where_is(teller, thing.noun, spots[-1])
    teller.fact("where was the {thing} hidden first?", "{x}", "first it was {x}.", x=spots[0])
    teller.fact("who [got|was given] the {thing}?", "{friend}", "{friend} got the {thing}.")
    teller.fact("who was curious?", "{curious}", "{curious} was curious.")
    yield "[a secret needs a good hiding place|joy grows when it is kept a while]"


FINDING_PLOTS = (lost_thing, trade_chain, quest, borrowed, mystery, message, hidden_gift)
