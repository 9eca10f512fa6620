import hashlib

import pytest

KEY = "correct horse"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()


@pytest.fixture
def guarded(make_client):
    return make_client(AUTH="key", API_KEY_SHA256=DIGEST)


@pytest.mark.parametrize("path", ["/v1/predict?text=good", "/v1/models"])
def test_without_a_key_nothing_is_answered(guarded, path):
    answer = guarded.get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "Authorization: Bearer" in answer.json()["detail"]


def test_a_wrong_key_is_refused(guarded):
    answer = guarded.get("/v1/models", headers={"authorization": "Bearer wrong"})
    assert answer.status_code == 403


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "Bearer ", KEY])
def test_a_header_that_is_no_bearer_key_counts_as_none(guarded, header):
    assert guarded.get("/v1/models", headers={"authorization": header}).status_code == 401


def test_the_right_key_opens(guarded):
    answer = guarded.get("/v1/predict?text=good", headers={"authorization": f"Bearer {KEY}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/", "/health/live", "/health/ready", "/docs", "/openapi.json"])
def test_page_probes_and_documentation_stay_open(guarded, path):
    assert guarded.get(path).status_code == 200


def test_the_digest_itself_is_no_key(guarded):
    answer = guarded.get("/v1/models", headers={"authorization": f"Bearer {DIGEST}"})
    assert answer.status_code == 403
