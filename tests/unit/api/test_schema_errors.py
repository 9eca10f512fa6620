"""Messages about a wrong member, for all members of all requests: plain, with no pydantic in it."""

import re

import pytest

VALUES: list[object] = [
    None,
    "",
    5,
    True,
    "Ω",
    [],
    [""],
    [5],
    [None],
    [[]],
    [[5]],
    ["good", 5],
    {},
    {"a": 1},
]
INTERNAL = re.compile(
    r"constrained|function-|nullable|union|list\[|dict\[|\bstr\b|\bint\b|\bbool\b"
)


def resolved(document, schema):
    """A schema without references, and the alternatives of one that has several."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    alternatives = schema.get("anyOf") or schema.get("oneOf") or [schema]
    return (
        [schema]
        if alternatives == [schema]
        else [each for alternative in alternatives for each in resolved(document, alternative)]
    )


def places(document, schema):
    """Paths of every member that a request may have, at any depth; 0 is an element of a list."""
    for kind in resolved(document, schema):
        for name, member in kind.get("properties", {}).items():
            yield [name]
            for path in places(document, member):
                yield [name, *path]
        if "items" in kind:
            yield [0]
            for path in places(document, kind["items"]):
                yield [0, *path]


def put(value, path, bad):
    """Return a copy of a value with a bad one at a path, which is made where it is absent."""
    if not path:
        return bad
    first, *rest = path
    if first == 0:
        items = value if isinstance(value, list) and value else [None]
        return [put(items[0], rest, bad), *items[1:]]
    members = value if isinstance(value, dict) else {}
    return {**members, first: put(members.get(first), rest, bad)}


def requests(document):
    """Path, valid body and the paths of members, of each route that takes JSON."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            content = operation.get("requestBody", {}).get("content", {})
            if schema := content.get("application/json", {}).get("schema"):
                for kind in resolved(document, schema):
                    yield path, kind["examples"][0], [*places(document, kind)]


def test_no_message_names_what_pydantic_calls_its_types(open_client):
    client = open_client(FEEDBACK_TEXT="true")
    document = client.get("/openapi.json").json()
    seen = set()
    for path, body, members in requests(document):
        for member in members:
            for bad in VALUES:
                answer = client.post(
                    path.format(model="sentiment", version="1"), json=put(body, member, bad)
                )
                assert answer.status_code < 500
                if answer.status_code in (400, 422):
                    detail = answer.json()["detail"]
                    seen.add((path, member[0]))
                    assert not INTERNAL.search(detail), (path, member, bad, detail)
    assert {("/v1/predict", "inputs"), ("/", "inputs"), ("/predict", "inputs")} < seen
    assert ("/v2/models/{model}/infer", "inputs") in seen
    assert ("/v1/feedback", "entities") in seen


@pytest.mark.parametrize("given", ["", [], 5, None, {}])
@pytest.mark.parametrize("path", ["/v1/predict", "/"])
def test_a_text_that_is_none_is_answered_in_one_sentence(client, path, given):
    answer = client.post(path, json={"inputs": given})
    assert answer.status_code == 422
    wanted = "inputs: send a text or a list of texts, of which none may be empty"
    assert answer.json()["detail"] == wanted
