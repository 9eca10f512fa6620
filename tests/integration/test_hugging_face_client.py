"""`huggingface_hub.InferenceClient` as it is installed, against real servers and the Lambda."""

import math

import httpx
import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

from function.api.app import create_app
from function.backends.onnx_backend import OnnxBackend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.core.errors import OverloadedError
from function.settings import Settings, load_settings
from tests.serving import running_app, running_function, running_server, wanting
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact

pytestmark = pytest.mark.integration

KEY = "correct horse"
CONFIDENT = 1 / (1 + math.exp(-4))
SECONDS = 60


@pytest.fixture(autouse=True)
def nobody_is_logged_in(monkeypatch, tmp_path):
    """No token of this machine's user is sent, and the client is not set to stay offline."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_artifact(folder / "sentiment")
    return write_entity_artifact(folder / "ner").parent


@pytest.fixture(scope="module")
def url(models):
    with running_server(models) as server:
        yield server.url


@pytest.fixture(scope="module")
def guarded_url(models):
    with running_server(models, **wanting(KEY)) as server:
        yield server.url


def pairs(elements):
    return [(element.label, element.score) for element in elements]


def failure(client, text="good"):
    """What a user of the client sees of a refusal."""
    with pytest.raises(HfHubHTTPError) as caught:
        client.text_classification(text)
    return caught.value


@pytest.mark.parametrize("path", ["", "/", "/models/sentiment"])
def test_a_text_is_classified_best_label_first(url, path):
    answer = InferenceClient(url + path).text_classification("a good film")
    assert pairs(answer) == [
        ("positive", pytest.approx(CONFIDENT)),
        ("negative", pytest.approx(1 - CONFIDENT)),
    ]


def test_the_address_may_be_given_with_the_call_or_as_base_url(url):
    with_call = InferenceClient().text_classification("bad", model=f"{url}/models/sentiment")
    as_base = InferenceClient(base_url=url).text_classification("bad")
    assert with_call == as_base
    assert with_call[0].label == "negative"


def test_only_as_many_labels_as_were_asked_for_come_back(url):
    answer = InferenceClient(url).text_classification("bad film", top_k=1)
    assert pairs(answer) == [("negative", pytest.approx(CONFIDENT))]


@pytest.mark.parametrize(
    ("function", "positive", "negative"),
    [
        ("softmax", CONFIDENT, 1 - CONFIDENT),
        ("sigmoid", 1 / (1 + math.exp(-2)), 1 / (1 + math.exp(2))),
        ("none", 2.0, -2.0),
    ],
)
def test_scores_are_made_by_the_function_that_was_asked_for(url, function, positive, negative):
    answer = InferenceClient(url).text_classification("good", function_to_apply=function)
    assert dict(pairs(answer)) == pytest.approx({"positive": positive, "negative": negative})


TEXT = "🐈 Ada Lovelace met Acme in New York."


def entities(elements):
    return [(each.entity_group, each.word, each.start, each.end) for each in elements]


@pytest.mark.parametrize("strategy", [None, "simple", "first", "average", "max"])
def test_entities_are_found(url, strategy):
    client = InferenceClient(f"{url}/models/ner")
    answer = client.token_classification(TEXT, aggregation_strategy=strategy)
    assert entities(answer) == [
        ("PER", "Ada Lovelace", 2, 14),
        ("ORG", "Acme", 19, 23),
        ("LOC", "New York", 27, 35),
    ]
    assert all(0.5 < each.score <= 1 for each in answer)


def test_words_are_tagged_where_no_aggregation_is_asked_for(url):
    client = InferenceClient(f"{url}/models/ner")
    answer = client.token_classification("met Ada Lovelace", aggregation_strategy="none")
    assert [(each.entity, each.word) for each in answer] == [
        ("B-PER", "Ada"),
        ("I-PER", "Lovelace"),
    ]


def test_labels_of_entities_can_be_left_out(url):
    client = InferenceClient(f"{url}/models/ner")
    answer = client.token_classification(TEXT, ignore_labels=["O", "PER", "LOC"])
    assert entities(answer) == [("ORG", "Acme", 19, 23)]


def test_a_text_that_names_nothing_has_no_entities(url):
    assert InferenceClient(f"{url}/models/ner").token_classification("met in , .") == []


@pytest.mark.parametrize(
    ("path", "text", "status", "said"),
    [
        ("/models/nonsense", "good", 404, "no model 'nonsense' here; served: ner, sentiment"),
        ("", "", 422, "inputs: send a text or a list of texts, of which none may be empty"),
        ("", " \n", 422, "text 0 is empty: send at least one word"),
        ("", "good " * 20_000, 413, "text 0 has 100000 characters: send at most 50000"),
        ("", "good " * 1_000_000, 413, "the body is too large: send at most 4000000 bytes"),
    ],
)
def test_a_refusal_shows_why_and_under_which_request(url, path, text, status, said):
    error = failure(InferenceClient(url + path), text)
    assert error.response.status_code == status
    assert said in error.server_message
    assert said in str(error)
    assert f"Request ID: {error.request_id}" in str(error)
    assert error.request_id == error.response.headers["x-request-id"]


def test_the_token_opens_what_is_behind_a_key(guarded_url):
    answer = InferenceClient(guarded_url, token=KEY).text_classification("good")
    assert answer[0].label == "positive"


@pytest.mark.parametrize(
    ("token", "status", "said"),
    [
        (None, 401, "this service wants a key: send 'Authorization: Bearer KEY'"),
        ("wrong", 403, "that key is not known here"),
    ],
)
def test_without_the_right_token_the_client_gets_the_reason(guarded_url, token, status, said):
    error = failure(InferenceClient(guarded_url, token=token))
    assert error.response.status_code == status
    assert error.server_message == said
    assert said in str(error)


class Overloaded(DirectEngine):
    async def predict(self, model, texts, options):
        raise OverloadedError("9 windows of text are waiting; try again in 3 s", retry_after=3)


@pytest.mark.parametrize(
    ("engine", "status", "retry_after", "said"),
    [
        (DirectEngine, 503, "2", "the model is still being loaded; try again in a moment"),
        (Overloaded, 429, "3", "9 windows of text are waiting; try again in 3 s"),
    ],
)
def test_a_busy_service_is_reported_once_with_when_to_try_again(
    models, engine, status, retry_after, said
):
    """The client of today asks once: its caller reads `Retry-After`."""
    log: list[dict[str, object]] = []
    unloaded = Catalog(models, "sentiment", lambda a: OnnxBackend(a, 1), max_windows=64)
    app = create_app(engine(unloaded), load_settings(Settings, {}), log.append)
    with running_app(app) as address:
        error = failure(InferenceClient(address))
    assert error.response.status_code == status
    assert error.response.headers["retry-after"] == retry_after
    assert error.server_message == said
    assert said in str(error)
    assert [line["status"] for line in log] == [status]


def test_predict_answers_as_text_embeddings_inference_does(url):
    with httpx.Client(base_url=url) as client:
        one = client.post("/predict", json={"inputs": "good"})
        batch = client.post("/predict", json={"inputs": [["good"], ["bad"]], "raw_scores": True})
        pair = client.post("/predict", json={"inputs": ["good", "bad"]})
    assert [entry["label"] for entry in one.json()] == ["positive", "negative"]
    assert [entries[0] for entries in batch.json()] == [
        {"score": 2.0, "label": "positive"},
        {"score": 2.0, "label": "negative"},
    ]
    assert batch.headers["x-compute-characters"] == "7"
    assert int(batch.headers["x-queue-time"]) >= 0
    assert (pair.status_code, pair.json()["error_type"]) == (422, "Validation")


@pytest.fixture(scope="module")
def lambda_url(bundled_models, tmp_path_factory):
    """The handler under Lambda's runtime client and emulator, behind HTTP: the bundled model, and
    the tiny one that finds entities."""
    folder = tmp_path_factory.mktemp("lambda")
    (folder / "sentiment").symlink_to(bundled_models / "sentiment")
    write_entity_artifact(folder / "ner")
    with running_function(folder) as address:
        yield address


@pytest.mark.model
@pytest.mark.parametrize("path", ["", "/models/sentiment"])
def test_the_lambda_answers_the_client_too(lambda_url, path):
    client = InferenceClient(lambda_url + path)
    answer = client.text_classification("A dull, lazy waste of time.")
    assert [element.label for element in answer] == ["negative", "positive"]
    assert answer[0].score > 0.9
    logits = client.text_classification("A warm, funny film.", top_k=1, function_to_apply="none")
    assert [element.label for element in logits] == ["positive"]
    assert logits[0].score > 1


@pytest.mark.model
def test_the_lambda_finds_entities_for_the_client_too(lambda_url):
    client = InferenceClient(f"{lambda_url}/models/ner")
    assert entities(client.token_classification("Ada met Acme")) == [
        ("PER", "Ada", 0, 3),
        ("ORG", "Acme", 8, 12),
    ]


@pytest.mark.model
def test_the_lambda_reports_to_the_client_why_it_refuses(lambda_url):
    error = failure(InferenceClient(f"{lambda_url}/models/nonsense"))
    assert error.response.status_code == 404
    assert error.server_message.startswith("no model 'nonsense' here; served: ")
    assert error.request_id in str(error)


@pytest.mark.model
def test_the_lambda_answers_predict(lambda_url):
    inputs = [["A dull, lazy waste of time."], ["A warm, funny film."]]
    answer = httpx.post(f"{lambda_url}/predict", json={"inputs": inputs}, timeout=SECONDS)
    assert [entries[0]["label"] for entries in answer.json()] == ["negative", "positive"]
    assert answer.headers["x-compute-characters"] == str(sum(len(text) for [text] in inputs))
