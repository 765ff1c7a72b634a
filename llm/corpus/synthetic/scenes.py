"""Scenes that any story can hold: openings, asides, journeys, searches, recalls, endings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm.corpus.synthetic import words
from llm.corpus.synthetic.cast import Person, Thing, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm.corpus.synthetic.grammar import Teller

_TRAIT_SAYINGS = {
    "clever": "found an answer where others saw only a wall",
    "honest": "never told a lie, not even a small one",
    "lazy": "liked nothing better than a long sleep after lunch",
    "careful": "looked at everything twice before touching it",
    "polite": "said thank you even to the dog",
    "quiet": "spoke little and listened much",
    "noisy": "could be heard from one end of the street to the other",
    "wise": "was asked for advice by half the town",
    "generous": "gave away the last crust of bread without a sigh",
    "strong": "could lift a full barrel with one arm",
    "quick": "was always the first to arrive and the first to leave",
    "slow": "did everything slowly and did everything well",
    "young": "had never been away from home for a single night",
    "bold": "had never turned back from a dark road",
    "greedy": "[counted every coin twice|always took the largest piece]",
    "foolish": "[believed everything|put on the left boot on the right foot]",
    "weak": "[could not carry a full bucket|was the last to reach the top of the hill]",
    "modest": "[never spoke of what went well|took the smallest chair]",
    "kind": "had a friendly word for everybody",
    "friendly": "knew every neighbour by name",
}


def opening(teller: Teller, world: World) -> Person:
    """Introduce the main character as {hero} and the town as {town}."""
    hero = world.person()
    teller.bind(hero=hero, town=world.town)
    season, weather = world.one(words.SEASONS), world.one(words.WEATHER)
    teller.new(
        "[once|long ago|many years ago|in the old days], {a hero.role} [named|called] {hero} lived "
        "[in the [town|village] of {town}|in {town}|not far from {town}].",
        "{hero} {hero.surname} was {a hero.trait} {hero.role} [from|in|who lived in] {town}.",
        "[in|at the edge of] {town} there [lived|once lived|was] {a hero.role} whose name was "
        "{hero}.",
        "everybody in {town} knew {hero}, the {hero.role}.",
        "on a {weather} {season} morning {hero} the {hero.role} [opened the door and looked out "
        "over {town}|woke up early in {town}].",
        "it was a {weather} {season} morning in {town} when {hero} the {hero.role} [got up|opened "
        "the window|went out into the street].",
        "this is the story of {hero}, {a hero.trait} {hero.role} [of|from] {town}.",
        "there was [only one|just one] {hero.role} in {town}, and {hero.his} name was {hero}.",
        season=season,
        weather=weather,
    )
    if teller.chance(0.7):
        saying = teller.phrase(_TRAIT_SAYINGS[hero.trait])
        teller.say(
            "{hero} was {hero.trait}[:| and] {hero.he} {saying}.",
            "[people said that|it was known that] {hero} {saying}.",
            "{C hero.he} was {hero.trait}, and {hero.he} {saying}.",
            saying=saying,
        )
    if teller.chance(0.25):
        teller.fact(
            "[what was {hero}'s trade|what did {hero} do for a living]?",
            "{a hero.role}",
            "{hero} was {a hero.role}.",
        )
    return hero


def aside(teller: Teller, world: World) -> None:
    """Add one paragraph the story could do without: weather, a view, a meal, small talk."""
    teller.choose(_ASIDES)(teller, world)


def _weather(teller: Teller, world: World) -> None:
    teller.aside(
        "[that day|on that day|that morning] it was {weather}, and the [sky|air|light] over {town} "
        "was {colour}.",
        "a [soft|cold|warm|strong|light] wind [came|blew] from the [north|south|east|west], and "
        "{colour} clouds [moved|drifted] over {town}.",
        "the sun [was high|was low|hid behind a cloud], and the roofs of {town} looked {colour}.",
        "it had rained in the night. [now the streets of {town} shone like glass|the grass was "
        "still wet, and every puddle held a piece of the sky].",
        "[snow|fog|mist|dust] lay over {town}, and [even the birds were quiet|nobody was in the "
        "street|the bell of the tower sounded far away].",
        weather=world.one(words.WEATHER),
        colour=world.one(words.COLOURS),
    )


def _view(teller: Teller, world: World) -> None:
    teller.aside(
        "the {place} of {town} was a {look} place. [{a animal} slept by the gate|{a plant} grew at "
        "its wall|children played there in the evening], and [in the middle stood {a thing.full} "
        "that nobody used|it smelled of {food} and {plant}|one could hear the {animal} from afar].",
        "[near|behind|beyond] {town} lies {a place}. [people call it {name}|its name is {name}], "
        "and [in spring|in summer|in winter] {name} is full of {s animal}.",
        place=world.one(words.PLACES),
        look=world.one(("quiet", "busy", "strange", "pretty", "dusty", "dark", "bright", "noisy")),
        animal=world.one(words.ANIMALS),
        plant=world.one(words.PLANTS),
        food=world.one(words.FOODS),
        thing=Thing("bench", world.one(words.COLOURS)),
        name=world.word().capitalize(),
    )


def _meal(teller: Teller, world: World) -> None:
    first, second = world.one(words.FOODS), world.one(words.INGREDIENTS)
    teller.aside(
        "[at noon|in the evening|before long] {hero} sat down and ate {a first} with {second}. "
        '"[there is nothing like|nothing is better than] {a first} with {second}," said {hero}.',
        "for [breakfast|lunch|supper] there was {a first}[, as always| and a cup of milk]. {hero} "
        "[shared the {first} with {a animal}|ate half of the {first} and kept the other half].",
        "{hero} was hungry. {hero.he} asked for {a first}, but there was no {first} left, so "
        "{hero.he} ate bread with {second}.",
        first=first,
        second=second,
        animal=world.one(words.ANIMALS),
    )


def _small_talk(teller: Teller, world: World) -> None:
    other = world.person()
    teller.aside(
        "[on the way|at the corner|at the well] {hero} met {other} the {other.role}. "
        '"[good morning|good day|hello], {other}," said {hero}. "[good morning|good day|hello], '
        '{hero}," [said|answered] {other}. "[how are you|where are you going|what news is there], '
        '{hero}?" "[ask me tomorrow|the same as ever|I am in a hurry], {other}," said {hero}, and '
        "[went on|walked on|smiled].",
        "{other} the {other.role} [put {other.his} head out of the window|came by with {a animal}]"
        '. "{hero}! {hero}!" {other.he} called. "[have you seen my {animal}|did you hear the '
        'bell|is it going to rain]?" "no, {other}," said {hero}, "[I have not|not that I know|I do '
        'not think so]."',
        '"[do you know|have you heard], {hero}," said {other} the {other.role}, "that {a animal} '
        'walked through the {place} last night?" "{a animal}!" said {hero}. "through the {place}!"',
        other=other,
        animal=world.one(words.ANIMALS),
        place=world.one(words.PLACES),
    )


def _thought(teller: Teller, world: World) -> None:
    other = world.one(words.KIN)
    teller.aside(
        "{hero} thought of what {hero.his} {other} [used to say|had always said]: "
        '"[{saying}|first listen, then speak|who asks will learn|many hands make a short day|a '
        'small key opens a big door|slow steps climb the hill]."',
        "[sometimes|on such days] {hero} felt {mood}. [{C hero.he} did not know why|nobody noticed "
        "it|then {hero.he} sang a song about {a animal} and felt better].",
        '"[I am not afraid|I can do it|one step after the other]," {hero} said to {hero.him}self. '
        "[{C hero.he} said it three times|{hero.he} almost believed it|but {hero.his} knees "
        "shook].",
        other=other,
        saying=f"never trust {words.with_article(world.one(words.ANIMALS))} with your lunch",
        mood=world.one(words.MOODS),
        animal=world.one(words.ANIMALS),
    )


def _night(teller: Teller, world: World) -> None:
    teller.aside(
        "[night fell|it grew dark|the evening came]. {hero} lit a [candle|lamp|small fire] and "
        "[listened to the wind|counted the stars|looked at the moon] until {hero.he} fell asleep.",
        "that night {hero} [dreamed|had a dream] of {a colour} {animal}. In the dream the {animal} "
        '[said|whispered] "{town}" again and again. In the morning [the dream was gone|{hero} '
        "remembered the {colour} {animal}].",
        colour=world.one(words.COLOURS),
        animal=world.one(words.ANIMALS),
    )


_ASIDES: tuple[Callable[[Teller, World], None], ...] = (
    _weather,
    _view,
    _meal,
    _small_talk,
    _thought,
    _night,
)


def later(teller: Teller, world: World) -> None:
    """Lead from one chapter to the next, with the same hero."""
    if teller.chance(0.3):
        teller.line(teller.choose(("* * *", "Part two", "The second part")))
    teller.new(
        "[some time|{n} weeks|a year|not long] [later|after that] {hero} [was at home in {town} "
        "again|was busy with other things|had almost forgotten it all].",
        "that was not the end of it. [In {season}|Soon after], {hero} [was in trouble again|had "
        "other cares|thought that nothing more could happen in {town}].",
        "[this is not all|there is more to tell] about {hero} the {hero.role}.",
        n=world.one(words.NUMBERS[2:]),
        season=world.one(words.SEASONS),
    )


def journey(teller: Teller, world: World, goal: str) -> None:
    """Bring the hero to a place, past one or two others; sometimes somebody is met on the way."""
    way = world.place()
    teller.new(
        "[so|then|at once|the next morning], {hero} [set out|went off|left] for the {goal}. "
        "[the road led|the way went|first {hero.he} came] past the {way}, and [after an "
        "hour|before noon|at last] {hero.he} [reached|came to|stood before] the {goal}.",
        "{hero} [put on {hero.his} {garment}|took {hero.his} {garment}] and walked to the {way}, "
        "and from the {way} to the {goal}.",
        "it was [a long way|not far|half a day's walk] to the {goal}. {hero} passed the "
        "{way}, [asked the way twice|sang to keep awake|looked neither left nor right], and "
        "[reached|found] the {goal} [before dark|at noon|tired but glad].",
        goal=goal,
        way=way,
        garment=world.one(words.GARMENTS),
    )
    if teller.chance(0.3):
        encounter(teller, world)


def encounter(teller: Teller, world: World, depth: int = 0) -> None:
    """Somebody on the road asks something small; the encounter may lead to another one."""
    stranger = world.person()
    thing = world.thing()
    teller.aside(
        "[on the road|at the bridge|under a tree] stood {a stranger.trait} {stranger.man} with "
        '{a thing.full}. "[my name is|I am called|I am] {stranger}," said the {stranger.man}, '
        '"and this {thing} [is all I have|is too heavy for me|belonged to my {kin}]." {hero} '
        "[carried the {thing} for a while|looked at the {thing} and nodded|gave {stranger} a piece "
        'of bread]. "thank you, {hero}," said {stranger}. "I shall not forget [you|it]."',
        "a {stranger.child} [ran|came] along the road. "
        '"[have you seen|did you find] my {thing}?" asked the {stranger.child}. "what does your '
        '{thing} look like?" asked {hero}. "it is {thing.look}," said the {stranger.child}, '
        '"{a thing.full}, and my name is {stranger}." "I have seen no {thing.full}, {stranger}," '
        'said {hero}, "but I shall keep my eyes open."',
        '"who goes there?" called a voice. it was {stranger} the {stranger.role}, who sat by the '
        'road and mended {a thing.full}. "only {hero} from {town}," said {hero}. "then pass, '
        '{hero} from {town}," said {stranger}, and bent over the {thing} again.',
        stranger=stranger,
        thing=thing,
        kin=world.one(words.KIN),
    )
    if teller.chance(0.5):
        teller.say(
            "and {stranger} gave {hero} a word for the road: "
            '"{word}." "{word}?" asked {hero}. "{word}," said {stranger}.',
            "{hero} never saw {stranger} again, but [{hero.he} often thought of {stranger} and the "
            "{thing}|whenever {hero.he} saw {a thing}, {hero.he} thought of {stranger}].",
            stranger=stranger,
            thing=thing,
            word=world.word(),
        )
    if depth < 1 and teller.chance(0.25):
        encounter(teller, world, depth + 1)


def recall(teller: Teller) -> None:
    """Ask for some of the facts told before, in one of several forms, and answer them."""
    facts = teller.rng.sample(teller.facts, min(len(teller.facts), teller.rng.randint(1, 4)))
    if not facts:
        return
    form = teller.choose(("plain", "plain", "asked", "exam", "short"))
    if any('"' in fact.full for fact in facts) and form == "asked":
        form = "plain"  # no quotation inside a quotation
    if form == "plain":
        teller.new("{question} {answer}", question=facts[0].question, answer=facts[0].full)
        for fact in facts[1:]:
            teller.say("{question} {answer}", question=fact.question, answer=fact.full)
    elif form == "asked":
        for fact in facts:
            teller.new(
                'later {a kin} asked, "{question}" "{answer}," [was the answer|came the answer].',
                '"{question}" asked the children. "{answer}," said {hero}.',
                '"{question}" {hero} was asked many times. "{answer}," {hero.he} always answered.',
                '"tell us, {hero}: {question}" "{answer}," said {hero}.',
                question=fact.question,
                answer=fact.full.rstrip("."),
                kin=teller.choose(("child", "neighbour", "friend", "stranger")),
            )
    elif form == "exam":
        teller.line("Questions and answers")
        for number, fact in enumerate(facts, start=1):
            teller.line(f"{number}. {fact.question}\n{fact.full}")
    else:
        for fact in facts:
            teller.line(f"Question: {fact.question}\nAnswer: {fact.short}")


def ending(teller: Teller, moral: str) -> None:
    """Close the story, often with its moral."""
    teller.new(
        "[and so|in the end|after that day] {hero} [lived happily in {town}|went home to {town} "
        "with a light heart|was never again the same].",
        "[from that day on|ever since], people in {town} [tell this story|speak of {hero}]"
        "[ when the nights are long| to their children|].",
        "that is [all|the whole story] of {hero} {hero.surname} of {town}.",
        "if you ever come to {town}, ask for {hero}[, and you will hear it again|].",
        "[the evening was warm|the stars came out|the bells of {town} rang], and {hero} "
        "[was content|smiled|slept well].",
    )
    if teller.chance(0.6):
        teller.say(
            "[the moral is|so remember|it shows|we learn from this]: {moral}.",
            "{moral}, as [they say|people say] in {town}.",
            '"{moral}," {hero} [said|used to say] [later|to the children|with a smile].',
            moral=moral,
        )
