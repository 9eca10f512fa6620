"""What a running service answers on labelled texts, over HTTP: its server, or the Lambda."""

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import numpy as np

from scripts.lifecycle.errors import CommandError, UsageError
from scripts.training.evaluation import Evaluation
from scripts.training.progress import Progress
from scripts.training.sources import LabelledTexts

TEXTS, REQUESTS, PATIENCE = 16, 2, 120.0  # of one request; at once; seconds


class Service:
    """A deployment's default model. API_KEY in the environment is sent as its bearer key."""

    def __init__(self, url: str) -> None:
        """Ask what is served. Raises UsageError where the address is none, CommandError where
        nothing answers there."""
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"{url}: give an address that begins with http:// or https://")
        self._url = url.rstrip("/")
        served = next(model for model in self._ask("/v1/models")["models"] if model["default"])
        self.name: str = served["name"]
        self.version: str = served["version"]
        self.labels: list[str] = served["labels"]

    def evaluate(self, rows: LabelledTexts, *, title: str) -> Evaluation:
        """Ask for every text that is not empty, the shortest first. Raises CommandError."""
        order = sorted(
            (row for row in range(len(rows)) if rows.texts[row].strip()),
            key=lambda row: len(rows.texts[row]),
        )
        batches = [order[start : start + TEXTS] for start in range(0, len(order), TEXTS)]
        predictions: list[dict[str, Any]] = []
        with Progress(title, len(order)) as progress, ThreadPoolExecutor(REQUESTS) as pool:
            for found in pool.map(self._predict, ([rows.texts[r] for r in b] for b in batches)):
                predictions += found
                progress.advance(len(found))
        return Evaluation(
            np.array([self._scores(prediction) for prediction in predictions]),
            np.array([rows.labels[row] for row in order]),
            np.array([prediction["tokens"] for prediction in predictions]),
        )

    def _predict(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        predictions: list[dict[str, Any]] = self._ask("/v1/predict", {"inputs": texts})[
            "predictions"
        ]
        return predictions

    def _scores(self, prediction: dict[str, Any]) -> list[float]:
        scores = {entry["label"]: float(entry["score"]) for entry in prediction["scores"]}
        return [scores[label] for label in self.labels]

    def _ask(self, path: str, body: object = None) -> Any:
        headers = {"content-type": "application/json"}
        if key := os.environ.get("API_KEY"):
            headers["authorization"] = f"Bearer {key}"
        data = None if body is None else json.dumps(body).encode()
        request = Request(self._url + path, data, headers)  # noqa: S310 -- the scheme was checked
        try:
            with urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
                return json.load(response)
        except HTTPError as error:
            raise CommandError(f"{self._url}{path}: {error.code}: {_detail(error)}") from error
        except (URLError, OSError, ValueError) as error:
            raise CommandError(f"{self._url}{path}: {error}") from error


def _detail(error: HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)
