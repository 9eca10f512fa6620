"""The handler and the model below it, in one process, for workers that ask them."""

import contextlib
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from function.core.artifact import Artifact
from function.core.tokenization import TextTokenizer, TokenIds, window_spans
from scripts.benchmark.plan import EVENT
from scripts.benchmark.processes import request_body


def event_of(text: str, model: str | None = None) -> dict[str, Any]:
    """The event of API Gateway's HTTP API with this text in its body. model: None asks the default
    one for a long text's start, as a pipeline would read it; another reads all of it."""
    event: dict[str, Any] = json.loads(EVENT.read_bytes())
    event["body"] = request_body(text)
    if model is not None:
        path = f"/v1/models/{model}/predict"
        event["rawPath"] = event["requestContext"]["http"]["path"] = path
        event["body"] = json.dumps({"inputs": text})
    event["headers"]["content-length"] = str(len(event["body"].encode()))
    return event


def ask_handler(event: Mapping[str, Any]) -> None:
    """Let the handler answer, its log going nowhere. Raises where the answer is no 200."""
    from function.lambda_handler import handler  # opens the model

    with contextlib.redirect_stdout(_nowhere()):
        answer = handler(dict(event), None)
    require_ok(answer)


def require_ok(answer: Mapping[str, Any]) -> None:
    """Raise where the answer is no 200: how long a refusal takes is no figure."""
    if answer["statusCode"] != 200:
        raise RuntimeError(f"the handler answered {answer}")


@cache
def _nowhere() -> TextIO:
    """Opened once: it is no part of an answer."""
    return Path(os.devnull).open("w", encoding="utf-8")


class Tokens:
    """Texts to the token ids that the model reads of them."""

    def __init__(self, artifact: Artifact) -> None:
        self._tokenizer = TextTokenizer(artifact.file("tokenizer"))
        self._settings = artifact.manifest.tokenization.settings()
        self.pad_id = self._tokenizer.pad_id

    def of(self, text: str) -> TokenIds:
        """The one window that a truncated text is."""
        content = self._tokenizer.encode([text])[0].ids
        capacity = self._settings.max_tokens - self._tokenizer.special_tokens
        ((start, stop),) = window_spans(
            len(content), capacity, self._settings.stride, "truncate", 1
        )[0]
        return self._tokenizer.with_special_tokens(content[start:stop])
