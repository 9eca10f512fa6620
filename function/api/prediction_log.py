"""Prediction log: one line on stdout for each answered text, without the text.

Lines are written after the application has passed on the response: a server has sent it by then,
Lambda sends it afterwards. docs/drift.md describes who collects the lines.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from function.api.observability import (
    AnsweredRequest,
    PredictionSummary,
    Record,
    encode_json,
    write_lines,
)
from function.api.prediction_ids import HEADER, draw_id, keyed_hash, prediction_id
from function.core.predictions import AnyPrediction, Prediction
from function.core.tokenization import Text, strings_of

# A request with `x-prediction-log: off` is answered but not logged: smoke tests send it.
SWITCH, OFF = "x-prediction-log", "off"


class PredictionLogMiddleware:
    """Middleware that logs answered texts, and returns their ids in a header.

    Results that were then refused, or whose client hung up, are not logged.
    """

    def __init__(self, app: ASGIApp, key: str) -> None:
        """Wrap an application; `key` is the secret of the texts' hash, empty for no hash."""
        self._app, self._key = app, key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or Headers(scope=scope).get(SWITCH, "").lower() == OFF:
            await self._app(scope, receive, send)
            return
        state = scope["state"]
        drawn = ""

        async def with_id(message: Message) -> None:
            nonlocal drawn
            if message.get("status") == 200 and "answered" in state:
                drawn = draw_id(self._key)
                MutableHeaders(scope=message)[HEADER] = prediction_id(drawn, 0)
            await send(message)

        await self._app(scope, receive, with_id)
        if drawn:
            # The request's own line follows, and flushes these.
            write_lines(*_lines(drawn, state["answered"], self._key), flush=False)


def timestamp() -> str:
    """Return the current time as lines of the log have it: ISO 8601 in UTC, in milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def text_hmac(text: Text, key: bytes) -> str | None:
    """Return a text's HMAC-SHA256 in hex, equal for equal texts; None without a key."""
    return keyed_hash("\0".join(strings_of(text)).encode(), key).hex() if key else None


def _lines(drawn: str, answered: Sequence[AnsweredRequest], key: bytes) -> Iterator[str]:
    time = timestamp()
    rows = (
        (result.model, *row)
        for texts, result, summaries in answered
        for row in zip(texts, result.predictions, summaries, strict=True)
    )
    for index, (model, text, prediction, summary) in enumerate(rows):
        record = {
            "log": "prediction",
            "id": prediction_id(drawn, index),
            "time": time,
            "model": model.name,
            "version": model.version,
            **_labels(prediction, summary),
            "score": summary.score,
            "margin": summary.margin,
            "characters": len(text),
            "tokens": prediction.tokens,
            "words": prediction.words,
            "windows": prediction.windows,
            "text_hmac": text_hmac(text, key),
        }
        yield encode_json({name: value for name, value in record.items() if value is not None})


def _labels(prediction: AnyPrediction, summary: PredictionSummary) -> Record:
    if isinstance(prediction, Prediction):
        return {"label": prediction.label, "stage": prediction.stage}
    return {"labels": summary.labels}
