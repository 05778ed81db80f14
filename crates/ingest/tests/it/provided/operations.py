"""Writes operations.json beside this file: of the providers' documents in FOLDER the operations that answer a GET with what
we ask for, and their query's parameters, whether they must be there and the values they may have.

    python3 operations.py FOLDER      # with the files named below; needs PyYAML

Two are OpenAPI; youtube.v3.json is Google's own format, from the package google-api-python-client.
"""
import gzip
import json
import pathlib
import sys

import yaml

FILES = {
    "tmdb": "tmdb-openapi.json.gz",
    "streaming_availability": "streaming-availability-openapi.yaml",
    "youtube": "youtube.v3.json",
}
# Of these parts of the documents we use something, or might.
PARTS = ("/3/discover/", "/3/find/", "/3/search/multi", "/3/movie/{", "/3/tv/{", "/shows/")
LISTS = ("search", "videos", "playlistItems")


def resolved(document, node):
    while "$ref" in node:
        place, node = node["$ref"].removeprefix("#/").split("/"), document
        for part in place:
            node = node[part]
    return node


def operations(document):
    for path, told in document["paths"].items():
        if "get" not in told or not path.startswith(PARTS):
            continue
        given = [resolved(document, one) for one in told.get("parameters", []) + told["get"].get("parameters", [])]
        yield path, {
            one["name"]: {
                "required": bool(one.get("required")),
                "values": resolved(document, one.get("schema", {})).get("enum", []),
            }
            for one in given
            if one["in"] == "query"
        }


def discovered(document):
    for name in LISTS:
        told = document["resources"][name]["methods"]["list"]
        yield "/" + told["path"], {
            name: {"required": bool(one.get("required")), "values": one.get("enum", [])}
            for name, one in told["parameters"].items()
            if one["location"] == "query"
        }


folder = pathlib.Path(sys.argv[1])
found = {}
for name, file in FILES.items():
    data = (folder / file).read_bytes()
    text = gzip.decompress(data) if file.endswith(".gz") else data
    document = yaml.safe_load(text) if ".yaml" in file else json.loads(text)
    if "resources" in document:
        found[name] = {"version": document["version"], "operations": dict(discovered(document))}
    else:
        found[name] = {"version": str(document["info"]["version"]), "operations": dict(operations(document))}
(pathlib.Path(__file__).parent / "operations.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
