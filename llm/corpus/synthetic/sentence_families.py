"""The families of instruction records that work on sentences: questions, rewriting, templates."""

from __future__ import annotations

from llm.corpus.synthetic.families import ContentWords, Family, Made
from llm.corpus.synthetic.words import COLOURS, OCCUPATIONS, OPPOSITES, plural, with_article

_GIVING = ("gave", "sent", "sold", "lent", "showed")
_FINDING = ("found", "lost", "bought", "hid", "saw")
_MOVING = (("walk", "to"), ("return", "to"), ("climb", "to"), ("hurry", "to"), ("look", "for"))
_QUALITIES = tuple(word for pair in OPPOSITES for word in pair)
_OPPOSITE_OF = {**dict(OPPOSITES), **{second: first for first, second in OPPOSITES}}
_COMPARISONS = (("taller", "shorter"), ("older", "younger"), ("faster", "slower"))
_FEELINGS = ("sad", "happy", "angry", "proud", "worried")
_EVENTS = ("broke", "was lost", "came back", "was stolen", "worked again")
_DOINGS = ("sings", "dances", "sleeps", "waits", "laughs", "swims", "reads")


def _third_person(verb: str) -> str:
    return verb[:-1] + "ies" if verb.endswith("ry") else verb + "s"


def _past(verb: str) -> str:
    return verb[:-1] + "ied" if verb.endswith("ry") else verb + "ed"


def _gift(words: ContentWords) -> tuple[str, str, str, str, str]:
    """A sentence about a gift, and its giver, verb, thing and receiver."""
    giver, receiver = words.names(2)
    thing, verb = words.thing(), words.rng.choice(_GIVING)
    return f"{giver} {verb} the {thing} to {receiver}.", giver, verb, thing, receiver


def make_giver(words: ContentWords) -> Made:
    """Who gave something?"""
    sentence, giver, verb, thing, _ = _gift(words)
    return Made(sentence, giver, {"verb": verb, "thing": thing})


def make_receiver(words: ContentWords) -> Made:
    """Who was given something?"""
    sentence, *_, thing, receiver = _gift(words)
    return Made(sentence, receiver, {"thing": thing})


def make_gift(words: ContentWords) -> Made:
    """What was given?"""
    sentence, giver, _, thing, receiver = _gift(words)
    return Made(sentence, thing, {"giver": giver, "receiver": receiver})


def _find(words: ContentWords) -> tuple[str, str, str, str]:
    """A sentence about something found somewhere, and its person, thing and place."""
    person, thing, place = words.name(), words.thing(), words.place()
    verb = words.rng.choice(_FINDING)
    sentence = words.rng.choice(
        (
            f"{person} {verb} the {thing} in {place}.",
            f"In {place}, {person} {verb} the {thing}.",
            f"One day {person} {verb} the {thing} near {place}.",
        )
    )
    return sentence, person, thing, place


def make_person(words: ContentWords) -> Made:
    """Extract the person of a sentence."""
    sentence, person, _, _ = _find(words)
    return Made(sentence, person)


def make_place(words: ContentWords) -> Made:
    """Extract the place of a sentence."""
    sentence, _, _, place = _find(words)
    return Made(sentence, place)


def make_thing(words: ContentWords) -> Made:
    """Extract the thing of a sentence."""
    sentence, _, thing, _ = _find(words)
    return Made(sentence, thing)


def make_form(words: ContentWords) -> Made:
    """Fill a form from a sentence."""
    person, place = words.name(), words.place()
    sentence = words.rng.choice((f"{person} lives in {place}.", f"{person} comes from {place}."))
    return Made(sentence, f"Name: {person}, Place: {place}")


def make_kind(words: ContentWords) -> Made:
    """Read a definition: what is it a kind of?"""
    thing, kind = words.things(2)
    return Made(f"A {thing} is a kind of {kind}.", f"a kind of {kind}", {"thing": thing})


def make_syllogism(words: ContentWords) -> Made:
    """Conclude from a rule and a case."""
    kind, wider = words.things(2)
    name = words.name()
    return Made(f"Every {kind} is a {wider}. {name} is a {kind}.", f"{name} is a {wider}.")


def _statement(words: ContentWords) -> tuple[str, str]:
    """A subject and a quality, for a sentence of the form "the thing is old"."""
    subject = words.name() if words.rng.random() < 0.4 else f"the {words.thing()}"
    return subject, words.rng.choice(_QUALITIES)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def make_very(words: ContentWords) -> Made:
    """Strengthen a statement by 'very'."""
    subject, quality = _statement(words)
    return Made(_sentence(f"{subject} is {quality}"), _sentence(f"{subject} is very {quality}"))


def make_negate(words: ContentWords) -> Made:
    """Negate a statement."""
    subject, quality = _statement(words)
    return Made(_sentence(f"{subject} is {quality}"), _sentence(f"{subject} is not {quality}"))


def make_question(words: ContentWords) -> Made:
    """Turn a statement into a question."""
    subject, quality = _statement(words)
    return Made(_sentence(f"{subject} is {quality}"), f"Is {subject} {quality}?")


def make_opposite(words: ContentWords) -> Made:
    """Say the opposite by the antonym."""
    subject, quality = _statement(words)
    opposite = _sentence(f"{subject} is {_OPPOSITE_OF[quality]}")
    return Made(_sentence(f"{subject} is {quality}"), opposite)


def make_yes_no(words: ContentWords) -> Made:
    """Answer a yes-or-no question from a statement, and say what is true."""
    subject = f"the {words.thing()}"
    true, false = words.rng.sample(COLOURS, 2)
    asked = words.rng.choice((true, false))
    answer = "Yes" if asked == true else "No"
    return Made(
        _sentence(f"{subject} is {true}"),
        f"{answer}, {subject} is {true}.",
        {"subject": subject, "colour": asked},
    )


def make_colour(words: ContentWords) -> Made:
    """Name the colour in a sentence."""
    thing, colour, person = words.thing(), words.rng.choice(COLOURS), words.name()
    sentence = words.rng.choice((f"{person} has a {colour} {thing}.", f"The {thing} is {colour}."))
    return Made(sentence, colour)


def make_job(words: ContentWords) -> Made:
    """Name the work of one of two people."""
    people = words.names(2)
    jobs = words.rng.sample(OCCUPATIONS, 2)
    asked = words.rng.randrange(2)
    text = " ".join(
        f"{person} is {with_article(job)}." for person, job in zip(people, jobs, strict=True)
    )
    return Made(text, jobs[asked], {"person": people[asked]})


def make_past(words: ContentWords) -> Made:
    """Put a sentence into the past (regular verbs)."""
    person, place, (verb, word) = words.name(), words.place(), words.rng.choice(_MOVING)
    return Made(
        f"{person} {_third_person(verb)} {word} {place}.", f"{person} {_past(verb)} {word} {place}."
    )


def make_future(words: ContentWords) -> Made:
    """Put a sentence into the future."""
    person, place, (verb, word) = words.name(), words.place(), words.rng.choice(_MOVING)
    return Made(
        f"{person} {_third_person(verb)} {word} {place}.", f"{person} will {verb} {word} {place}."
    )


def make_plural(words: ContentWords) -> Made:
    """Write the plural of a noun."""
    thing = words.thing()
    return Made(f"one {thing}", f"two {plural(thing)}")


def make_compare(words: ContentWords) -> Made:
    """Read a comparison: half the questions use its opposite."""
    first, second = words.names(2)
    more, less = words.rng.choice(_COMPARISONS)
    asked, answer = words.rng.choice(((more, first), (less, second)))
    return Made(f"{first} is {more} than {second}.", answer, {"quality": asked})


def make_age(words: ContentWords) -> Made:
    """Compare two numbers (one of the hard families: it needs their order, not copying)."""
    first, second = words.names(2)
    one, two = words.rng.sample(range(5, 90), 2)
    return Made(f"{first} is {one} and {second} is {two}.", first if one > two else second)


def make_order(words: ContentWords) -> Made:
    """Read an order of arrival."""
    people = words.names(3)
    place = words.rng.randrange(3)
    text = f"First came {people[0]}, then {people[1]}, and at last {people[2]}."
    return Made(text, people[place], {"place": ("first", "second", "last")[place]})


def make_reason(words: ContentWords) -> Made:
    """Give the reason that a sentence states."""
    person, thing = words.name(), words.thing()
    feeling, event = words.rng.choice(_FEELINGS), words.rng.choice(_EVENTS)
    return Made(
        f"{person} was {feeling} because the {thing} {event}.",
        f"because the {thing} {event}",
        {"person": person, "feeling": feeling},
    )


def make_greet(words: ContentWords) -> Made:
    """Greet somebody by name."""
    person = words.name()
    return Made(person, f"Hello, {person}!")


def make_farewell(words: ContentWords) -> Made:
    """Say goodbye to somebody by name."""
    person = words.name()
    return Made(person, f"Goodbye, {person}!")


def make_introduce(words: ContentWords) -> Made:
    """Introduce somebody in the first person."""
    person, place = words.name(), words.place()
    return Made(f"{person}, {place}", f"My name is {person} and I come from {place}.")


def make_letter(words: ContentWords) -> Made:
    """Fill in a letter of thanks."""
    sender, receiver = words.names(2)
    thing = words.thing()
    text = f"to: {receiver}, gift: {thing}, from: {sender}"
    return Made(text, f"Dear {receiver}, thank you for the {thing}. Yours, {sender}")


def make_polite(words: ContentWords) -> Made:
    """Turn a command into a polite request."""
    verb = words.rng.choice(("bring", "mend", "open", "paint", "wash", "find"))
    thing = words.thing()
    return Made(f"{verb.capitalize()} the {thing}.", f"Please {verb} the {thing}.")


def make_possessive(words: ContentWords) -> Made:
    """Write 'the thing of somebody' with an apostrophe."""
    person, thing = words.name(), words.thing()
    return Made(f"the {thing} of {person}", f"{person}'s {thing}")


def make_passive(words: ContentWords) -> Made:
    """Put a sentence into the passive voice."""
    person, thing = words.name(), words.thing()
    verb = words.rng.choice(("painted", "opened", "washed", "mended", "found", "carried"))
    return Made(f"{person} {verb} the {thing}.", f"The {thing} was {verb} by {person}.")


def make_combine(words: ContentWords) -> Made:
    """Combine two sentences that say the same of two people."""
    one, two = words.names(2)
    doing = words.rng.choice(_DOINGS)
    return Made(f"{one} {doing}. {two} {doing}.", f"{one} and {two} {doing[:-1]}.")


SENTENCE_FAMILIES: tuple[Family, ...] = (
    Family(
        "giver",
        ("Who {verb} the {thing}?", "Name the one who {verb} the {thing}.", "Who had the {thing}?"),
        make_giver,
    ),
    Family(
        "receiver",
        ("Who has the {thing} now?", "To whom did the {thing} go?", "Who got the {thing}?"),
        make_receiver,
    ),
    Family(
        "gift",
        ("What did {receiver} get?", "What came from {giver}?", "Name the thing {receiver} got."),
        make_gift,
    ),
    Family(
        "person",
        ("Name the person in the text.", "Who is the text about?", "Find the person."),
        make_person,
    ),
    Family(
        "place",
        ("Name the place in the text.", "Where did it happen?", "Find the place."),
        make_place,
    ),
    Family(
        "thing",
        ("Name the thing in the text.", "Which thing is the text about?", "Find the object."),
        make_thing,
    ),
    Family(
        "form",
        ("Fill in the form.", "Write the name and the place.", "Give the name and the home."),
        make_form,
    ),
    Family(
        "kind",
        ("What is a {thing}?", "Explain the word {thing}.", "Define {thing}."),
        make_kind,
    ),
    Family(
        "syllogism",
        ("What follows from this?", "Draw the conclusion.", "What else must be true?"),
        make_syllogism,
    ),
    Family(
        "very",
        ("Add the word 'very'.", "Make the statement stronger.", "Say it with 'very'."),
        make_very,
    ),
    Family(
        "negate",
        ("Negate the sentence.", "Say that it is not so.", "Add the word 'not'."),
        make_negate,
    ),
    Family(
        "question",
        ("Turn this into a question.", "Ask whether it is so.", "Make it a question."),
        make_question,
    ),
    Family(
        "opposite",
        ("Say the opposite.", "Use the opposite word.", "Replace the last word by its opposite."),
        make_opposite,
    ),
    Family(
        "yes_no",
        (
            "Is {subject} {colour}?",
            "Is it true that {subject} is {colour}?",
            "Can you say that {subject} is {colour}?",
        ),
        make_yes_no,
    ),
    Family(
        "colour",
        ("Which colour is it?", "Name the colour.", "Find the colour in the text."),
        make_colour,
    ),
    Family(
        "job",
        ("What is the work of {person}?", "What does {person} do?", "Name the job of {person}."),
        make_job,
    ),
    Family(
        "past",
        ("Put it into the past.", "Write it in the past tense.", "Say that it was yesterday."),
        make_past,
    ),
    Family(
        "future",
        ("Put it into the future.", "Write it in the future tense.", "Say it with 'will'."),
        make_future,
    ),
    Family(
        "plural",
        ("Change one to two.", "Write the plural.", "Say it for two of them."),
        make_plural,
    ),
    Family(
        "compare",
        ("Who is {quality}?", "Which of the two is {quality}?", "Name the {quality} one."),
        make_compare,
    ),
    Family("age", ("Who has the larger number?", "Who is older?", "Name the older one."), make_age),
    Family(
        "order",
        ("Who came {place}?", "Name the one who came {place}.", "Who was {place}?"),
        make_order,
    ),
    Family(
        "reason",
        ("Why was {person} {feeling}?", "What made {person} {feeling}?", "Give the reason."),
        make_reason,
    ),
    Family(
        "greet",
        ("Greet this person.", "Say hello.", "Welcome the guest."),
        make_greet,
    ),
    Family(
        "farewell",
        ("Say goodbye.", "Take leave of this person.", "Part from the guest."),
        make_farewell,
    ),
    Family(
        "introduce",
        ("Introduce yourself.", "Say who you are.", "Write a line about yourself."),
        make_introduce,
    ),
    Family(
        "letter",
        ("Write a letter of thanks.", "Write a short thank-you note.", "Say thanks by letter."),
        make_letter,
    ),
    Family(
        "polite",
        ("Ask more politely.", "Make it a polite request.", "Add 'please'."),
        make_polite,
    ),
    Family(
        "possessive",
        ("Write it with an apostrophe.", "Say it in a shorter way.", "Use the possessive form."),
        make_possessive,
    ),
    Family(
        "passive",
        ("Put it into the passive voice.", "Begin with the thing.", "Say what was done by whom."),
        make_passive,
    ),
    Family(
        "combine",
        ("Combine the sentences.", "Make one sentence of the two.", "Join the two sentences."),
        make_combine,
    ),
)
