"""Pages of other origins call the service only where `CORS_ORIGINS` names theirs."""

import hashlib

import pytest
from fastapi.testclient import TestClient

from function.api.app import EXPOSED_HEADERS, create_app
from function.core.errors import OverloadedError
from function.settings import Settings, load_settings

SITE, OTHER = "https://www.example.com", "https://evil.example"
KEY = "correct horse"
LOCKED = {"AUTH": "key", "API_KEY_SHA256": hashlib.sha256(KEY.encode()).hexdigest()}
PREFLIGHT = {
    "origin": SITE,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-prediction-log",
}


@pytest.fixture
def shared(make_client):
    return make_client(CORS_ORIGINS=f"{SITE},http://localhost:3000", MAX_BODY_BYTES="2000")


def assert_readable(answer, origin=SITE):
    assert answer.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-credentials" not in answer.headers
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert exposed == list(EXPOSED_HEADERS)
    assert {"x-request-id", "server-timing", "retry-after"} < {*exposed}


def test_without_the_setting_nothing_says_cors(client):
    assert client.options("/v1/predict", headers=PREFLIGHT).status_code == 405
    answer = client.get("/v1/predict?text=good", headers={"origin": SITE})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_preflight_allows_the_key_without_being_asked_for_it(make_client):
    client = make_client(CORS_ORIGINS=SITE, **LOCKED)
    answer = client.options("/v1/predict", headers=PREFLIGHT)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == SITE
    assert answer.headers["access-control-allow-methods"] == "GET, POST"
    allowed = answer.headers["access-control-allow-headers"]
    assert allowed == PREFLIGHT["access-control-request-headers"]
    assert answer.headers["access-control-max-age"] == "3600"
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "changed", [{"origin": OTHER}, {"access-control-request-method": "DELETE"}]
)
def test_a_preflight_of_another_origin_or_method_is_refused(shared, changed):
    answer = shared.options("/v1/predict", headers=PREFLIGHT | changed)
    assert answer.status_code == 400
    assert answer.headers.get("access-control-allow-origin") != OTHER


@pytest.mark.parametrize("origin", [SITE, "http://localhost:3000"])
def test_an_answer_names_the_origin_and_varies_by_it(shared, origin):
    answer = shared.get("/v1/predict?text=good", headers={"origin": origin})
    assert answer.status_code == 200
    assert_readable(answer, origin)
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("headers", [{}, {"origin": OTHER}])
def test_other_callers_are_answered_unreadably_for_their_pages(shared, headers):
    answer = shared.get("/v1/predict?text=good", headers=headers)
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Origin"  # no cache may hand it to the site


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"url": "/v1/models/nonsense/predict", "json": {"inputs": "good"}}, 404),
        ({"url": "/v1/predict", "json": {"inputs": "good " * 1000}}, 413),
        ({"url": "/v1/predict", "content": "good"}, 400),
        ({"url": "/v1/predict", "json": {}}, 422),
        ({"url": "/health/live", "json": {}}, 405),
    ],
)
def test_errors_can_be_read(shared, request_, status):
    answer = shared.post(**request_, headers={"origin": SITE})
    assert answer.status_code == status
    assert_readable(answer)


@pytest.mark.parametrize(("key", "status"), [(None, 401), ("wrong", 403)])
def test_a_missing_or_wrong_key_can_be_read(make_client, key, status):
    client = make_client(CORS_ORIGINS=SITE, **LOCKED)
    headers = {"origin": SITE} | ({"authorization": f"Bearer {key}"} if key else {})
    answer = client.post("/v1/predict", json={"inputs": "good"}, headers=headers)
    assert answer.status_code == status
    assert_readable(answer)


@pytest.mark.parametrize(
    ("error", "status"), [(OverloadedError("full", retry_after=3), 429), (RuntimeError(), 500)]
)
def test_a_full_queue_and_a_crash_can_be_read(error, status):
    class Engine:
        def ready(self):
            return True

        def models(self):
            return []

        async def predict(self, *_):
            raise error

        async def tokenizer(self, _):
            raise error

    settings = load_settings(Settings, {"CORS_ORIGINS": SITE})
    client = TestClient(create_app(Engine(), settings, lambda _: None))
    answer = client.post("/v1/predict", json={"inputs": "good"}, headers={"origin": SITE})
    assert answer.status_code == status
    assert_readable(answer)
    assert answer.headers.get("retry-after") == ("3" if status == 429 else None)


def test_any_origin_is_named_by_a_star_and_never_with_credentials(make_client):
    client = make_client(CORS_ORIGINS="*")
    for headers in ({"origin": OTHER}, {"origin": OTHER, "cookie": "session=1"}):
        assert_readable(client.get("/v1/predict?text=good", headers=headers), "*")
    answer = client.options("/v1/predict", headers=PREFLIGHT | {"origin": OTHER})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_preflights_are_no_requests_of_the_log(shared, log):
    shared.options("/v1/predict", headers=PREFLIGHT)
    assert log == []
