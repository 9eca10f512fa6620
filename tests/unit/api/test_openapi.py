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


def operations(document):
    """Method, path and operation of each."""
    return [
        (method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def test_operations_keep_their_names(client):
    """Generated clients call their functions so: a name that changes breaks their users."""
    named = {
        f"{method.upper()} {path}": operation["operationId"]
        for method, path, operation in operations(client.get("/openapi.json").json())
    }
    assert named == {
        "POST /v1/predict": "predict",
        "GET /v1/predict": "predict_text",
        "POST /v1/models/{model}/predict": "predict_model",
        "GET /v1/models": "list_models",
        "POST /v1/feedback": "send_feedback",
        "POST /": "hugging_face",
        "POST /models/{model}": "hugging_face_model",
        "POST /predict": "text_embeddings_predict",
        "POST /embed": "text_embeddings_embed",
        "POST /embed_all": "text_embeddings_embed_all",
        "POST /similarity": "text_embeddings_similarity",
        "POST /v1/embeddings": "openai_embeddings",
        "POST /rerank": "rerank",
        "POST /v1/rerank": "v1_rerank",
        "POST /v2/rerank": "v2_rerank",
        "POST /score": "vllm_score",
        "POST /v1/score": "vllm_score_v1",
        "POST /classify": "vllm_classify",
        "GET /v2": "server_metadata",
        "GET /v2/health/live": "server_live",
        "GET /v2/health/ready": "server_ready",
        "GET /v2/models/{model}": "model_metadata",
        "GET /v2/models/{model}/ready": "model_ready",
        "POST /v2/models/{model}/infer": "infer",
        "GET /v2/models/{model}/versions/{version}": "version_metadata",
        "GET /v2/models/{model}/versions/{version}/ready": "version_ready",
        "POST /v2/models/{model}/versions/{version}/infer": "infer_version",
        "GET /health/live": "health_live",
        "GET /health/ready": "health_ready",
        "GET /v1/models/{model}": "retrieve_model",
        "POST /v1/decisions": "create_decision",
        "GET /health": "health",
        "GET /info": "server_info",
        "POST /tokenize": "tokenize",
        "POST /decode": "decode",
        "POST /embed_sparse": "embed_sparse",
        "GET /v2/models/stats": "all_statistics",
        "GET /v2/models/{model}/stats": "model_statistics",
        "GET /v2/models/{model}/versions/{version}/stats": "version_statistics",
        "GET /v2/models/{model}/config": "model_configuration",
        "GET /v2/models/{model}/versions/{version}/config": "version_configuration",
        "POST /v2/repository/index": "repository_index",
    }
    assert len({*named.values()}) == len(named)


def enums(node):
    """Every `enum` of a document."""
    if isinstance(node, list):
        return [enum for each in node for enum in enums(each)]
    if not isinstance(node, dict):
        return []
    own = [node["enum"]] if isinstance(node.get("enum"), list) else []
    return [*own, *(enum for each in node.values() for enum in enums(each))]


def test_the_values_of_an_enum_differ_by_more_than_case(client):
    found = enums(client.get("/openapi.json").json())
    assert ["Right", "Left"] in found
    assert [values for values in found if len({str(v).lower() for v in values}) < len(values)] == []


def test_a_service_with_a_key_declares_it_for_the_routes_that_want_it(make_client):
    guarded = make_client(AUTH="key", API_KEY_SHA256="a" * 64)
    document = guarded.get("/openapi.json").json()
    (name, scheme), *others = document["components"]["securitySchemes"].items()
    assert (name, scheme["type"], scheme["scheme"], others) == ("bearer", "http", "bearer", [])
    for method, path, operation in operations(document):
        wants_key = guarded.request(method, path).status_code == 401
        assert operation.get("security", []) == ([{"bearer": []}] if wants_key else []), path
    open_paths = {
        path for _, path, operation in operations(document) if not operation.get("security")
    }
    probes = {"/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"}
    assert open_paths == {"/health", *probes}


@pytest.mark.parametrize("auth", ["public", "iam", "jwt"])
def test_an_application_that_checks_no_key_declares_none(make_client, auth):
    document = make_client(AUTH=auth).get("/openapi.json").json()
    assert "securitySchemes" not in document["components"]
    assert not [path for _, path, operation in operations(document) if "security" in operation]
