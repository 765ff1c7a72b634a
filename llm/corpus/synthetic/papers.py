"""Documents that are no stories: letters, recipes, diaries, notices, interviews, songs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm.corpus.synthetic import words
from llm.corpus.synthetic.plots import listed

if TYPE_CHECKING:
    from llm.corpus.synthetic.cast import World
    from llm.corpus.synthetic.grammar import Teller

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "tenth", "twelfth", "twentieth", "last")


def letters(teller: Teller, world: World) -> None:
    """A letter with questions, and the reply that takes them up one by one."""
    writer, reader = world.person(), world.person()
    thing, place, animal, pet = world.thing(), world.place(), world.animal(), world.word()
    day, other_town = world.one(words.DAYS), world.town_name()
    teller.bind(writer=writer, reader=reader, thing=thing, place=place, animal=animal, day=day)
    teller.bind(pet=pet.capitalize(), town=world.town, far=other_town)
    teller.line(
        teller.fill(
            "{town}, the {n} of {month}", n=world.one(_ORDINALS), month=world.one(words.MONTHS)
        )
    )
    teller.line(teller.fill("[Dear|My dear] {reader},"))
    teller.new(
        "[I hope you are well|how are you|it is long since you wrote]. Here in {town} it is "
        "{weather}, and [I think of you often|there is little news|we all miss you].",
        weather=world.one(words.WEATHER),
    )
    teller.new(
        "[do you remember|you surely remember] the {thing.full} that you lent me? [I still have "
        "it|I keep it {spot}]. Shall I [send it back|bring it along when I come on {day}]?",
        spot=world.spot(),
    )
    teller.say(
        "how is {pet} the {animal}? [is {pet} still so wild|does {pet} still sleep all day]?",
        "[please stroke|give my love to] {pet}, the best {animal} [of all|in {far}].",
    )
    if teller.chance(0.6):
        friend = world.person()
        teller.new(
            "{friend} the {friend.role} [asks after you|sends you greetings]. {C friend.he} has "
            "[opened a shop|bought {a other.full}|won a prize] near the {place}.",
            friend=friend,
            other=world.thing(),
        )
    teller.new("[I shall come|expect me] on {day}. [meet me|wait for me] at the {place}.")
    teller.line(teller.fill("[Yours|Your friend|With love],\n{writer}"))
    teller.line(teller.fill("[Dear|My dear] {writer},"))
    teller.new(
        "[thank you for|I was glad of] your letter from {town}. {pet} the {animal} is [well|as "
        "wild as ever|asleep on my feet]. [keep the {thing}, it is yours|yes, bring the "
        "{thing.full} with you|do not send the {thing}; it would only get lost].",
    )
    teller.say("on {day}, then, at the {place}. [I shall be there|{pet} and I will wait for you].")
    teller.line(teller.fill("[Yours|Your friend|With love],\n{reader}"))
    if teller.chance(0.5):
        teller.new("where [will|did] they meet? At the {place}, on {day}.")
        teller.say("what was the name of the {animal}? {pet}.")


def recipe(teller: Teller, world: World) -> None:
    """A recipe: the ingredients listed, then each of them used by name in order."""
    dish, cook = world.word(), world.person(role="cook")
    count = teller.rng.randint(4, 6)
    base = [world.pick(words.VEGETABLES + words.FRUITS) for _ in range(count - 2)]
    extra = [world.pick(words.INGREDIENTS) for _ in range(2)]
    numbers = [teller.rng.randint(2, 9) for _ in base]
    teller.bind(dish=dish, cook=cook, town=world.town)
    teller.line(
        teller.fill("[How to make {dish}|{C dish}, a dish from {town}|A recipe for {dish}]")
    )
    teller.new(
        "{dish} is [an old dish of|eaten everywhere in|the pride of] {town}. {cook} {cook.surname} "
        "[taught it to me|makes the best {dish}|has made {dish} for {n} years].",
        n=world.one(words.NUMBERS[3:]),
    )
    lines = [
        f"{words.NUMBERS[number]} {words.plural(item)}"
        for number, item in zip(numbers, base, strict=True)
    ]
    lines += [f"{'a cup' if teller.chance(0.5) else 'a spoon'} of {item}" for item in extra]
    teller.line("You need:\n" + "\n".join(f"- {line}" for line in lines))
    steps = [
        teller.fill(
            "[wash|chop|peel|cut up|boil|roast] the {n} {s item}[ and put them aside|].",
            item=item,
            n=words.NUMBERS[number],
        )
        for number, item in zip(numbers, base, strict=True)
    ]
    steps.append(teller.fill("[heat|mix|warm] the {a0} with the {b0}.", a0=extra[0], b0=extra[1]))
    steps.append(
        teller.fill(
            "[add the {items}|stir in the {items}] and [wait|cook it] for {n} minutes.",
            items=listed([words.plural(item) for item in base], "and the"),
            n=world.one(words.NUMBERS[5:]),
        )
    )
    steps.append(teller.fill("[serve|eat] the {dish} [hot|cold|with bread|at once]."))
    if teller.chance(0.5):
        teller.line("\n".join(f"{number}. {step}" for number, step in enumerate(steps, start=1)))
    else:
        teller.line(" ".join(steps))
    teller.new(
        '"[the secret of {dish} is|do not forget] the {x}," says {cook}. "without {x} it is no '
        '{dish}."',
        "[what goes into {dish}|what do you need for {dish}]? {items}.",
        "how many {s first} [are in|go into] {dish}? {number}.",
        x=extra[1],
        items=listed([*(words.plural(item) for item in base), *extra]).capitalize(),
        first=base[0],
        number=words.NUMBERS[numbers[0]].capitalize(),
    )


def diary(teller: Teller, world: World) -> None:
    """Entries of a week; things begun on one day are taken up on a later one."""
    writer, friend, rival = world.person(), world.person(), world.person()
    thing, place, animal = world.thing(), world.place(), world.animal()
    pet = world.word().capitalize()
    start = teller.rng.randrange(7)
    teller.bind(friend=friend, rival=rival, thing=thing, place=place, animal=animal, pet=pet)
    teller.line(teller.fill("The diary of {writer} {writer.surname}", writer=writer))
    beats = (
        (
            "[today|this morning] I lost my {thing.full}. [I looked everywhere|I cannot think "
            "where it is]. {friend} [helped me to look|says it will come back]."
        ),
        (
            "met {rival} the {rival.role} at the {place}. {rival} [knows nothing of the "
            "{thing}|looked away when I spoke of the {thing}]."
        ),
        (
            "[a small {animal} sat|there was {a animal}] before my door. I call it {pet}. {pet} "
            "[drank all my milk|will not leave]."
        ),
        (
            "{friend} came. [we ate {a food}|we played cards]. {friend} likes {pet}, but {pet} "
            "likes only [milk|me]."
        ),
        "rain. [no sign of the {thing}|I dreamed of the {thing}]. {pet} slept on my feet.",
        (
            "{pet} scratched at the ground near the {place}, and what was there? My {thing.full}! "
            "[good {animal}|clever {pet}]!"
        ),
        (
            "told {rival} and {friend} how {pet} found the {thing}. {friend} laughed. {rival} "
            "said: "
            '"{a animal}? at the {place}?" "yes," I said, "{pet}, at the {place}."'
        ),
    )
    for offset, beat in enumerate(beats):
        teller.line(words.DAYS[(start + offset) % 7])
        teller.new(beat, food=world.one(words.FOODS))
        if teller.chance(0.4):
            teller.say(
                "it was [a {weather} day|{weather} all day].",
                "[felt|I am] {mood} tonight.",
                "must not forget: {a other} for {friend}.",
                weather=world.one(words.WEATHER),
                mood=world.one(words.MOODS),
                other=world.one(words.TREASURES),
            )


def notices(teller: Teller, world: World) -> None:
    """The notice board of a town: lost, found, for sale; some notices answer others."""
    teller.line(teller.fill("[Notices|The notice board] of {town}", town=world.town))
    for _ in range(teller.rng.randint(4, 6)):
        person, thing, place = world.person(), world.thing(), world.one(words.PLACES)
        teller.new(
            "LOST: {a thing.full}, near the {place}. Please bring it to {person} the "
            "{person.role}.",
            "FOR SALE: {a thing.full}, {n} coins. Ask for {person} at the {place}.",
            "WANTED: {a person.role} for the {place}. Ask for {person}.",
            "{person} [gives lessons|teaches] every {day} at the {place}. Bring {a thing}.",
            person=person,
            thing=thing,
            place=place,
            n=words.NUMBERS[teller.rng.randint(2, 20)],
            day=world.one(words.DAYS),
        )
        if teller.chance(0.7):
            answer = world.person()
            teller.new(
                "To {person}: [I know about the {thing}|it is about your notice]. "
                "[meet me|come] at the {place} on {day}. {answer}.",
                "{answer} to {person}: is the {thing.full} still [there|at the {place}]?\n{person} "
                "to {answer}: [yes, the {thing} is still at the {place}|the {thing} is gone].",
                person=person,
                answer=answer,
                thing=thing,
                place=place,
                day=world.one(words.DAYS),
            )


def interview(teller: Teller, world: World) -> None:
    """A dialogue of short turns in which every answer takes up the words of the question."""
    guest, host = world.person(), world.person()
    craft, thing, town, pet = (
        guest.role,
        world.thing(),
        world.town_name(),
        world.word().capitalize(),
    )
    animal, teacher = world.animal(), world.person()
    teller.bind(guest=guest, host=host, craft=craft, thing=thing, town=town, pet=pet, animal=animal)
    teller.bind(teacher=teacher)
    teller.new(
        "{host} [talks|talked] with {guest} {guest.surname}, the {craft} [of|from] {town}.",
    )
    turns = [
        ("who are you?", "I am {guest} {guest.surname}, {a craft} from {town}."),
        ("[where do you live|where is your home], {guest}?", "[I live in|my home is] {town}."),
        ("who taught you [to be {a craft}|your craft]?", ("{teacher} taught me. {teacher} [was "
         "strict|had much patience].")),
        ("what do you [need|carry] every day?", ("{a thing.full}. [without my {thing} I am no "
         "{craft}|{a craft} needs {a thing}].")),
        ("do you have an animal?", ("yes, {a animal} [named|called] {pet}. {pet} [is old now|eats "
         "more than I do].")),
        ("is {town} a good place for {a craft}?", "{town} is the best place for {a craft}."),
        ("does {pet} like your {thing}?", "{pet} [sleeps beside|once ate] my {thing}."),
        ("do you think of {teacher}?", "[I think of {teacher}|yes, of {teacher}] every day."),
        ("what will you do [tomorrow|next year]?", "[rest|travel], with {pet} and my {thing}."),
    ]  # fmt: skip
    kept = turns[:5] + [turn for turn in turns[5:] if teller.chance(0.8)]
    for question, answer in kept:
        teller.line(f"{host}: {teller.fill(question)}\n{guest}: {teller.fill(answer)}")
    teller.new(
        "so much for {guest} of {town}, {pet} the {animal}, and the {thing.full}.",
        '"thank you, {guest}," said {host}. "thank you, {host}," said {guest}.',
    )


def song(teller: Teller, world: World) -> None:
    """A song: verses that differ in a word or two, and a refrain that never changes."""
    singer, name, thing = world.person(), world.word().capitalize(), world.thing()
    teller.bind(singer=singer, name=name, thing=thing, town=world.town)
    teller.line(teller.fill("[The song of {name}|{name} and the {thing}|A song from {town}]"))
    teller.new("[this is what they sing in {town}|{singer} the {singer.role} used to sing it]:")
    nonsense = world.word()
    refrain = teller.fill(
        "[O {name}, my {name},\nthe {thing} is thine.|Sing {x}, sing {x},\nand {x} once "
        "again.|Come home, {name}, come home to {town},\nand bring the {thing.full}.]",
        x=nonsense,
    )
    for _ in range(teller.rng.randint(4, 6)):
        verse = teller.fill(
            "{name} went down to the {place},\n{name} went down alone,\n[and saw|and there stood] "
            "{a animal} by the {place},\nas {look} as a stone.",
            "{name} had {a food} for my {kin},\n{name} had {a food} for me,\nand who will eat the "
            "{food} now?\nThe {animal} under the tree.",
            "[when|and when] the {place} was {look} and still,\nand {look} the {place} of {town},\n"
            "{name} took the {thing} up the hill\nand laid the {thing} down.",
            place=world.one(words.PLACES),
            animal=world.one(words.ANIMALS),
            look=world.one(("cold", "hard", "old", "grey", "still", "dark", "white", "bright")),
            food=world.one(words.FOODS),
            kin=world.one(words.KIN),
        )
        teller.line(verse)
        teller.line(refrain)


PAPERS = (letters, recipe, diary, notices, interview, song)
