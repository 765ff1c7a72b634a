"""Documents that teach a word and use it again: glossaries, echoes, lists, facts with questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from llm.corpus.synthetic import words
from llm.corpus.synthetic.plots import listed

if TYPE_CHECKING:
    from llm.corpus.synthetic.cast import World
    from llm.corpus.synthetic.grammar import Teller

_USES = {
    "tool": ("worked with", "cleaned", "borrowed", "sharpened"),
    "vessel": ("filled", "emptied", "carried", "washed"),
    "garment": ("wore", "folded", "mended", "washed"),
    "piece of furniture": ("moved", "painted", "polished", "sat by"),
    "vehicle": ("drove", "repaired", "waited for", "stopped"),
    "instrument": ("played", "tuned", "listened to", "practised on"),
    "animal": ("fed", "followed", "called", "stroked"),
    "fruit": ("ate", "picked", "peeled", "shared"),
    "food": ("cooked", "tasted", "warmed", "shared"),
    "vegetable": ("boiled", "planted", "chopped", "bought"),
    "plant": ("watered", "picked", "drew", "smelled"),
    "place": ("visited", "walked to", "left", "looked for"),
}

_SENTENCES = (
    "{person} {used} the {entry.word}.",
    "[yesterday|today|on {day}] {person} {used} the {entry.word}[ again|].",
    "{person} has {a entry.word}.",
    '"[where is|I like|look at] the {entry.word}," said {person}.',
    "one {entry.word}, two {s entry.word}.",
    "the {entry.word} of {person} is {colour}.",
    "there is no {entry.word} like the {entry.word} of {person}.",
)


class _Entry(NamedTuple):
    word: str
    kind: str
    noun: str
    colour: str


def _entry(world: World) -> _Entry:
    kind = world.one(tuple(_USES))
    return _Entry(world.word(), kind, world.one(words.NOUN_KINDS[kind]), world.one(words.COLOURS))


def glossary(teller: Teller, world: World) -> None:
    """Invented nouns are defined, used by people, and asked for."""
    entries = [_entry(world) for _ in range(teller.rng.randint(4, 7))]
    teller.line(
        teller.fill(
            "[Words|New words|A small word book] [of|from] {town}",
            town=world.town,
        )
    )
    for entry in entries:
        teller.new(
            "{a entry.word} is a kind of {entry.noun}.",
            "{a entry.word} is {a entry.colour} {entry.noun}[ from {town}|].",
            "in {town} {a entry.noun} is called {a entry.word}.",
            "{entry.word}: {a entry.noun}[, usually {entry.colour}|].",
            'the word "{entry.word}" means {entry.noun}.',
            entry=entry,
            town=world.town,
        )
        person = world.person()
        for sentence in teller.rng.sample(_SENTENCES, teller.rng.randint(1, 3)):
            teller.say(
                sentence,
                entry=entry,
                person=person,
                used=teller.choose(_USES[entry.kind]),
                day=world.one(words.DAYS),
                colour=entry.colour,
            )
    for entry in teller.rng.sample(entries, min(4, len(entries))):
        teller.new(
            "what is {a entry.word}? {a entry.word} is a kind of {entry.noun}.",
            "[what do people in {town} call|what is the word for] {a entry.noun}? {a entry.word}.",
            'what does "{entry.word}" mean? It means {entry.noun}.',
            "which word means {entry.noun}? The word {entry.word}.",
            "[Question: What|What] is {a entry.word}?\n[Answer: |]{A}.",
            entry=entry,
            town=world.town,
            A=words.with_article(entry.noun).capitalize(),
        )


def echo(teller: Teller, world: World) -> None:
    """A teacher says words and sentences, the pupils say them again, forwards and changed."""
    teacher, pupils = world.person(role="teacher"), [world.person() for _ in range(3)]
    teller.new(
        "in the school of {town} {teacher} [taught|had] {count} pupils: {names}. "
        '"[say it after me|repeat what I say]," said {teacher}.',
        town=world.town,
        teacher=teacher,
        count="three",
        names=listed([str(pupil) for pupil in pupils]),
    )
    for _ in range(teller.rng.randint(7, 13)):
        first, second, third = world.word(), world.word(), world.word()
        teller.new(
            '{teacher} says "{x}". "{x}," repeats {pupil}.',
            '"{x}," said {teacher}. "{x}," said {pupil}. "[again|once more]!" "{x}."',
            '"{x} and {y}," said {teacher}. "{x} and {y}," {pupil} repeated.',
            '"{x}, {y}, {z}," said {teacher}. "{x}, {y}, {z}," said the pupils.',
            '"say {x} twice," said {teacher}. "{x} {x}," said {pupil}.',
            '"what comes after {x} in {x}, {y}, {z}?" asked {teacher}. "{y}," said {pupil}.',
            '"{x}, {y}, {z}. what was the first word?" "{x}," said {pupil}. "and the last?" "{z}."',
            '"{x}, {y}, {z}. which one was in the middle?" asked {teacher}. "{y}," said {pupil}.',
            '"now backwards: {x}, {y}, {z}." "{z}, {y}, {x}," said {pupil}.',
            '"one {x}," said {teacher}. "two {s x}," said {pupil}.',
            '"put {x} before {y}," said {teacher}. "{x} {y}," {pupil} wrote.',
            '"take {y} away from {x}, {y}, {z}." "{x}, {z}," said {pupil}.',
            '"write {x} with a big letter," said {teacher}. {pupil} wrote {C x}.',
            '"who knows the word {x}?" asked {teacher}. "I know {x}," said {pupil}. "{x} is {a '
            'thing}."',
            '"{C x} gave the {y} to {C z}," read {teacher}. "who gave the {y}?" "{C x}," said '
            '{pupil}. "who got it?" "{C z}."',
            "{teacher} wrote three words on the wall: {x}, {y}, {z}. {pupil} read them aloud: {x}, "
            "{y}, {z}.",
            '"{x} is {colour}," said {teacher}. "what is {colour}?" "{x}," said {pupil}.',
            '"instead of {x} say {y}," said {teacher}. "{y}," said {pupil}.',
            teacher=teacher,
            pupil=teller.choose(pupils),
            x=first,
            y=second,
            z=third,
            thing=world.one(words.NOUNS),
            colour=world.one(words.COLOURS),
        )
    if teller.chance(0.5):
        teller.new(
            '[the bell rang|it was noon]. "[goodbye|until tomorrow], {teacher}," said {names}.',
            teacher=teacher,
            names=listed([str(pupil) for pupil in pupils]),
        )


def lists(teller: Teller, world: World) -> None:
    """Lists of invented and common things are packed, checked in order, changed and read again."""
    owner, other = world.person(), world.person()
    teller.bind(owner=owner, other=other, town=world.town)
    for _ in range(teller.rng.randint(2, 3)):
        items = [
            world.word() if teller.chance(0.7) else world.pick(words.NOUNS)
            for _ in range(teller.rng.randint(3, 6))
        ]
        title = teller.fill(
            "[things to|what to] [pack|buy|find|bring|mend] [for {other}|before {day}|in {town}|]",
            day=world.one(words.DAYS),
        ).rstrip()
        if teller.chance(0.5):
            lines = [f"{number}. {item}" for number, item in enumerate(items, start=1)]
        else:
            lines = [f"- {item}" for item in items]
        teller.line(f"{title}:\n" + "\n".join(lines))
        teller.new(
            "{owner} read the list aloud: {items}.",
            '"{items}," read {owner}. "{items}," said {other}[, "I have them all"|].',
            "{other} put them [into the bag|on the table] one by one: {chain}.",
            "[how many are on the list|how long is the list]? {n}: {items}.",
            items=listed(items),
            chain=", then ".join(f"the {item}" for item in items),
            n=words.NUMBERS[len(items)].capitalize(),
        )
        teller.say(
            "the first was the {first}, the last was the {last}.",
            'after the {first} came the {second}. "the {second}," {owner} said, and ticked it off.',
            "backwards it goes like this: {back}.",
            "without the {first} only {rest} [are left|remain].",
            "{owner} took the {second} away. Now the list is: {others}.",
            first=items[0],
            second=items[1],
            last=items[-1],
            back=", ".join(reversed(items)),
            rest=listed(items[1:]),
            others=", ".join([items[0], *items[2:]]),
        )


def facts(teller: Teller, world: World) -> None:
    """Short facts about invented people and things, then questions that only they answer."""
    count = teller.rng.randint(5, 9)
    people = [world.person() for _ in range(count)]
    sentences: list[str] = []
    for person in people:
        ware, place = world.word(), world.word().capitalize()
        colour, animal = world.one(words.COLOURS), world.pick(words.ANIMALS)
        kind = teller.rng.randrange(6)
        told, *asked = (
            ("{p} [lives|works] in {place}.", "[where does {p} live|where is {p}]?", "{place}",
             "{p} is in {place}."),
            ("{p} [has|owns|keeps] {a animal}.", "what does {p} have?", "{a animal}",
             "{p} has {a animal}."),
            ("the {ware} of {p} is {colour}.", "what colour is the {ware}?", "{colour}",
             "the {ware} is {colour}."),
            ("{p} [gave|sent|sold] the {ware} to {other}.", "who got the {ware}?", "{other}",
             "{other} got the {ware}."),
            ("{p} [found|saw|left] the {ware} in {place}.", "where was the {ware}?", "in {place}",
             "the {ware} was in {place}."),
            ("{p} is {a role}.", "what is {p}?", "{a role}", "{p} is {a role}."),
        )[kind]  # fmt: skip
        names: dict[str, Any] = {
            "p": person,
            "ware": ware,
            "place": place,
            "colour": colour,
            "animal": animal,
            "role": person.role,
            "other": teller.choose([other for other in people if other is not person]),
        }
        sentences.append(teller.fill(told, **names))
        teller.fact(*asked, **names)
    style = teller.rng.randrange(3)
    if style == 0:
        teller.line(" ".join(sentences))
    elif style == 1:
        teller.line("\n".join(sentences))
    else:
        teller.line(teller.fill("what we know [about {town}|so far]:", town=world.town))
        teller.line("\n".join(f"- {sentence}" for sentence in sentences))
    label, reply = teller.choose((("", ""), ("Q: ", "A: "), ("Question: ", "Answer: ")))
    for fact in teller.rng.sample(teller.facts, len(teller.facts)):
        short = fact.short[0].upper() + fact.short[1:] + "."
        answer = fact.full if teller.chance(0.5) else short
        teller.line(f"{label}{fact.question}\n{reply}{answer}")


def holders(teller: Teller, world: World) -> None:
    """Things change hands many times; at the end one must know who holds what."""
    people = [world.person() for _ in range(teller.rng.randint(3, 4))]
    things = [world.word() if teller.chance(0.6) else world.thing().noun for _ in range(3)]
    holds = {thing: teller.choose(people) for thing in things}
    teller.new(
        "[a game|this is a game] [they play|that is played] in {town}: things go from hand to "
        "hand, and one must remember who has what. {names} [sat in a circle|played].",
        town=world.town,
        names=listed([str(person) for person in people]),
    )
    for thing, person in holds.items():
        teller.say("{person} [had|held] the {thing}.", person=person, thing=thing)
    for _ in range(teller.rng.randint(6, 12)):
        thing = teller.choose(things)
        giver = holds[thing]
        taker = teller.choose([person for person in people if person is not giver])
        holds[thing] = taker
        teller.new(
            "{giver} [gave|passed|handed] the {thing} to {taker}[. now {taker} had the "
            '{thing}|. "Thank you for the {thing}," said {taker}|].',
            '"[give me|I want|let me have] the {thing}, {giver}," said {taker}. {giver} gave '
            "{taker} the {thing}.",
            "{taker} took the {thing} from {giver}. "
            '"[who has the {thing} now|where is the {thing}]?" "{taker} has the {thing}."',
            giver=giver,
            taker=taker,
            thing=thing,
        )
    for thing in teller.rng.sample(things, 3):
        teller.new(
            "[at the end|when the bell rang], who had the {thing}? {person} had the {thing}.",
            '"who has the {thing}?" "{person} has the {thing}."',
            person=holds[thing],
            thing=thing,
        )


def definitions_story(teller: Teller, world: World) -> None:
    """A short tale in a land where common things carry invented names, explained and kept up."""
    hero, guide = world.person(), world.person()
    entries = [_entry(world) for _ in range(teller.rng.randint(3, 5))]
    land = world.town_name()
    teller.bind(hero=hero, guide=guide, land=land)
    teller.new(
        "{hero} [came to|travelled to] {land}, [where|a country in which] people have their own "
        "words. {guide} the {guide.role} [explained them|was {hero.his} guide].",
    )
    for entry in entries:
        used = teller.choose(_USES[entry.kind])
        teller.new(
            '"[what is that|what do you call this]?" asked {hero}. "[that is|we call it] {a '
            'entry.word}," said {guide}. "{a entry.word} is {a entry.noun}." "{a entry.word}," '
            "{hero} repeated. {guide} {used} the {entry.word}.",
            '{guide} pointed at {a entry.colour} {entry.noun}. "{entry.word}," said {guide}. '
            '"{entry.word}?" asked {hero}. "{entry.word}," said {guide}. {hero} {used} the '
            "{entry.word} and [laughed|wrote the word down].",
            '"here you must never say {entry.noun}," said {guide}, "you must say {entry.word}." '
            'Soon {hero} saw {a entry.noun}. "what a {entry.colour} {entry.word}!" said {hero}, '
            "and "
            "{used} the {entry.word}.",
            entry=entry,
            used=used,
        )
        if teller.chance(0.3):
            teller.say(
                "there were many {s entry.word} in {land}[, big {s entry.word} and small "
                "{s entry.word}|].",
                entry=entry,
            )
    teller.new(
        "[at home|back home] {hero} told {hero.his} {kin} of {land}: "
        "{list}. {hero} never forgot {guide}.",
        kin=world.one(words.KIN),
        list=listed(
            [f"{words.with_article(e.word)} is {words.with_article(e.noun)}" for e in entries]
        ),
    )


LESSONS = (glossary, echo, lists, facts, holders, definitions_story)
