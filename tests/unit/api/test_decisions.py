import json
import math

import pytest
from fastapi.testclient import TestClient

from function.api.app import create_app
from function.backends.onnx_backend import OnnxBackend
from function.core.catalog import Catalog
from function.core.engine import DirectEngine
from function.core.errors import ArtifactError
from function.core.heads import ScoreDecoding, SigmoidDecoding
from function.settings import Settings, load_settings
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact

QUESTION = "Does the reader like the film?"
# "good" has +2: the logits of `sentiment` are -2 and +2, that of `stars` and `topics` 2.
LIKED = 1 / (1 + math.exp(-4))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_artifact(
        folder / "sentiment",
        synonyms={"positive": ["good", "Thumbs  up"], "negative": ["bad"]},
        questions={QUESTION: "positive"},
    )
    write_artifact(
        folder / "stars",
        model="stars",
        labels=["rating"],
        decoding=ScoreDecoding(activation="none"),
        levels={"Awful": -4, "so-so": 0, "great": 8},
    )
    write_artifact(
        folder / "topics",
        model="topics",
        labels=["spam", "praise"],
        decoding=SigmoidDecoding(thresholds=[0.5, 0.5]),
        questions={"It praises.": "praise"},
    )
    return write_entity_artifact(folder / "ner").parent


@pytest.fixture
def service(models, log):
    catalog = Catalog(models, "sentiment", lambda a: OnnxBackend(a, 1), max_windows=64)
    catalog.load()
    settings = load_settings(Settings, {"PREDICTION_LOG": "true"})
    return TestClient(create_app(DirectEngine(catalog), settings, log.append))


@pytest.fixture
def ask(service):
    def ask(*questions, model="auto", given="the good film", **members):
        body = {"model": model, "input": given, "questions": [*questions], **members}
        answer = service.post("/v1/decisions", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


def choice(*values, instructions="Which one?", **members):
    choices = [{"value": value} for value in values]
    return {"type": "choice", "instructions": instructions, "choices": choices, **members}


def predicate(instructions):
    return {"type": "predicate", "instructions": instructions}


def score(*labels):
    return {"type": "score", "instructions": "x", "levels": [{"label": each} for each in labels]}


def kinds(decision):
    return [answer["type"] for answer in decision["answers"]]


@pytest.mark.parametrize("values", [("positive", "negative"), ("Thumbs up", "BAD")])
def test_a_choice_of_a_models_labels_has_their_probabilities(ask, values):
    (answer,) = ask(choice(*values, name="tone"))["answers"]
    assert (answer["type"], answer["name"], answer["choice"]) == ("choice", "tone", values[0])
    assert answer["confidence"] == pytest.approx(LIKED)
    assert {each["value"]: each["probability"] for each in answer["probabilities"]} == {
        values[0]: pytest.approx(LIKED),
        values[1]: pytest.approx(1 - LIKED),
    }


@pytest.mark.parametrize(
    "values",
    [
        ("positive", "neutral"),
        ("positive", "negative", "neutral"),
        ("positive", "good"),
        ("positive", "positive", "negative"),
        (True, False),
        ("spam", "praise"),
        ("PER", "ORG", "LOC"),
    ],
)
def test_a_choice_of_anything_else_is_refused(ask, values):
    (answer,) = ask(choice(*values))["answers"]
    assert (answer["type"], answer["name"]) == ("refusal", None)
    assert "values" in answer["reason"]


@pytest.mark.parametrize("wording", [QUESTION, "does the READER  like\nthe film?"])
def test_a_predicate_that_a_manifest_declares_has_its_labels_probability(ask, wording):
    (answer,) = ask(predicate(wording))["answers"]
    assert answer == {"type": "predicate", "name": None, "probability": pytest.approx(LIKED)}


def test_a_predicate_may_be_of_a_label_among_several(ask):
    decision = ask(predicate("It praises."))
    assert decision["model"] == "topics"
    assert decision["answers"][0]["probability"] == pytest.approx(1 / (1 + math.exp(-2)))


def test_a_predicate_that_no_manifest_declares_is_refused_and_no_model_is_asked(ask, log):
    decision = ask(predicate("Is the film long?"))
    assert kinds(decision) == ["refusal"]
    assert (decision["model"], decision["usage"]["total_tokens"]) == ("auto", 0)
    assert "texts" not in log[-1]


@pytest.mark.parametrize(
    ("given", "place", "shares"),
    [
        ("good", 1.25, [0, 0.75, 0.25]),
        ("bad", 0.5, [0.5, 0.5, 0]),
        ("film", 1, [0, 1, 0]),
        ("bad dull bad", 0, [1, 0, 0]),
        ("good good fine fine good", 2, [0, 0, 1]),
    ],
)
def test_a_rating_lies_between_the_levels_that_its_manifest_places(ask, given, place, shares):
    (answer,) = ask(score("awful", "So-So", "great"), given=given)["answers"]
    assert answer["score"] == pytest.approx(place)
    assert answer["confidence"] == pytest.approx(max(shares))
    assert [each["probability"] for each in answer["probabilities"]] == pytest.approx(shares)
    assert [(each["label"], each["value"]) for each in answer["probabilities"]] == [
        ("awful", 0),
        ("So-So", 1),
        ("great", 2),
    ]


def test_labels_can_be_levels(ask):
    (answer,) = ask(score("negative", "positive"))["answers"]
    assert answer["score"] == pytest.approx(LIKED)


def test_levels_in_another_order_are_refused(ask):
    assert kinds(ask(score("great", "so-so", "awful"))) == ["refusal"]


def test_a_named_model_answers_alone(ask):
    questions = choice("positive", "negative"), predicate("It praises.")
    assert kinds(ask(*questions, model="topics")) == ["refusal", "predicate"]
    assert kinds(ask(*questions, model="ner")) == ["refusal", "refusal"]


def test_each_question_finds_its_model(ask):
    decision = ask(predicate("It praises."), choice("good", "bad"), predicate("?"))
    assert kinds(decision) == ["predicate", "choice", "refusal"]
    assert decision["model"] == "topics, sentiment"
    assert decision["usage"]["input_tokens"] == 2 * 3


def test_each_model_of_a_request_is_logged_and_the_request_is_counted_once(ask, log, capsys):
    ask(predicate("It praises."), choice("good", "bad"))
    first, second = log
    assert (first["model"], second["model"]) == ("topics", "sentiment")
    assert second["labels"] == {"positive": 1}
    assert "requests" not in first
    assert second["requests"] == 0
    lines = capsys.readouterr().out.splitlines()
    assert ['"model":"topics"' in lines[0], '"model":"sentiment"' in lines[1]] == [True, True]
    assert len(lines) == 2


def test_messages_and_their_parts_are_lines_of_one_text(ask):
    parts = [{"type": "input_text", "text": text, "id": "7"} for text in ("the", "good")]
    messages = [{"role": "user", "content": parts}, {"role": "user", "content": "film"}]
    decision = ask(choice("good", "bad"), given=messages)
    assert decision["usage"]["input_tokens"] == 3
    assert decision["answers"][0]["confidence"] == pytest.approx(LIKED)


@pytest.mark.parametrize(
    "given",
    [
        [{"role": "user", "content": [{"type": "input_image", "image_url": "data:,"}]}],
        [{"role": "user", "content": [{"type": "input_json", "data": {}}]}],
        [{"role": "system", "content": "Be kind."}],
        [{"type": "function_call", "name": "f", "arguments": "", "call_id": "1"}],
        [],
        "",
        7,
    ],
)
def test_an_input_that_is_no_text_is_refused_in_words(service, given):
    body = {"model": "auto", "input": given, "questions": [choice("good", "bad")]}
    answer = service.post("/v1/decisions", json=body)
    assert answer.status_code == 422
    assert "input: send a text, or user messages of texts" in answer.json()["error"]


def test_instructions_with_an_image_are_refused_and_other_questions_answered(ask):
    seen = [{"type": "input_image", "image_url": "data:,"}]
    read = [{"type": "input_text", "text": "Which"}, {"type": "input_text", "text": "one?"}]
    decision = ask(*(choice("good", "bad", instructions=each) for each in (seen, read)))
    assert kinds(decision) == ["refusal", "choice"]
    assert "no images" in decision["answers"][0]["reason"]


def test_what_only_a_prompted_model_uses_is_ignored(ask):
    described = {"value": "good", "description": "The film is liked."}
    question = choice("good", "bad") | {"choices": [described, {"value": "bad"}]}
    options = {"prompt_cache_options": {"ttl": "30m"}, "prompt_cache_key": "k"}
    assert kinds(ask(question, safety_identifier="someone", **options)) == ["choice"]


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"model": "gpt-6-luna"}, 404, "no model 'gpt-6-luna' here"),
        ({"temperature": 1}, 422, "temperature: unknown"),
        ({"questions": []}, 422, "questions"),
        ({"questions": [choice("good")]}, 422, "choices"),
        ({"questions": [{**predicate("x"), "choice": "good"}]}, 422, "choice: unknown"),
        ({"questions": [{"type": "essay", "instructions": "x"}]}, 422, "questions"),
        ({"questions": [choice("good", "\ud800")]}, 422, "questions"),
        ({"input": "  "}, 422, "empty"),
        ({"input": "a" * 60_000}, 413, "characters"),
    ],
)
def test_a_wrong_request_is_refused_in_words(service, change, status, words):
    body = {"model": "auto", "input": "good", "questions": [choice("good", "bad")]} | change
    answer = service.post("/v1/decisions", content=json.dumps(body))
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"synonyms": {"neutral": ["so-so"]}}, "'neutral' is no label"),
        ({"questions": {"Is it?": "neutral"}}, "'neutral' is no label"),
        ({"levels": {"bad": 0, "good": 1}}, "levels"),
        *(
            (
                {
                    "labels": ["rating"],
                    "decoding": ScoreDecoding(activation="none"),
                    "levels": levels,
                },
                "two or more, the lowest rating first",
            )
            for levels in ({"good": 1, "bad": 0}, {"good": 1, "bad": 1}, {"good": 1})
        ),
        (
            {
                "labels": ["rating"],
                "decoding": ScoreDecoding(activation="none"),
                "questions": {"Is it?": "rating"},
            },
            "no probability",
        ),
    ],
)
def test_a_manifest_declares_what_its_model_can_answer(tmp_path, members, words):
    with pytest.raises((ArtifactError, ValueError), match=words):
        write_artifact(tmp_path / "sentiment", **members)


def test_a_word_for_two_labels_stands_for_neither(tmp_path):
    synonyms = {"positive": ["ok"], "negative": ["OK"]}
    write_artifact(tmp_path / "sentiment", synonyms=synonyms)
    catalog = Catalog(tmp_path, "sentiment", lambda a: OnnxBackend(a, 1), max_windows=64)
    catalog.load()
    app = create_app(DirectEngine(catalog), load_settings(Settings, {}), lambda _: None)
    body = {"model": "auto", "input": "good", "questions": [choice("ok", "negative")]}
    answer = TestClient(app).post("/v1/decisions", json=body)
    assert kinds(answer.json()) == ["refusal"]


def test_the_list_of_models_says_which_decisions_each_takes(service):
    models = {each["name"]: each for each in service.get("/v1/models").json()["models"]}
    assert models["sentiment"]["decisions"]["questions"] == {QUESTION: "positive"}
    assert models["stars"]["decisions"] == {"levels": {"Awful": -4, "so-so": 0, "great": 8}}
    assert "decisions" not in models["ner"]
