"""Short searches with one right answer each, made from the facts of a catalogue.

    media-gateway export | python3 docs/measured/short_questions.py > short.jsonl
    media-gateway eval search --queries short.jsonl

Each answer follows from the facts alone: a kind of search is only made where exactly one title of the catalogue fits.
The seed is fixed, so that one catalogue always gives the same file. A fifth of the questions each:

    title          the whole title, where no other is called so            "the paper lighthouse"
    slip           the same with two neighbouring letters swapped          "the paper lihgthouse"
    part           two telling words of a longer title, with the year      "paper lighthouse 2019"
    person genre   where a person has one title of that genre              "bo finch thriller"
    genre decade   the same, narrowed by the decade                        "bo finch drama 2010s"
"""

import collections
import itertools
import json
import random
import sys

EACH = 200
SMALL = {"the", "a", "an", "of", "and", "in", "to", "for", "on", "at", "with", "by", "from"}


def identity(title):
    known = {entry["id_type"]: entry["id_value"] for entry in title["external_ids"]}
    return {"imdb_id": known.get("imdb"), "wikipedia_href": known.get("wikipedia")}


def slip(draw, text):
    places = [at for at in range(1, len(text) - 2) if text[at : at + 2].isalpha() and text[at] != text[at + 1]]
    at = draw.choice(places)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def main():
    draw = random.Random(20261121)
    titles = [json.loads(line) for line in sys.stdin]
    titles = [title for title in titles if title.get("release_year") and any(identity(title).values())]
    names = collections.Counter(title["title"].lower() for title in titles)
    parts = collections.Counter()
    genres = collections.Counter()
    decades = collections.Counter()
    searches = collections.defaultdict(list)
    for title in titles:
        name, year = title["title"].lower(), title["release_year"]
        if names[name] == 1 and len(name) >= 8 and name.replace(" ", "").isalpha():
            searches["title"].append((name, title))
            searches["slip"].append((slip(draw, name), title))
        words = [word for word in name.split() if word.isalpha() and word not in SMALL]
        if len(words) >= 3:
            part = (frozenset(words[:2]), year)
            searches["part"].append((f"{words[0]} {words[1]} {year}", title, part))
        for pair in itertools.combinations(sorted(set(words)), 2):
            parts[(frozenset(pair), year)] += 1
        for person in {credit["name"] for credit in title["credits"] if " " in credit["name"]}:
            for genre in title["genres"]:
                genres[(person, genre)] += 1
                decades[(person, genre, year // 10)] += 1
                spoken = f"{person.lower()} {genre.replace('_', ' ')}"
                searches["person genre"].append((spoken, title, (person, genre)))
                searches["genre decade"].append((f"{spoken} {year // 10}0s", title, (person, genre, year // 10)))
    only = {"part": parts, "person genre": genres, "genre decade": decades}
    for kind, found in searches.items():
        if kind in only:
            found = [entry for entry in found if only[kind][entry[2]] == 1]
        for query, title, *_ in draw.sample(found, min(EACH, len(found))):
            line = {"id": kind, "query": query, "text": "", "title": title["title"], "year": title["release_year"]}
            print(json.dumps(line | identity(title), ensure_ascii=False))


main()
