"""The prediction log: a line on stdout for each text that was answered, and never the text.

They are written once the answer was handed to what sends it: a server has sent it by then, Lambda
sends it when they are written. Who carries the lines away, and where to, is not known here:
docs/drift.md tells.
"""

import hmac
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from function.api.observability import Answered, Record, encode, write_lines
from function.api.outcomes import Outcome
from function.api.prediction_ids import HEADER, prediction_id
from function.core.types import AnyPrediction, Prediction

# A caller who sends `x-prediction-log: off` is answered and leaves no line: smoke tests do.
ASKED, OFF = "x-prediction-log", "off"


class PredictionLogMiddleware:
    """Tells a caller the ids of the texts that were answered, and logs them once they were.

    What was computed and then refused, or for a client that hung up, is no prediction. key: of the
    hash by which equal texts can be told to be equal; without one there is no hash.
    """

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app, self._key = app, key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or Headers(scope=scope).get(ASKED, "").lower() == OFF:
            await self._app(scope, receive, send)
            return
        state = scope["state"]
        drawn = ""

        async def told(message: Message) -> None:
            nonlocal drawn
            if message.get("status") == 200 and "answered" in state:
                drawn = os.urandom(16).hex()
                MutableHeaders(scope=message)[HEADER] = prediction_id(drawn, 0)
            await send(message)

        await self._app(scope, receive, told)
        if drawn:
            # The request's own line ends every request.
            write_lines(*_lines(drawn, state["answered"], self._key), flush=False)


def now() -> str:
    """As every line of the log tells its time."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def text_hmac(text: str, key: bytes) -> str | None:
    """By which whoever has the key can tell equal texts to be equal; None without a key."""
    if not key:
        return None
    keyed = _keyed(key).copy()
    keyed.update(text.encode())
    return keyed.hexdigest()


@cache
def _keyed(key: bytes) -> hmac.HMAC:
    """The hash before its text: to begin one takes longer than to hash most texts."""
    return hmac.new(key, digestmod="sha256")


def _found(prediction: AnyPrediction, outcome: Outcome) -> Record:
    if isinstance(prediction, Prediction):
        return {"label": prediction.label}
    return {"labels": outcome.labels}


def _lines(drawn: str, answered: Answered, key: bytes) -> Iterator[str]:
    time = now()
    texts, answer, outcomes = answered
    rows = zip(texts, answer.predictions, outcomes, strict=True)
    for place, (text, prediction, outcome) in enumerate(rows):
        record = {
            "log": "prediction",
            "id": prediction_id(drawn, place),
            "time": time,
            "model": answer.model.name,
            "version": answer.model.version,
            **_found(prediction, outcome),
            "score": outcome.score,
            "margin": outcome.margin,
            "characters": len(text),
            "tokens": prediction.tokens,
            "words": prediction.words,
            "windows": prediction.windows,
            "text_hmac": text_hmac(text, key),
        }
        yield encode({name: value for name, value in record.items() if value is not None})
