"""Holds what the tests say of the documents of TMDb and Streaming Availability against these documents.

    python3 docs/measured/provider_documents.py ../shared/data/provider-apis

The servers that stand for the providers in `crates/ingest/tests/it` refuse what their tables of operations do not allow. The
tables were written by hand. Each of their operations must be in the document, with every parameter that it lists, each
value of it, and every parameter that must be there. Needs PyYAML.
"""

import gzip
import json
import pathlib
import re
import sys

import yaml

TESTS = pathlib.Path(__file__).parents[2] / "crates" / "ingest" / "tests" / "it"


def table(file: str, name: str) -> list[tuple[str, str, list[str]]]:
    """Method, path and parameters of each operation: `name`, `name!` that must be there, `name=a|b` with its values."""
    text = (TESTS / file).read_text()
    named = dict(re.findall(r'const (\w+): &str =\s*"((?:[^"\\]|\\\s+)*)"', text))
    begin = text.index(f"pub static {name}:")
    block = text[begin : text.index("answer", begin)]
    found = []
    for method, path, listed in re.findall(r'\(\s*"(GET|POST)",\s*"([^"]+)",\s*&\[(.*?)\],?\s*\)', block, re.S):
        words = re.findall(r'"([^"]+)"|(\w+)', listed)
        params = [text or named[constant] for text, constant in words]
        found.append((method, path, [re.sub(r"\\\s+", "", param) for param in params]))
    return found


def whole(document: dict, part: dict) -> dict:
    """What a reference stands for."""
    while "$ref" in part:
        place = document
        for name in part["$ref"].removeprefix("#/").split("/"):
            place = place[name]
        part = place
    return part


def differences(document: dict, method: str, path: str, params: list[str]) -> list[str]:
    paths = {re.sub(r"\{[^}]*\}", "{}", known): item for known, item in document["paths"].items()}
    operation = paths.get(path, {}).get(method.lower())
    if operation is None:
        return [f"{method} {path} is not in the document"]
    both = paths[path].get("parameters", []) + operation.get("parameters", [])
    known = {one["name"]: one for one in (whole(document, one) for one in both) if one["in"] == "query"}
    ours = {re.split("[!=]", param)[0]: param for param in params}
    said = [f"{path}: it has no parameter {name}" for name in ours.keys() - known.keys()]
    for name, one in known.items():
        param, values = ours.get(name, ""), whole(document, one.get("schema", {})).get("enum")
        if one.get("required") and "!" not in param:
            said.append(f"{path}: {name} must be there")
        stated = set(param.partition("=")[2].split("|")) if "=" in param else None
        if values and param and stated is None:
            said.append(f"{path}: any value of {name} passes, and the document has {values}")
        elif values and stated is not None and not stated <= set(map(str, values)):
            said.append(f"{path}: {name} can't be {stated - set(map(str, values))}")
    return said


def main() -> int:
    folder = pathlib.Path(sys.argv[1])
    documents = {
        "Streaming Availability": ("documents.rs", "STREAMING_AVAILABILITY", "streaming-availability-openapi.yaml"),
        "TMDb": ("tmdb.rs", "DOCUMENT", "tmdb-openapi.json.gz"),
    }
    failed = False
    for provider, (file, name, document) in documents.items():
        read = gzip.decompress if document.endswith(".gz") else bytes
        text = read((folder / document).read_bytes())
        parsed = json.loads(text) if ".json" in document else yaml.safe_load(text)
        operations = table(file, name)
        said = [line for operation in operations for line in differences(parsed, *operation)]
        count = sum(len(params) for _, _, params in operations)
        print(f"{provider} {parsed['info']['version']}: {len(operations)} operations, {count} parameters, {len(said)} differences")
        print("".join(f"  {line}\n" for line in said), end="")
        failed |= bool(said) or not operations
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
