def test_every_status_of_a_route_is_a_documented_problem(client):
    document = client.get("/openapi.json").json()
    responses = document["paths"]["/v1/predict"]["post"]["responses"]
    for status in ("400", "401", "403", "404", "413", "415", "422", "429", "500", "503"):
        content = responses[status]["content"]["application/problem+json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert "error" in document["components"]["schemas"]["Problem"]["properties"]


def test_pages_are_not_part_of_the_document(client):
    assert "/" not in client.get("/openapi.json").json()["paths"]
