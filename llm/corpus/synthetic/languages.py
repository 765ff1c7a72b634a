"""Short documents in French, German and Spanish, for a language filter to find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llm.corpus.synthetic.grammar import fill
from llm.corpus.synthetic.words import pseudo_name

if TYPE_CHECKING:
    import random

_FRENCH = (
    (
        "il était une fois [un pauvre boulanger|un vieux pêcheur|un jeune berger] qui vivait près "
        "de {town} et qui s'appelait {hero}."
    ),
    (
        "{hero} [se levait chaque matin avant le soleil|n'avait qu'une petite maison et un âne "
        "gris|aimait raconter des histoires aux enfants]."
    ),
    (
        "un jour, [il trouva une clé d'or dans le jardin|il perdit son chapeau sur le pont|une "
        "lettre arriva de la ville]."
    ),
    "« [Que faire maintenant|Qui peut m'aider|Où dois-je aller] ? » se demanda {hero}.",
    (
        "alors {friend} lui dit : « [Prends ton temps et cherche encore|Viens avec moi au "
        "marché|Il faut demander au meunier]. »"
    ),
    (
        "[la pluie tombait depuis trois jours|le vent soufflait dans les arbres|il faisait très "
        "froid cet hiver-là], mais [personne ne voulait rester à la maison|la route était belle]."
    ),
    (
        "{friend} apporta [du pain et du fromage|une bouteille de lait|une grande corde], et ils "
        "partirent ensemble vers {town}."
    ),
    (
        "ils marchèrent [toute la journée|jusqu'à la nuit|pendant deux heures] sans rencontrer "
        "[personne|une seule maison]."
    ),
    (
        "[au bout du chemin|derrière la colline|près de la rivière], ils virent enfin [une "
        "lumière|un vieux château|la mer]."
    ),
    (
        "{hero} n'oublia jamais ce que {friend} avait fait pour lui[, et il lui donna son plus "
        "beau cheval|]."
    ),
    (
        "[depuis ce jour|depuis lors], les gens de {town} disent que {hero} est l'homme le plus "
        "[heureux|sage|généreux] du pays."
    ),
    (
        "[le soir|après le repas], les voisins se réunissaient pour [chanter|écouter "
        "{friend}|boire du vin]."
    ),
)
_GERMAN = (
    (
        "es war einmal [ein armer Bäcker|ein alter Fischer|ein junger Hirte], der in der Nähe von "
        "{town} lebte und {hero} hieß."
    ),
    (
        "{hero} [stand jeden Morgen vor der Sonne auf|hatte nur ein kleines Haus und einen grauen "
        "Esel|erzählte den Kindern gern Geschichten]."
    ),
    (
        "eines Tages [fand er einen goldenen Schlüssel im Garten|verlor er seinen Hut auf der "
        "Brücke|kam ein Brief aus der Stadt]."
    ),
    "„[Was soll ich jetzt tun|Wer kann mir helfen|Wohin soll ich gehen]?“ fragte sich {hero}.",
    (
        "da sagte {friend}: „[Nimm dir Zeit und such noch einmal|Komm mit mir auf den Markt|Du "
        "musst den Müller fragen].“"
    ),
    (
        "[Es regnete schon seit drei Tagen|Der Wind wehte durch die Bäume|Es war sehr kalt in "
        "jenem Winter], aber [niemand wollte zu Hause bleiben|der Weg war schön]."
    ),
    (
        "{friend} brachte [Brot und Käse|eine Flasche Milch|ein langes Seil], und sie gingen "
        "zusammen nach {town}."
    ),
    (
        "sie liefen [den ganzen Tag|bis in die Nacht|zwei Stunden lang], ohne [jemanden|ein "
        "einziges Haus] zu sehen."
    ),
    (
        "[am Ende des Weges|hinter dem Hügel|nahe am Fluss] sahen sie endlich [ein Licht|ein altes "
        "Schloss|das Meer]."
    ),
    (
        "{hero} vergaß nie, was {friend} für ihn getan hatte[, und schenkte ihm sein schönstes "
        "Pferd|]."
    ),
    (
        "[seit diesem Tag|seitdem] sagen die Leute in {town}, dass {hero} der "
        "[glücklichste|klügste|großzügigste] Mann im ganzen Land ist."
    ),
    (
        "[am Abend|nach dem Essen] trafen sich die Nachbarn, um [zu singen|{friend} "
        "zuzuhören|Wein zu trinken]."
    ),
)
_SPANISH = (
    (
        "había una vez [un pobre panadero|un viejo pescador|un joven pastor] que vivía cerca de "
        "{town} y se llamaba {hero}."
    ),
    (
        "{hero} [se levantaba cada mañana antes que el sol|solo tenía una casa pequeña y un burro "
        "gris|contaba historias a los niños]."
    ),
    (
        "un día [encontró una llave de oro en el jardín|perdió su sombrero en el puente|llegó una "
        "carta de la ciudad]."
    ),
    "—¿[Qué hago ahora|Quién me puede ayudar|Adónde debo ir]? —se preguntó {hero}.",
    (
        "entonces {friend} le dijo: —[Busca otra vez y no tengas prisa|Ven conmigo al mercado|Hay "
        "que preguntar al molinero]."
    ),
    (
        "[llovía desde hacía tres días|el viento soplaba entre los árboles|hacía mucho frío aquel "
        "invierno], pero [nadie quería quedarse en casa|el camino era hermoso]."
    ),
    (
        "{friend} trajo [pan y queso|una botella de leche|una cuerda larga], y se fueron juntos "
        "hacia {town}."
    ),
    "caminaron [todo el día|hasta la noche|durante dos horas] sin ver [a nadie|ni una sola casa].",
    (
        "[al final del camino|detrás de la colina|cerca del río] vieron por fin [una luz|un "
        "castillo antiguo|el mar]."
    ),
    "{hero} nunca olvidó lo que {friend} había hecho por él[, y le regaló su mejor caballo|].",
    (
        "[desde aquel día|desde entonces] la gente de {town} dice que {hero} es el hombre más "
        "[feliz|sabio|generoso] del país."
    ),
    (
        "[por la noche|después de comer], los vecinos se reunían para [cantar|escuchar a {friend}|"
        "beber vino]."
    ),
)
LANGUAGES = {"fr": _FRENCH, "de": _GERMAN, "es": _SPANISH}


def foreign(rng: random.Random) -> tuple[str, str]:
    """A language code (ISO 639-1) and a document of about 700 to 2,500 characters in it."""
    language = rng.choice(tuple(LANGUAGES))
    sentences = LANGUAGES[language]
    names = {name: pseudo_name(rng) for name in ("hero", "friend", "town")}
    paragraphs = []
    for part in range(rng.randint(1, 3)):
        chosen = [*sentences[:1]] if part == 0 else []
        chosen += rng.sample(sentences[1:], rng.randint(7, 10))
        paragraphs.append(" ".join(fill(sentence, rng, names) for sentence in chosen))
    return language, "\n\n".join(paragraphs)
