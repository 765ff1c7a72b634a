"""Plots in which people do something together: contests, riddles, work, rescues, growing chains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm.corpus.synthetic import words
from llm.corpus.synthetic.plots import Beats, listed
from llm.corpus.synthetic.scenes import journey

if TYPE_CHECKING:
    from llm.corpus.synthetic.cast import World
    from llm.corpus.synthetic.grammar import Teller

_RIDDLES = (
    ("what has teeth but cannot bite", "a comb"),
    ("what has a neck but no head", "a bottle"),
    ("what runs all day and never gets tired", "a river"),
    ("what grows shorter the longer it stands", "a candle"),
    ("what has one eye and cannot see", "a needle"),
    ("what is full of holes and still holds water", "a sponge"),
    ("what has hands but cannot clap", "a clock"),
    ("what gets wetter the more it dries", "a towel"),
    ("what goes up and never comes down", "your age"),
    ("what has legs but cannot walk", "a table"),
    ("what can you break without touching it", "a promise"),
    ("what has leaves but is no tree", "a book"),
    ("what is yours but others use it more", "your name"),
    ("what speaks every language in the world", "an echo"),
    ("what falls in winter and is never hurt", "snow"),
    ("what has a bed but never sleeps", "a stream"),
)
_CRAFTS = {
    "baker": ("knead the dough", "heat the oven", "wait until the crust is brown"),
    "gardener": ("dig the ground", "sow the seeds", "water them in the evening"),
    "potter": ("wet the clay", "turn the wheel", "let the pot dry"),
    "fisher": ("mend the net", "row to the deep water", "wait without a word"),
    "weaver": ("comb the wool", "set the loom", "count the threads"),
    "carpenter": ("measure the board twice", "cut it once", "smooth the edge"),
    "smith": ("feed the fire", "heat the iron", "strike while it glows"),
    "cook": ("wash the beans", "chop the onions", "taste before you serve"),
    "tailor": ("measure the cloth", "cut along the chalk", "sew with small stitches"),
    "shepherd": ("count the sheep", "watch the sky", "keep the dog close"),
}


def contest(teller: Teller, world: World) -> Beats:
    """Three compete for a prize; ranks are told, recalled, and the loser is consoled."""
    people = [world.person() for _ in range(2)]
    hero = teller.names["hero"]
    prize, place = world.thing(), world.place()
    order = teller.rng.sample([hero, *people], 3)
    deed = world.one(("race", "swimming match", "singing contest", "cooking contest", "boat race"))
    teller.bind(
        prize=prize, first=order[0], second=order[1], third=order[2], deed=deed, place=place
    )
    teller.new(
        "every {season} there was a {deed} at the {place} of {town}, and the prize was {a "
        "prize.full}. This time three [took part|wanted to win]: {names}.",
        '"who will win the {prize.full}?" asked everyone in {town}. For the {deed} at the {place} '
        "there were three names on the list: {names}.",
        season=world.one(words.SEASONS),
        names=listed([str(hero), *map(str, people)]),
    )
    yield None
    teller.new(
        '"[I shall win|the {prize} is mine]," said {a}. "[we shall see|not if I am there]," said '
        "{b}. {c} [said nothing|only smiled|tied {c.his} boots].",
        a=people[0],
        b=hero,
        c=people[1],
    )
    yield None
    teller.new(
        "[the bell rang|somebody blew a horn|a flag went down], and the {deed} began. [at first|in "
        "the beginning] {third} [was ahead|did best], then {second}. But [at the end|when it "
        "mattered] it was {first} who [was the best of all|left the others behind].",
        "{third} [began too fast|was nervous] and soon fell behind. {second} did well, very well. "
        "but {first} [did better|was better still].",
    )
    teller.new(
        "[the judge|the mayor] read it out: {first} was first, {second} was second, and {third} "
        "was third. {first} [was given|took home] the {prize.full}.",
        '"first: {first}! second: {second}! third: {third}!" called the judge, and {first} held up '
        "the {prize}.",
    )
    yield None
    teller.new(
        '{third} was [sad|close to tears]. "[do not be sad|never mind], {third}," said {first}, '
        '"[next time you will do better|come to my house and we will eat {a food}]." '
        "{third} [smiled again|felt better].",
        "{first} [cut|shared] the prize money [with|between] {second} and {third}, and kept only "
        "the {prize}.",
        food=world.one(words.FOODS),
    )
    for rank in ("first", "second", "third"):
        teller.fact(f"who was {rank}?", "{x}", f"{{x}} was {rank}.", x=teller.names[rank])
    teller.fact("what was the prize?", "{a prize.full}", "the prize was {a prize.full}.")
    yield "[winning is short, friendship is long|a good loser wins a friend]"


def visitor(teller: Teller, world: World) -> Beats:
    """A stranger is turned away at several doors, taken in at the last, and repays it."""
    guest = world.person()
    doors = [world.person() for _ in range(teller.rng.randint(2, 3))]
    gift, home = world.thing(), world.town_name()
    teller.bind(guest=guest, gift=gift, home=home)
    teller.new(
        "on a {weather} evening [a stranger|an unknown {guest.man}] came to {town}. {guest.his} "
        "name was {guest}, and {guest.he} came from {home}.",
        "nobody in {town} had ever seen {guest}, who [had walked|came on foot] all the way from "
        "{home}. It was {weather}, and {guest} was [cold|tired|hungry].",
        weather=world.one(words.WEATHER),
    )
    excuses = teller.rng.sample(
        (
            "my house is full",
            "my soup is cold",
            "come back tomorrow",
            "my dog does not like guests",
        ),
        len(doors),
    )
    for door, excuse in zip(doors, excuses, strict=True):
        teller.new(
            '{guest} knocked at the door of {door} the {door.role}. "[may I come in|is there a bed '
            'for me]?" asked {guest}. "{excuse}," said {door}, and shut the door.',
            '"{excuse}," said {door}, the {door.role}, when {guest} asked for a bed.',
            door=door,
            excuse=excuse,
        )
        teller.fact(
            "what did {door} say?", '"{e}"', '{door} said, "{e}."', door=door, e=excuse.capitalize()
        )
    yield None
    teller.new(
        'at last {guest} came to the house of {hero}. "[may I come in|is there a bed for me]?" '
        'asked {guest}. "[come in|you are welcome], {guest} [from|of] {home}," said {hero}. '
        "{C hero.he} [made a fire|warmed some soup|gave {guest} the best chair]."
    )
    yield None
    teller.new(
        "{guest} told [long stories of|much about] {home}, where {custom}. {hero} listened until "
        "midnight.",
        custom=teller.phrase(
            "[every house has a {colour} door|the {s animal} sleep on the roofs|people greet each "
            "other with the word {word}]",
            colour=world.one(words.COLOURS),
            animal=world.one(words.ANIMALS),
            word=world.word(),
        ),
    )
    yield None
    teller.new(
        "in the morning {guest} was gone. On the table [lay|stood] {a gift.full} and a note: "
        '"[for {hero}|to {hero}], who opened the door. {guest} of {home}."',
        "when {guest} left, {guest.he} gave {hero} {a gift.full}. "
        '"[it is for you|take it], {hero}," said {guest}, "because [{names} shut their doors, but '
        'you did not|you opened your door]."',
        names=listed([str(door) for door in doors]),
    )
    teller.fact("where did {guest} come from?", "{home}", "{guest} came from {home}.")
    teller.fact("what did {hero} get?", "{a gift.full}", "{hero} got {a gift.full}.")
    teller.fact("who [opened|did open] the door?", "{hero}", "{hero} opened the door.")
    yield "[an open door is the best gift|be kind to strangers]"


def building(teller: Teller, world: World) -> Beats:
    """Friends build something; everyone brings a part, and the list is recalled in order."""
    thing = world.pick(words.VEHICLES)
    people = [world.person() for _ in range(teller.rng.randint(2, 4))]
    parts = teller.rng.sample(words.MATERIALS, len(people))
    name = world.word().capitalize()
    teller.bind(thing=thing, name=name)
    teller.new(
        '"[let us build|why do we not build] {a thing}," said {hero}. [everyone liked it|and so it '
        'began]. "[who brings what|what do we need]?"',
        "{hero} wanted to build {a thing}, but [nobody builds {a thing} alone|alone it could not "
        "be done].",
    )
    for person, part in zip(people, parts, strict=True):
        teller.say(
            '"I [have|will bring] the {part}," said {person}.',
            "{person} the {person.role} brought {part}.",
            '"{part}? I have {part} at home," said {person} the {person.role}.',
            person=person,
            part=part,
        )
        teller.fact(
            "what did {person} bring?",
            "{part}",
            "{person} brought {part}.",
            person=person,
            part=part,
        )
        teller.fact(
            "who brought the {part}?",
            "{person}",
            "{person} brought the {part}.",
            person=person,
            part=part,
        )
    yield None
    days = teller.rng.randint(3, 12)
    teller.new(
        "{names} worked for {days} days. [they sang while they worked|they quarrelled once, "
        "because of the {first}, but only once].",
        "it took {days} days. {hero} [measured|counted], and {names} [hammered|lifted|held the "
        "{first}].",
        names=listed([str(person) for person in people]),
        days=words.NUMBERS[days],
        first=parts[0],
    )
    yield None
    teller.new(
        '"[it needs a name|what shall we call it]," said {hero}. "{name}," said {person}. '
        '"{name}?" "{name}!" [everyone shouted|they all agreed], and {person} painted {name} on '
        "the side.",
        "they [called|named] the {thing} {name}. [nobody knew why|it was {person}'s idea].",
        person=people[-1],
    )
    yield None
    teller.new(
        "[on the first day|when it was ready], the {name} [moved|rolled|went] as if by itself. "
        '"[the {parts} were worth it|{parts}: that is all it took]," said {hero}.',
        parts=listed(parts),
    )
    teller.fact("what was the {thing} called?", "{name}", "it was called {name}.")
    teller.fact(
        "how many days did they work?", "{d}", "they worked for {d} days.", d=words.NUMBERS[days]
    )
    yield "[many hands build fast|what we build together belongs to all]"


def animal_friend(teller: Teller, world: World) -> Beats:
    """The hero saves an animal; later, in danger, the animal comes when its name is called."""
    animal, name, place = world.animal(), world.word().capitalize(), world.place()
    teller.bind(animal=animal, name=name, place=place)
    teller.new(
        "[one day|one morning|once], near the {place}, {hero} [heard a small cry|saw something "
        "move]. It was {a colour} {animal} [in a trap|with a hurt foot|that had fallen into a "
        "hole]. "
        '"[poor {animal}|be still]," said {hero}. "I shall call you {name}."',
        "{hero} found {a colour} {animal} by the {place}. [it was thin and afraid|it could not "
        'walk]. "{name}," said {hero}, "your name is {name}."',
        colour=world.one(words.COLOURS),
    )
    yield None
    food = world.one(words.FRUITS + words.VEGETABLES)
    teller.new(
        "{hero} fed {name} with {s food} and [washed the wound|made a bed of straw]. "
        "[after {days} days|soon] {name} [was well again|could run again], and {hero} [opened the "
        "door|let the {animal} go]. "
        '"[farewell|goodbye], {name}," {hero.he} said.',
        food=food,
        days=world.one(words.NUMBERS[3:13]),
    )
    yield None
    journey(teller, world, world.place())
    teller.new(
        "[but on the way back|on the way home], {hero} [lost the way in the fog|fell into a deep "
        "hole|was caught in a storm]. Nobody [heard|came]. "
        '"[help|is anybody there]!" {hero.he} [called|cried]. Then {hero.he} thought of the '
        '{animal}. "{name}!" {hero.he} called. "{name}! {name}!"',
    )
    yield None
    teller.new(
        "who came running? It was {name}[, the {animal} from the {place}|]. {name} [pulled {hero} "
        "out|led {hero} on|showed {hero} the way] step by step, until {hero.he} saw the lights of "
        "{town}.",
        "[something moved in the dark|there was a sound]: {name}! The {animal} had not forgotten "
        "the {s food}. {name} ran ahead, and {hero} followed {name} to {town}.",
        food=food,
    )
    teller.new(
        '"you saved me, {name}," said {hero}. [from then on|after that] there were always {s food} '
        "for {name} at {hero}'s door.",
        food=food,
    )
    teller.fact("what was the name of the {animal}?", "{name}", "its name was {name}.")
    teller.fact("what kind of animal was {name}?", "{a animal}", "{name} was {a animal}.")
    teller.fact("what did {name} [eat|like to eat]?", "{s food}", "{name} ate {s food}.", food=food)
    teller.fact("where did {hero} find {name}?", "near the {place}", "near the {place}.")
    yield "[a good deed comes back|no friend is too small]"


def apprentice(teller: Teller, world: World) -> Beats:
    """A craft is learned in three rules, said after the master, forgotten once, then known."""
    craft = teller.choose(tuple(_CRAFTS))
    rules = _CRAFTS[craft]
    master, pupil = world.person(role=craft), world.person()
    teller.bind(master=master, pupil=pupil, craft=craft, one=rules[0], two=rules[1], three=rules[2])
    teller.new(
        "{hero} knew a {pupil.child} called {pupil} who wanted to become {a craft}. So {hero} took "
        "{pupil} to {master}, the [best|oldest] {craft} [of|in] {town}.",
        "{master} was the {craft} of {town}, and one day {hero} brought a pupil, {pupil}, who "
        "wished to learn.",
    )
    for number, rule in zip(("first", "second", "third"), rules, strict=True):
        teller.new(
            f'"the {number} rule," said {{master}}, "is: {{rule}}." "{{rule}}," '
            "[repeated|said] {pupil}.",
            f'[on|in] the {number} [day|week] {{master}} said: "{{rule}}." "{{rule}}?" asked '
            '{pupil}. "{rule}," said {master}.',
            rule=rule,
        )
        teller.fact(
            f"what was the {number} rule?",
            '"{r}"',
            f'the {number} rule was: "{{r}}."',
            r=rule.capitalize(),
        )
        yield None
    teller.new(
        "[then {pupil} tried alone|the next day {pupil} had to work alone], and [everything went "
        'wrong|it was a disaster]. "what did you forget?" asked {master}. "{forgotten}," said '
        '{pupil}[ softly|]. "{forgotten}," {master} nodded.',
        forgotten=teller.choose(rules),
    )
    yield None
    teller.new(
        '"say [it all|the three rules]," said {master}. "{one}, {two}, {three}," said {pupil}. '
        '"[good|again]!" "{one}, {two}, {three}." [and it was never forgotten|and from then on '
        "{pupil} made no mistake].",
    )
    teller.fact("who taught {pupil}?", "{master}", "{master} taught {pupil}.")
    teller.fact("what did {pupil} become?", "{a craft}", "{pupil} became {a craft}.")
    yield "[who repeats will remember|learn slowly, keep it long]"


def riddles(teller: Teller, world: World) -> Beats:
    """Two people ask each other riddles; who cannot answer gives something away."""
    rival, stake = world.person(), world.thing()
    teller.bind(rival=rival, stake=stake)
    teller.new(
        "{rival} the {rival.role} [loved|knew a hundred] riddles. "
        '"[if you answer them all|answer three], {hero}," said {rival}, "my {stake.full} is '
        'yours." "ask," said {hero}.',
        '"[shall we play|a riddle game]?" said {rival}, {a rival.role}. "I bet my {stake.full}." '
        '"and I bet [my hat|a coin|my supper]," said {hero}.',
    )
    asked = teller.rng.sample(_RIDDLES, teller.rng.randint(3, 4))
    for riddle, answer in asked:
        teller.new(
            '"{riddle}?" asked {rival}. {hero} [thought|closed {hero.his} eyes|laughed]. '
            '"{answer}," [said {hero}|{hero} answered]. "[right|correct|yes], {answer}," said '
            "{rival}.",
            '"listen, {hero}: {riddle}?" "[is it {wrong}|{wrong}]?" "no, not {wrong}." "then it is '
            '{answer}." "{answer}! [Right!|How did you know?]"',
            riddle=riddle,
            answer=answer,
            wrong=words.with_article(world.pick(words.ANIMALS)),
        )
        teller.fact("{q}?", "{answer}", "{answer}.", q=riddle, answer=answer)
        if teller.chance(0.3):
            yield None
    teller.new(
        'now it was {hero}\'s turn. "[what have I|guess what I have] in my pocket?" {hero.he} '
        'asked. {rival} [guessed and guessed|did not know]. "{a thing}," said {hero}, "and now '
        'give me the {stake}." And {rival} gave {hero} the {stake.full}.',
        "{rival} sighed and [laid|put] the {stake.full} on the table. "
        '"it is yours, {hero}," said {rival}[. "{answers}: you knew them all."|.]',
        thing=world.thing(),
        answers=listed([answer for _, answer in asked]),
    )
    teller.fact("what did {hero} win?", "{a stake.full}", "{hero} won {a stake.full}.")
    teller.fact("who asked the riddles?", "{rival}", "{rival} asked the riddles.")
    yield "[a quick mind needs no sword|the answer is often close at hand]"


def market(teller: Teller, world: World) -> Beats:
    """The hero buys several things from several people, loses one, and counts what is left."""
    count = teller.rng.randint(3, 4)
    sellers, wares = [world.person() for _ in range(count)], [world.thing() for _ in range(count)]
    prices = [words.NUMBERS[teller.rng.randint(2, 9)] for _ in range(count)]
    teller.new(
        "it was market day in {town}. {hero} took a basket and a list. On the list stood: {wares}.",
        '"[I need|today I must buy] {wares}," said {hero}, and went to the market of {town}.',
        wares=listed([words.with_article(thing.noun) for thing in wares]),
    )
    yield None
    for seller, thing, price in zip(sellers, wares, prices, strict=True):
        teller.new(
            '{seller} [sold|had] {a thing.full}. "how much is the {thing}?" asked {hero}. '
            '"{price} coins," said {seller}. "{price} coins for {a thing}!" said {hero}, and paid '
            "{price} coins.",
            "from {seller} {hero} bought {a thing.full} for {price} coins.",
            '"{a thing.full}!" said {seller}, and held it up. "for you, {hero}, only {price} '
            'coins." '
            "{hero} [paid|counted the coins] and put the {thing} into the basket.",
            seller=seller,
            thing=thing,
            price=price,
        )
        teller.fact(
            "what did the {thing} cost?",
            "{price} coins",
            "the {thing} cost {price} coins.",
            thing=thing,
            price=price,
        )
        teller.fact(
            "who sold the {thing}?",
            "{seller}",
            "{seller} sold the {thing}.",
            thing=thing,
            seller=seller,
        )
        if teller.chance(0.3):
            yield None
    gone = teller.rng.randrange(count)
    left = [words.with_article(t.noun) for i, t in enumerate(wares) if i != gone]
    teller.new(
        "on the way home [there was a hole in the basket|{a animal} ran against {hero}], and the "
        "{gone} [fell into the river|was lost]. At home {hero} [counted|unpacked]: {left}. "
        '"and the {gone}?" asked {hero.his} {kin}. "the {gone} is gone," said {hero}.',
        animal=world.one(words.ANIMALS),
        gone=wares[gone],
        left=listed(left),
        kin=world.one(words.KIN),
    )
    teller.fact("what was lost on the way home?", "the {x}", "the {x} was lost.", x=wares[gone])
    teller.fact("what was left in the basket?", "{x}", "{x} were left.", x=listed(left))
    yield "[look at your basket before you look at the sky|count at home, not only at the market]"


def growing_chain(teller: Teller, world: World) -> Beats:
    """A chain that grows by one helper in each verse and is said again from the start."""
    thing = world.pick(words.VEGETABLES)
    count = teller.rng.randint(3, 5)
    helpers = [world.animal() for _ in range(count)]
    names = [world.word().capitalize() for _ in range(count)]
    teller.bind(thing=thing)
    teller.new(
        "{hero} had planted {a thing}, and it had grown [as big as a house|bigger than a cart]. "
        "{hero} pulled and pulled, but the {thing} [did not move|stayed in the ground].",
        "in the garden of {hero} stood {a thing} so [big|huge] that nobody could pull it out. "
        "{hero} pulled, and the {thing} stayed where it was.",
    )
    yield None
    chain = [f"{teller.names['hero']} pulled the {thing}"]
    previous = str(teller.names["hero"])
    last = count - 1
    for index, (animal, name) in enumerate(zip(helpers, names, strict=True)):
        chain.insert(0, f"{name} the {animal} pulled {previous}")
        previous = name
        teller.new(
            "so {hero} called {name} the {animal}. {chain}. [they pulled and pulled|one, two, "
            "three, pull], {end}.",
            "then came {name} the {animal}. {chain}. {end_again}.",
            name=name,
            animal=animal,
            chain=listed(chain),
            end=f"and out came the {thing}" if index == last else f"but the {thing} did not move",
            end_again=f"At last the {thing} came out" if index == last else f"The {thing} stayed",
        )
        teller.fact(
            "what animal was {name}?",
            "{a animal}",
            "{name} was {a animal}.",
            name=name,
            animal=animal,
        )
    yield None
    teller.new(
        "that evening there was {thing} soup for {names}[, and nobody said a word until the pot "
        "was empty|].",
        names=listed([str(teller.names["hero"]), *names]),
    )
    teller.fact("who came last?", "{x}", "{x} came last.", x=names[-1])
    teller.fact("who came first to help?", "{x}", "{x} came first.", x=names[0])
    yield "[even the smallest helper may be the one that was missing|together we are strong]"


def wishes(teller: Teller, world: World) -> Beats:
    """Three wishes are granted by a speaking animal; the last takes back one of the others."""
    animal, name = world.animal(), world.word().capitalize()
    first, second = world.thing(), world.thing()
    teller.bind(animal=animal, name=name, first=first, second=second)
    teller.new(
        "one day {hero} caught {a animal} [that could speak|with silver eyes]. "
        '"[let me go|set me free]," said the {animal}, "and you have three wishes. Call me by my '
        'name, {name}, and say what you wish."',
        "by the {place} {hero} met {a animal}. "
        '"my name is {name}," said the {animal}. "you gave me bread once, so I give you three '
        'wishes. Call {name}, and I come."',
        place=world.one(words.PLACES),
    )
    for number, thing in (("first", first), ("second", second)):
        yield None
        teller.new(
            f'"{{name}}, {{name}}," called {{hero}}, "I wish for {{a thing.full}}!" '
            f"[That was the {number} wish|It was the {number} wish], and "
            "[there lay|there it was,] {a thing.full}.",
            f'the {number} wish was soon made. "{{name}}, give me {{a thing.full}}," said '
            "{hero}, and it was done.",
            thing=thing,
        )
        teller.fact(
            f"what was the {number} wish?",
            "{a thing.full}",
            f"the {number} wish was {{a thing.full}}.",
            thing=thing,
        )
    yield None
    teller.new(
        "but [the {first} and the {second} brought only trouble|everyone wanted to have the "
        "{first}, and thieves came for the {second}]. {hero} could not sleep[ any more|]. "
        '"{name}, {name}," {hero.he} called, "[take back|take away] the {first} and the {second}, '
        'and let all be as it was." That was the third wish, and {name} the {animal} laughed.',
    )
    teller.fact("who gave the wishes?", "{name}", "{name} the {animal} gave the wishes.")
    yield "[be careful what you wish for|enough is better than much]"


def storm(teller: Teller, world: World) -> Beats:
    """A storm; people are missing; each is found in another place, and a count is kept."""
    count = teller.rng.randint(3, 4)
    people, places = [world.person() for _ in range(count)], [world.place() for _ in range(count)]
    teller.bind(total=words.NUMBERS[count])
    teller.new(
        "[a great storm|the worst storm in years] came over {town}. [trees fell|the river rose|the "
        "lamps went out]. When it was over, {total} people were missing: {names}.",
        'the bell of {town} rang in the night. "the water is coming!" [In the morning|At dawn] '
        "{total} were missing: {names}.",
        names=listed([str(person) for person in people]),
    )
    yield None
    for left, index in zip(
        reversed(range(count)), teller.rng.sample(range(count), count), strict=True
    ):
        teller.new(
            "{hero} found {person} the {person.role} at the {place}[, wet and cold|, asleep on a "
            'bench|, high in a tree]. "[now|so] {left}," said {hero}.',
            'at the {place} [somebody called|there was a light]. "[is that you|who is there], '
            '{person}?" "[it is me|yes], {person}!" {left_capital}.',
            person=people[index],
            place=places[index],
            left=_still(left),
            left_capital=_still(left).capitalize(),
        )
        teller.fact(
            "where was {person}?",
            "at the {place}",
            "{person} was at the {place}.",
            person=people[index],
            place=places[index],
        )
        if teller.chance(0.4):
            yield None
    teller.new(
        "[all {total} were safe|nobody was lost]. They [sat|stood] around {hero}'s fire, {names}, "
        "and [drank hot milk|told how it had been].",
        names=listed([str(person) for person in people]),
    )
    yield "[after the storm we count our friends|a town is as strong as its neighbours]"


def _still(count: int) -> str:
    if count == 0:
        return "nobody is missing"
    return f"{words.NUMBERS[count]} {'is' if count == 1 else 'are'} still missing"


DEED_PLOTS = (
    contest,
    visitor,
    building,
    animal_friend,
    apprentice,
    riddles,
    market,
    growing_chain,
    wishes,
    storm,
)
