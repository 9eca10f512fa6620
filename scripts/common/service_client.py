"""HTTP client of a running service, be it the server or the Lambda."""

import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from function.core.heads import USUAL_ANSWERS, AnswerKey, Task
from function.core.tokenization import Text
from scripts.common.errors import CommandError, UsageError
from scripts.common.progress import Progress

KEY = "EVERGREEN_API_KEY"  # environment variable of the caller's key
TEXTS, REQUESTS, PATIENCE = 16, 2, 120.0  # of one request; at once; seconds
TRIES, PAUSE_SECONDS = 20, 1.0  # of a busy service
BUSY = (429, 503)


class ServiceError(CommandError):
    """A service refused a request, or none answered: then the status is 0."""

    def __init__(self, where: str, status: int, detail: str, retry_after: float | None) -> None:
        super().__init__(f"{where}: {status}: {detail}" if status else f"{where}: {detail}")
        self.status, self.detail = status, detail
        self.retry_after = retry_after  # seconds, None where the service gave none


class ServiceClient:
    """One model of a running service; EVERGREEN_API_KEY is sent as the bearer key."""

    def __init__(self, url: str, model: str | None = None) -> None:
        """Ask which models are served, and choose one; None is the default model.

        Raises UsageError where the address is none or the model is not served, ServiceError where
        nothing answers.
        """
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"{url}: give an address that begins with http:// or https://")
        self.url = url.rstrip("/")
        models = self._ask("/v1/models")["models"]
        served = next(
            (
                each
                for each in models
                if each["name"] == model or (model is None and each["default"])
            ),
            None,
        )
        if served is None:
            known = ", ".join(each["name"] for each in models)
            raise UsageError(f"{self.url}: no model '{model}' there; it serves {known}")
        self._path = "/v1/predict" if served["default"] else f"/v1/models/{served['name']}/predict"
        self.name: str = served["name"]
        self.version: str = served["version"]
        self.task: Task = served["task"]
        # Which the listing names only where it is not the usual one.
        self.answer_key: AnswerKey = served.get("answer_key") or USUAL_ANSWERS[self.task]
        self.labels: list[str] = served["labels"]
        self.pairs: bool = served.get("pairs", False)

    def predictions(self, texts: Sequence[Text], *, title: str) -> list[dict[str, Any]]:
        """Return the prediction of every text, in order. Raises ServiceError."""
        batches = [texts[start : start + TEXTS] for start in range(0, len(texts), TEXTS)]
        predictions: list[dict[str, Any]] = []
        with Progress(title, len(texts)) as progress, ThreadPoolExecutor(REQUESTS) as pool:
            for answer in pool.map(self.answer, batches):
                predictions += answer["predictions"]
                progress.advance(len(answer["predictions"]))
        return predictions

    def answer(self, texts: Sequence[Text]) -> dict[str, Any]:
        """Return one answer: `model`, and `predictions` in order. Raises ServiceError."""
        answer: dict[str, Any] = self._ask(self._path, {"inputs": list(map(written, texts))})
        return answer

    def _ask(self, path: str, body: object = None) -> Any:
        # Texts that are scored or evaluated are no traffic of users.
        headers = {"content-type": "application/json", "x-prediction-log": "off"}
        if key := os.environ.get(KEY):
            headers["authorization"] = f"Bearer {key}"
        data = None if body is None else json.dumps(body).encode()
        where = self.url + path
        request = Request(where, data, headers)  # noqa: S310 -- the scheme was checked
        try:
            with urlopen(request, timeout=PATIENCE) as response:  # noqa: S310
                return json.load(response)
        except HTTPError as error:
            detail = _detail(error)
            if error.code == HTTPStatus.UNAUTHORIZED and not os.environ.get(KEY):
                old = "; API_KEY is not read any more" if "API_KEY" in os.environ else ""
                detail = f"{detail}; set {KEY}{old}"
            raise ServiceError(where, error.code, detail, _retry_after(error)) from error
        except (URLError, HTTPException, OSError, ValueError) as error:
            raise ServiceError(where, 0, str(error), None) from error


def written(text: Text) -> Any:
    """Return a text, or a pair of texts, as the service reads it."""
    return text if isinstance(text, str) else asdict(text)


def _detail(error: HTTPError) -> str:
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError, OSError, HTTPException):
        return str(error.reason)


def _retry_after(error: HTTPError) -> float | None:
    """Return the header in seconds. Our services never send a date, its other form."""
    try:
        return float(error.headers["retry-after"])
    except (TypeError, ValueError):
        return None


class PatientClient(ServiceClient):
    """One model of a running service that may say for a while that it is busy."""

    def answer(self, texts: Sequence[Text]) -> dict[str, Any]:
        for left in reversed(range(TRIES)):
            try:
                return super().answer(texts)
            except ServiceError as error:
                if not left or error.status not in BUSY:
                    raise
                time.sleep(error.retry_after or PAUSE_SECONDS)
        raise AssertionError("the last try returns or raises")
