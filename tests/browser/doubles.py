"""Answers that a healthy server would not give, put in place of its own."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from playwright.sync_api import Page, Request, Route

PREDICT = re.compile(r"/predict$")
MODELS = re.compile(r"/v1/models$")
SENTIMENT = ("negative", "positive")
MEASURED_ON = {
    "text-classification": "imdb-test",
    "token-classification": "conll2003-valid",
    "feature-extraction": "triplets",
}
NAMED = ("LOC", "MISC", "ORG", "PER")

Json = dict[str, Any]


def texts_of(request: Request) -> list[str]:
    inputs: list[str] = (request.post_data_json or {})["inputs"]
    return inputs


def prediction(label: str = "positive", score: float = 0.9, **more: Any) -> Json:
    others = [name for name in SENTIMENT if name != label]
    scores = [{"label": label, "score": score}, {"label": others[0], "score": 1 - score}]
    plain = {"tokens": 7, "windows": 1, "truncated": False, "stage": "full"}
    return {"label": label, "score": score, "scores": scores, **plain, **more}


def entity_prediction(text: str, *found: tuple[str, str], **more: Any) -> Json:
    """found: label and text of each entity, in the order of the text."""
    entities, at = [], 0
    for label, name in found:
        at = text.index(name, at)
        place = {"start": at, "end": at + len(name)}
        entities.append({"label": label, "text": name, **place, "score": 0.9})
    return {"entities": entities, "tokens": 7, "windows": 1, "truncated": False, **more}


def answer(predictions: Sequence[Json], name: str = "sentiment") -> Json:
    return {
        "model": {"name": name, "version": "20250102-0a1b2c3d", "digest": "0a1b2c3d" * 8},
        "predictions": list(predictions),
        "timings": {
            "tokenization_ms": 1.0,
            "queue_ms": 0.0,
            "inference_ms": 10.0,
            "decoding_ms": 0.1,
            "explanation_ms": 2.0,
            "total_ms": 13.1,
        },
    }


def model(
    name: str = "sentiment",
    labels: Sequence[str] = SENTIMENT,
    task: str = "text-classification",
    **limits: int,
) -> Json:
    return {
        "name": name,
        "version": "20250102-0a1b2c3d",
        "digest": "0a1b2c3d" * 8,
        "task": task,
        "labels": list(labels),
        "default": name == "sentiment",
        "cascade": False,
        "metrics": {MEASURED_ON[task]: {"accuracy": 0.93}},
        "samples": [],
        "limits": {"body_bytes": 4_000_000, "texts": 64, "characters": 100_000, **limits},
    }


def ner(name: str = "ner", **limits: int) -> Json:
    """A model that finds entities."""
    return model(name, NAMED, "token-classification", **limits)


def answers(page: Page, *predictions: Json, name: str = "sentiment") -> None:
    """Every request is answered with these predictions."""
    page.route(PREDICT, lambda route: route.fulfill(json=answer(predictions, name)))


def answers_each(page: Page, predict: Callable[[str], Json]) -> list[list[str]]:
    """Every text is answered by `predict`. Returns the list of requests, filled as they come."""
    requests: list[list[str]] = []

    def respond(route: Route) -> None:
        texts = texts_of(route.request)
        requests.append(texts)
        route.fulfill(json=answer([predict(text) for text in texts]))

    page.route(PREDICT, respond)
    return requests


def refuses(
    page: Page, status: int, *, detail: str = "", times: int = 1_000, **headers: str
) -> None:
    """The next `times` requests are refused with a problem document."""
    problem = {"type": "about:blank", "title": "Refused", "status": status, "detail": detail}
    page.route(
        PREDICT,
        lambda route: route.fulfill(
            status=status,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            content_type="application/problem+json",
            body=json.dumps(problem | {"error": detail}),
        ),
        times=times,
    )


def serves(page: Page, *models: Json) -> None:
    """The service lists these models; the page is opened again to read them."""
    page.route(MODELS, lambda route: route.fulfill(json={"models": list(models)}))
    page.reload()
    page.locator("#about:not([hidden])").wait_for(state="attached")


def wants_key(page: Page, key: str, *models: Json, predict: Callable[[str], Json]) -> None:
    """A service that lists its models, and answers texts, only with a key; the page opens again."""

    def respond(route: Route) -> None:
        request = route.request
        if request.headers.get("authorization") != f"Bearer {key}":
            route.fulfill(status=401, content_type="application/problem+json", body="{}")
        elif MODELS.search(request.url):
            route.fulfill(json={"models": list(models)})
        else:
            route.fulfill(json=answer([predict(text) for text in texts_of(request)]))

    page.route(re.compile("/v1/"), respond)
    with page.expect_response(MODELS):
        page.reload()
