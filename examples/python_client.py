#!/usr/bin/env python3
"""Ask an Evergreen service from Python 3.11 or newer; nothing to install.

    python examples/python_client.py
    python examples/python_client.py "A text of yours." "Another one."

EVERGREEN_URL is the address of the service, EVERGREEN_API_KEY the key to send. The part above the
line is the client: copy it.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal, NotRequired, TypedDict
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class Highlight(TypedDict):
    """Effect of text[start:end] on the label, in [-1, 1]."""

    start: int
    end: int
    weight: float


class Score(TypedDict):
    label: str
    score: float


class Prediction(TypedDict):
    """Classification of one text; `scores` best first, `stage` that of a cascade that answered."""

    label: str
    score: float
    scores: list[Score]
    tokens: int
    windows: int
    truncated: bool
    stage: Literal["first", "full"]
    highlights: NotRequired[list[Highlight]]


class Entity(TypedDict):
    """Entity at text[start:end]."""

    label: str
    text: str
    start: int
    end: int
    score: float


class EntityPrediction(TypedDict):
    """Entities of one text, in text order."""

    entities: list[Entity]
    tokens: int
    windows: int
    truncated: bool


class Model(TypedDict):
    name: str
    version: str
    digest: str


class Answer(TypedDict):
    """Predictions in the order of the texts, with the model and the timings in milliseconds."""

    model: Model
    predictions: list[Prediction]
    timings: dict[str, float]


class EntityAnswer(TypedDict):
    """Answer of a model that finds entities."""

    model: Model
    predictions: list[EntityPrediction]
    timings: dict[str, float]


class ServedModel(TypedDict):
    name: str
    version: str
    task: Literal["text-classification", "token-classification"]
    labels: list[str]


class ServiceError(Exception):
    """The service refused the request, or cannot be reached; the message says why."""


@dataclass(frozen=True)
class Evergreen:
    """Client of one service. A busy service is asked again, after the time that it names."""

    url: str = "http://127.0.0.1:8080"
    key: str = field(default="", repr=False)
    attempts: int = 5
    timeout_seconds: float = 30

    def predict(
        self,
        inputs: str | Sequence[str],
        *,
        model: str | None = None,
        top_k: int | None = None,
        explain: bool = False,
        long_text: Literal["window", "truncate"] | None = None,
    ) -> Answer:
        """Classify one text or several.

        Raises:
            ServiceError: The service refused the request, or cannot be reached.
        """
        path = f"/v1/models/{quote(model, safe='')}/predict" if model else "/v1/predict"
        parameters = {"top_k": top_k, "explain": explain, "long_text": long_text}
        answer: Answer = self._send(path, {"inputs": inputs, "parameters": parameters})
        return answer

    def entities(self, inputs: str | Sequence[str], *, model: str = "ner") -> EntityAnswer:
        """Find the entities of one text or several.

        Raises:
            ServiceError: The service refused the request, or cannot be reached.
        """
        path = f"/v1/models/{quote(model, safe='')}/predict"
        answer: EntityAnswer = self._send(path, {"inputs": inputs})
        return answer

    def models(self) -> list[ServedModel]:
        """Return the served models, the default first.

        Raises:
            ServiceError: The service refused the request, or cannot be reached.
        """
        models: list[ServedModel] = self._send("/v1/models")["models"]
        return models

    def _send(self, path: str, body: object = None) -> Any:
        """Send a GET without a body, or a POST with one, and return the parsed answer."""
        content = None if body is None else json.dumps(body).encode()
        request = Request(self.url.rstrip("/") + path, content)
        request.add_header("Content-Type", "application/json")
        if self.key:  # not passed on to the target of a redirect
            request.add_unredirected_header("Authorization", f"Bearer {self.key}")
        for attempt in range(1, self.attempts + 1):
            try:
                with urlopen(request, timeout=self.timeout_seconds) as response:
                    return json.load(response)
            except HTTPError as error:
                if error.code not in BUSY or attempt == self.attempts:
                    raise ServiceError(_reason(error)) from None
                after = error.headers.get("Retry-After", "")
                time.sleep(int(after) if after.isdecimal() else 2**attempt)
            except OSError as error:
                reason = getattr(error, "reason", error)
                raise ServiceError(f"{self.url} cannot be reached: {reason}") from None
        raise ValueError("attempts must be 1 or more")


def _reason(error: HTTPError) -> str:
    """Return the detail of a problem, or the body if a gateway in front answered instead."""
    body = error.read().decode(errors="replace")
    try:
        problem = json.loads(body)
        return f"{problem.get('detail') or problem['message']} (HTTP {error.code})"
    except (ValueError, LookupError, AttributeError):
        return f"HTTP {error.code} {error.reason}: {body[:200]}"


# ──────────────────────────────────────────────────────────────────────────────────────────────

TEXTS = ["The film is good, and the cast is fine.", "A dull film and a bad ending."]
NAMING = "Ada Lovelace joined Reuters in New York 🗽."
GREEN, RED, PLAIN = "\033[1;32m", "\033[1;31m", "\033[0m"


def main() -> None:
    url = os.environ.get("EVERGREEN_URL") or Evergreen.url
    service = Evergreen(url, os.environ.get("EVERGREEN_API_KEY", ""))
    texts = sys.argv[1:] or TEXTS
    try:
        show(service, texts)
    except ServiceError as error:
        sys.exit(f"error: {error}")


def show(service: Evergreen, texts: Sequence[str]) -> None:
    print("One text")
    answer = service.predict(texts[0])
    print(line(answer["predictions"][0], texts[0]))

    print("\nAll of them, in one request")
    answer = service.predict(texts, top_k=1)
    for text, prediction in zip(texts, answer["predictions"], strict=True):
        print(line(prediction, text))

    print("\nWhy")
    answer = service.predict(texts, explain=True)
    for text, prediction in zip(texts, answer["predictions"], strict=True):
        print(line(prediction, marked(text, prediction.get("highlights", []))))

    if any(model["name"] == "ner" for model in service.models()):
        print("\nWhat a text names")
        for entity in service.entities(NAMING)["predictions"][0]["entities"]:
            print(line(entity, entity["text"]))

    model, took = answer["model"], answer["timings"]["total_ms"]
    print(f"\nAnswered by {model['name']} {model['version']} in {took:.1f} ms.")


def line(prediction: Prediction | Entity, text: str) -> str:
    return f"  {prediction['label']:<10}{prediction['score']:>6.1%}  {text}"


def marked(text: str, highlights: Sequence[Highlight]) -> str:
    """Return the text with its strongest words in green, or red if they count against the label."""
    strongest = max((abs(highlight["weight"]) for highlight in highlights), default=0)
    pieces, at = [], 0
    for highlight in highlights:
        start, end, weight = highlight["start"], highlight["end"], highlight["weight"]
        if abs(weight) > strongest / 4:
            pieces += [text[at:start], mark(text[start:end], weight)]
            at = end
    return "".join([*pieces, text[at:]])


def mark(words: str, weight: float) -> str:
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        return f"{GREEN if weight > 0 else RED}{words}{PLAIN}"
    return f"[{words} {weight:+.2f}]"


if __name__ == "__main__":
    main()
