"""The `openai` client, as it comes, against the application, the server and the Lambda."""

import asyncio
import math
from typing import Any

import openai
import pytest
from fastapi.testclient import TestClient
from openai import AsyncOpenAI, OpenAI

from function.core.heads import ScoreDecoding
from tests.serving import build_app, running_function, running_server, wanting
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact

pytestmark = pytest.mark.integration

KEY = "correct horse"
QUESTION = "The reader likes the film."
QUESTIONS: Any = [
    {
        "type": "choice",
        "name": "tone",
        "instructions": "What is the tone?",
        "choices": [{"value": "good", "description": "liked"}, {"value": "negative"}],
    },
    {"type": "predicate", "instructions": [{"type": "input_text", "text": QUESTION}]},
    {
        "type": "score",
        "name": "stars",
        "instructions": "How many stars?",
        "levels": [{"label": "one"}, {"label": "two"}, {"label": "three"}],
    },
    {"type": "predicate", "name": "length", "instructions": "The film is long."},
]
LIKED = 1 / (1 + math.exp(-4))  # of "good": its logits are -2 and +2


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_artifact(
        folder / "sentiment",
        synonyms={"positive": ["good"]},
        questions={QUESTION: "positive"},
    )
    write_artifact(
        folder / "stars",
        model="stars",
        labels=["rating"],
        decoding=ScoreDecoding(activation="none"),
        levels={"one": -4, "two": 0, "three": 8},
    )
    return write_entity_artifact(folder / "ner").parent


@pytest.fixture(scope="module")
def connect(models):
    """A client of the application with these settings."""

    def connect(api_key=KEY, **environment):
        client = TestClient(build_app(models, **environment))
        url = "http://testserver/v1"
        return OpenAI(base_url=url, api_key=api_key, http_client=client, max_retries=0)

    return connect


@pytest.fixture(scope="module")
def client(connect):
    return connect()


@pytest.fixture(scope="module")
def server(models):
    with running_server(models) as server:
        yield f"{server.url}/v1"


@pytest.fixture(scope="module")
def function(models):
    """The address of the handler under Lambda's own runtime client."""
    with running_function(models) as address:
        yield f"{address}/v1"


def check(decision):
    tone, likes, stars, length = decision.answers
    assert (tone.type, tone.name, tone.choice) == ("choice", "tone", "good")
    assert tone.confidence == pytest.approx(LIKED)
    assert [each.value for each in tone.probabilities] == ["good", "negative"]
    assert sum(each.probability for each in tone.probabilities) == pytest.approx(1)
    assert (likes.type, likes.name, likes.probability) == (
        "predicate",
        None,
        pytest.approx(LIKED),
    )
    assert (stars.type, stars.score, stars.confidence) == ("score", 1.25, 0.75)
    assert [(each.label, each.value, each.probability) for each in stars.probabilities] == [
        ("one", 0, 0),
        ("two", 1, 0.75),
        ("three", 2, 0.25),
    ]
    assert (length.type, length.name) == ("refusal", "length")
    assert "declares" in length.reason
    assert decision.model == "sentiment, stars"
    usage = decision.usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (6, 0, 6)
    assert usage.input_tokens_details.cached_tokens == 0
    assert usage.output_tokens_details.reasoning_tokens == 0


def test_questions_are_answered_or_refused_one_by_one(client):
    check(client.decisions.create(model="auto", input="the good film", questions=QUESTIONS))


def test_every_parameter_of_the_client_may_be_sent(client):
    check(
        client.decisions.create(
            model="auto",
            input=[{"role": "user", "content": [{"type": "input_text", "text": "the good film"}]}],
            questions=QUESTIONS,
            prompt_cache_key="films",
            prompt_cache_options={"mode": "explicit", "ttl": "30m"},
            safety_identifier="reader 7",
        )
    )


def test_the_server_answers_the_same_to_many_at_once(server):
    async def ask():
        async with AsyncOpenAI(base_url=server, api_key="none") as client:
            calls = [
                client.decisions.create(model="auto", input="the good film", questions=QUESTIONS)
                for _ in range(8)
            ]
            return await asyncio.gather(*calls)

    for decision in asyncio.run(ask()):
        check(decision)


def test_the_lambda_answers_the_same(function):
    with OpenAI(base_url=function, api_key="none") as client:
        check(client.decisions.create(model="auto", input="the good film", questions=QUESTIONS))
        assert client.models.retrieve("stars").id == "stars"


def test_models_are_listed_and_described(client):
    listed = list(client.models.list())
    assert [model.id for model in listed] == ["sentiment", "ner", "stars"]
    first = client.models.retrieve("sentiment")
    assert first == listed[0]
    assert (first.object, first.owned_by, first.created) == ("model", "evergreen", 1767312000)
    with pytest.raises(openai.NotFoundError, match="404"):
        client.models.retrieve("gpt-6-luna")


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"model": "gpt-6-luna"}, openai.NotFoundError, "no model 'gpt-6-luna' here"),
        ({"extra_body": {"store": True}}, openai.UnprocessableEntityError, "store: unknown"),
        ({"input": [{"role": "system", "content": "x"}]}, openai.UnprocessableEntityError, "text"),
        ({"questions": []}, openai.UnprocessableEntityError, "questions"),
    ],
)
def test_an_error_says_what_is_wrong(client, change, error, words):
    request = {"model": "auto", "input": "good", "questions": QUESTIONS[:1]} | change
    with pytest.raises(error) as caught:
        client.decisions.create(**request)
    assert words in caught.value.body


def test_the_clients_key_is_the_services(connect):
    assert list(connect(**wanting(KEY)).models.list())
    with pytest.raises(openai.PermissionDeniedError):
        connect("wrong", **wanting(KEY)).models.list()
