"""The words of the synthetic data: English lists with their inflections, and invented words."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# ---------------------------------------------------------------------------- nouns, by kind
TOOLS = _words(
    "hammer saw needle rope ladder spade axe broom brush knife lantern lamp candle compass "
    "key hook chain shovel pin bell whistle mirror clock telescope map pencil pen ruler"
)
VESSELS = _words("basket box jar bottle cup bowl bucket barrel chest sack pot tin jug crate")
GARMENTS = _words("coat hat scarf glove boot belt cloak shirt apron shawl sock cap ring")
FURNITURE = _words("table chair bench shelf bed stool cupboard desk cradle drawer")
VEHICLES = _words("boat cart wagon sledge raft carriage bicycle barge tram balloon")
INSTRUMENTS = _words("drum flute fiddle harp horn guitar trumpet banjo")
TREASURES = _words("coin medal crown stone shell feather pearl button book letter stamp doll")
ANIMALS = _words(
    "dog cat horse cow goat sheep pig hen duck goose fox rabbit mouse owl crow frog bear "
    "wolf otter badger donkey squirrel hedgehog swan turtle parrot pony beaver heron"
)
FRUITS = _words("apple pear plum cherry orange lemon berry melon peach fig grape")
FOODS = _words("cake pie loaf soup cheese biscuit pancake stew dumpling sandwich omelette pudding")
INGREDIENTS = _words("flour butter milk honey salt sugar rice pepper cream oil mint ginger")
VEGETABLES = _words("carrot onion potato turnip cabbage pumpkin bean leek mushroom radish")
PLANTS = _words("oak willow rose daisy fern tulip pine birch lily thistle poppy ivy")
PLACES = _words(
    "market mill harbour forest garden river bridge hill castle tower cave island farm inn "
    "library school station village valley meadow orchard well beach lighthouse bakery "
    "workshop barn chapel pond square theatre museum ferry field"
)
ROOMS = _words("kitchen cellar attic hall pantry bedroom parlour shed stable porch")
OCCUPATIONS = _words(
    "baker miller farmer sailor teacher doctor tailor painter singer shepherd smith potter "
    "carpenter fisher gardener weaver cook clerk guard judge postman librarian nurse "
    "engineer merchant driver hunter cobbler barber actor"
)
KIN = _words("mother father sister brother aunt uncle cousin grandmother grandfather")
MATERIALS = _words("wood iron glass clay silver copper wool leather paper straw brass silk")
ABSTRACTS = _words("promise secret plan song game riddle gift lesson dream prize debt wish")
BODY = _words("hand foot eye ear nose arm knee shoulder finger head back tooth")

NOUN_KINDS: dict[str, tuple[str, ...]] = {
    "tool": TOOLS,
    "vessel": VESSELS,
    "garment": GARMENTS,
    "piece of furniture": FURNITURE,
    "vehicle": VEHICLES,
    "instrument": INSTRUMENTS,
    "treasure": TREASURES,
    "animal": ANIMALS,
    "fruit": FRUITS,
    "food": FOODS,
    "vegetable": VEGETABLES,
    "plant": PLANTS,
    "place": PLACES,
    "room": ROOMS,
    "occupation": OCCUPATIONS,
}
"""Countable nouns by the kind that their hypernym names."""

NOUNS: tuple[str, ...] = tuple(dict.fromkeys(word for kind in NOUN_KINDS.values() for word in kind))
"""Every countable noun once."""

# ------------------------------------------------------------------------------- adjectives
COLOURS = _words("red blue green yellow white black brown grey purple pink golden silver scarlet")
SIZES = _words("small large tiny huge long short tall wide narrow little heavy light")
QUALITIES = _words(
    "old new broken shiny dusty smooth rough soft hard round square plain pretty strange rusty "
    "clean dirty warm cold wet dry sharp dull rare common cheap costly hollow solid bright dark "
    "curved straight fine simple"
)
MOODS = _words(
    "happy sad angry tired proud shy brave afraid calm curious lonely cheerful worried gentle "
    "patient eager jealous grateful nervous stubborn"
)
CHARACTERS = _words(
    "kind clever honest lazy careful greedy polite quiet noisy wise foolish generous strong weak "
    "quick slow young friendly bold modest"
)
ADJECTIVES: tuple[str, ...] = tuple(dict.fromkeys(COLOURS + SIZES + QUALITIES + MOODS + CHARACTERS))
"""Every adjective once."""

OPPOSITES: tuple[tuple[str, str], ...] = (
    ("small", "large"),
    ("tiny", "huge"),
    ("long", "short"),
    ("wide", "narrow"),
    ("heavy", "light"),
    ("old", "new"),
    ("smooth", "rough"),
    ("soft", "hard"),
    ("clean", "dirty"),
    ("warm", "cold"),
    ("wet", "dry"),
    ("sharp", "dull"),
    ("rare", "common"),
    ("cheap", "costly"),
    ("hollow", "solid"),
    ("bright", "dark"),
    ("curved", "straight"),
    ("happy", "sad"),
    ("brave", "afraid"),
    ("quiet", "noisy"),
    ("wise", "foolish"),
    ("strong", "weak"),
    ("quick", "slow"),
    ("greedy", "generous"),
)

# ------------------------------------------------------------------------------------ verbs


class Verb(NamedTuple):
    """One verb: look, looks, looked, looked, looking."""

    base: str
    s: str
    past: str
    participle: str
    ing: str


_IRREGULAR = {
    "begin": "began begun",
    "bend": "bent bent",
    "bring": "brought brought",
    "build": "built built",
    "buy": "bought bought",
    "catch": "caught caught",
    "choose": "chose chosen",
    "come": "came come",
    "cut": "cut cut",
    "dig": "dug dug",
    "draw": "drew drawn",
    "drink": "drank drunk",
    "eat": "ate eaten",
    "fall": "fell fallen",
    "feed": "fed fed",
    "feel": "felt felt",
    "find": "found found",
    "fly": "flew flown",
    "forget": "forgot forgotten",
    "give": "gave given",
    "go": "went gone",
    "grow": "grew grown",
    "hear": "heard heard",
    "hide": "hid hidden",
    "hold": "held held",
    "keep": "kept kept",
    "know": "knew known",
    "leave": "left left",
    "lend": "lent lent",
    "lose": "lost lost",
    "make": "made made",
    "meet": "met met",
    "read": "read read",
    "ride": "rode ridden",
    "ring": "rang rung",
    "run": "ran run",
    "say": "said said",
    "see": "saw seen",
    "sell": "sold sold",
    "send": "sent sent",
    "shake": "shook shaken",
    "sing": "sang sung",
    "sit": "sat sat",
    "sleep": "slept slept",
    "speak": "spoke spoken",
    "stand": "stood stood",
    "steal": "stole stolen",
    "swim": "swam swum",
    "take": "took taken",
    "teach": "taught taught",
    "tell": "told told",
    "think": "thought thought",
    "throw": "threw thrown",
    "wake": "woke woken",
    "wear": "wore worn",
    "win": "won won",
    "write": "wrote written",
}
_REGULAR = _words(
    "answer ask borrow carry climb close cook count cover cross cry dance drop fill fix follow "
    "guard help hope hurry jump kick kiss knock laugh learn lift like listen live lock look love "
    "mend move notice open paint pick plant play polish promise pull push reach repair rest "
    "return search share shout show smile start stay stop study talk thank touch trade travel "
    "try turn visit wait walk want wash watch whisper wish work wrap"
)
_DOUBLING = frozenset(
    _words("begin cut dig drop forget get hug plan rub run shop sit stop swim trip win wrap")
)


def _verb(base: str) -> Verb:
    stem = base + base[-1] if base in _DOUBLING else base
    drops_e = base.endswith("e") and not base.endswith("ee")
    ing = (base[:-1] if drops_e else stem) + "ing"
    if base in _IRREGULAR:
        past, participle = _IRREGULAR[base].split()
    elif base.endswith("e"):
        past = participle = base + "d"
    elif base.endswith("y") and base[-2] not in "aeiou":
        past = participle = base[:-1] + "ied"
    else:
        past = participle = stem + "ed"
    third = "goes" if base == "go" else plural(base)
    return Verb(base, third, past, participle, ing)


# ------------------------------------------------------------------------------ inflection
_PLURALS = {
    "foot": "feet",
    "goose": "geese",
    "knife": "knives",
    "loaf": "loaves",
    "mouse": "mice",
    "postman": "postmen",
    "potato": "potatoes",
    "sheep": "sheep",
    "shelf": "shelves",
    "tooth": "teeth",
    "wolf": "wolves",
}


def plural(noun: str) -> str:
    """The plural of a noun: box, boxes; berry, berries; knife, knives."""
    if noun in _PLURALS:
        return _PLURALS[noun]
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def with_article(phrase: str) -> str:
    """The phrase behind "a" or "an", by its first sound: a useful tool, an hour, an old owl."""
    first = phrase.lower()
    vowel = first.startswith(("a", "e", "i", "o", "u", "hour", "honest"))
    return ("an " if vowel and not first.startswith(("use", "uni", "one", "eu")) else "a ") + phrase


VERBS: tuple[Verb, ...] = tuple(_verb(base) for base in sorted([*_IRREGULAR, *_REGULAR]))
"""Every verb once, in the order of its base form."""

NUMBERS = _words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
)
"""Number words; the index is the number."""

DAYS = _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = _words(
    "January February March April May June July August September October November December"
)
SEASONS = ("spring", "summer", "autumn", "winter")
WEATHER = _words("rainy sunny windy foggy stormy snowy cloudy frosty misty mild")

WOMEN = _words(
    "Ada Alice Anna Asha Bella Carla Cathy Clara Deepa Diana Edith Elena Emma Eva Farah Fiona "
    "Freya Gita Greta Hana Helen Ida Ines Jana Jane Jasmin Julia Karen Kate Laila Laura Lina Lisa "
    "Lucy Magda Maria Marta Mei Mia Mila Nadia Nell Nina Nora Olga Paula Petra Priya Rachel Rita "
    "Rosa Ruth Sandra Sara Sofia Susan Tara Tess Tina Uma Vera Viola Wendy Yara Zoe"
)
MEN = _words(
    "Alan Amir Arthur Ben Boris Bruno Carlos Chen Dan David Emil Erik Ethan Felix George Harry "
    "Hugo Ian Igor Isaac Ivan Jack Joel John Jonas Karl Kenji Kim Lars Leo Louis Luis Malik Marco "
    "Noah Oliver Omar Oscar Otto Pedro Peter Quentin Ravi Sam Sean Simon Stefan Theo Thomas Tom "
    "Victor Walter Yusuf"
)
FIRST_NAMES: tuple[str, ...] = tuple(sorted(WOMEN + MEN))
"""Names that stories, messages and instructions share; most people of the stories bear one."""

TOWNS: tuple[str, ...] = tuple(
    stem + ending
    for stem in _words("Ash Elm Mill Brook Fox Thorn Stone Wolf Salt Hazel Lang North Kings Marl")
    for ending in _words("ton ford ham field wick")
)
"""Names of towns that stories and instructions share."""

# --------------------------------------------------------------------------- invented words
# The simple sounds stand several times: they come more often.
_ONSETS = _words(
    "b d f g h j k l m n p r s t v z b d f g h j k l m n p r s t v z "
    "bl br ch cl cr dr fl fr gl gr pl pr sh sk sl sn st th tr tw w y"
)
_MIDDLES = _words(
    "b d f g k l m n p r t v z b d f g k l m n p r t v z ld lm lt mb mp nd nk nt rb rd rk rm rn "
    "rt sk st"
)
_NUCLEI = _words("a e i o u a e i o u a e i o u ai ea ee oa oo")
# No ending looks like an English inflection, so that plurals and pasts of invented words are new.
_CODAS = _words("n n l l r r m k t p d b x g ck f nd rn lt mp sk st th")
_ENGLISH = frozenset(
    form
    for word in NOUNS + ADJECTIVES + INGREDIENTS + KIN + MATERIALS + ABSTRACTS + BODY + SEASONS
    for form in (word, plural(word))
) | frozenset(form for verb in VERBS for form in verb)
_NAMES = frozenset(name.lower() for name in FIRST_NAMES + TOWNS)
# English words outside the lists above that the syllables can also make.
_ALSO_ENGLISH = frozenset(
    _words(
        "about again begin below cabin comet cousin famous forest hidden legend linen melon moment "
        "modern parent pilot planet pocket prison rabbit raven robin salad seven siren solid "
        "talent ticket velvet vomit widen wizard wooden worth woman women second happen listen "
        "present student silent moon garland market return perhaps morning summit harbor hermit "
        "basin bacon token taken broken spoken frozen wagon dragon common cotton button ribbon "
        "reason season poison prison lesson person certain captain curtain mountain fountain remain"
    )
)
_HELD_OUT_PERCENT = 20


def is_held_out(word: str) -> bool:
    """Whether a word, upper or lower case, belongs to the fifth that instruction tests keep.

    Decided by the hash of the word alone, so every generator agrees without sharing a list.
    Only invented words are parted: stories and training records use those that are not held out,
    held-out records those that are. English words stand on both sides.
    """
    digest = hashlib.blake2b(word.lower().encode("utf-8"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % 100 < _HELD_OUT_PERCENT


def pseudo_word(rng: random.Random, *, held_out: bool | None = False) -> str:
    """An invented lower-case word of two or three syllables, pronounceable, never an English one.

    held_out: False draws from the training words, True from the held-out ones, None from both.
    There are some millions of them.
    """
    while True:
        word = rng.choice(_ONSETS) + rng.choice(_NUCLEI)
        for _ in range(2 if rng.random() < 0.2 else 1):
            word += rng.choice(_MIDDLES) + rng.choice("aeiou")
        if word.endswith("e") or rng.random() < 0.65:
            word += rng.choice(_CODAS)
        # "-ed", "-er" and "-en" would read as English inflections.
        if word.endswith(("ed", "er", "en")):
            continue
        if word in _ENGLISH or word in _ALSO_ENGLISH or word in _NAMES:
            continue
        if held_out is None or is_held_out(word) == held_out:
            return word


def pseudo_name(rng: random.Random, *, held_out: bool | None = False) -> str:
    """An invented personal name: a capitalised invented word, parted by the same rule."""
    return pseudo_word(rng, held_out=held_out).capitalize()
