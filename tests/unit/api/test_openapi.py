import json
import re

import pytest

NAMED = ["400", "401", "403", "404", "413", "415", "422", "429", "500", "503"]
UNNAMED = [status for status in NAMED if status != "404"]


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("/v1/predict", NAMED),
        ("/", NAMED),
        ("/models/{model}", NAMED),
        ("/predict", UNNAMED),
    ],
)
def test_every_status_of_a_route_is_a_documented_problem(client, path, statuses):
    document = client.get("/openapi.json").json()
    responses = document["paths"][path]["post"]["responses"]
    assert set(responses) == {"200", *statuses}
    for status in statuses:
        schema = responses[status]["content"]["application/problem+json"]["schema"]
        assert {"$ref": "#/components/schemas/Problem"} in schema.get("allOf", [schema])
    assert "error" in document["components"]["schemas"]["Problem"]["properties"]


def test_every_schema_that_is_referred_to_is_there(client):
    document = client.get("/openapi.json").json()
    referred = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert referred == referred & document["components"]["schemas"].keys()


def test_pages_are_not_part_of_the_document(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert list(paths["/"]) == ["post"]
    assert not {"/docs", "/redoc", "/web/{name}"} & paths.keys()
