"""Prediction log: one line on stdout for each answered text, without the text.

Lines are written after the application has passed on the response: a server has sent it by then,
Lambda sends it afterwards. docs/drift.md describes who collects the lines.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

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
SWITCH, OFF = b"x-prediction-log", b"off"


class PredictionLogMiddleware:
    """Middleware that logs answered texts, and returns their ids in a header.

    Results that were then refused, or whose client hung up, are not logged.
    """

    def __init__(self, app: ASGIApp, key: str) -> None:
        """Wrap an application; `key` is the secret of the texts' hash, empty for no hash."""
        self._app, self._key = app, key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_off(scope):
            await self._app(scope, receive, send)
            return
        state = scope["state"]
        drawn = ""

        async def with_id(message: Message) -> None:
            nonlocal drawn
            if message.get("status") == 200 and "answered" in state:
                drawn = draw_id(self._key)
                added = HEADER.encode(), prediction_id(drawn, 0).encode()
                message["headers"] = [*message["headers"], added]
            await send(message)

        await self._app(scope, receive, with_id)
        if drawn:
            # The request's own line follows, and flushes these.
            write_lines(*_lines(drawn, state["answered"], self._key), flush=False)


def _is_off(scope: Scope) -> bool:
    return any(name == SWITCH and value.lower() == OFF for name, value in scope["headers"])


def timestamp() -> str:
    """Return the current time as lines of the log have it: ISO 8601 in UTC, in milliseconds."""
    return f"{datetime.now(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def text_hmac(text: Text, key: bytes) -> str | None:
    """Return a text's HMAC-SHA256 in hex, equal for equal texts; None without a key."""
    return keyed_hash("\0".join(strings_of(text)).encode(), key).hex() if key else None


def _lines(drawn: str, answered: Sequence[AnsweredRequest], key: bytes) -> Sequence[str]:
    time = timestamp()
    lines: list[str] = []
    for texts, result, summaries in answered:
        for text, prediction, summary in zip(texts, result.predictions, summaries, strict=True):
            record = {
                "log": "prediction",
                "id": prediction_id(drawn, len(lines)),
                "time": time,
                "model": result.model.name,
                "version": result.model.version,
                **_labels(prediction, summary),
                "score": summary.score,
                "margin": summary.margin,
                "characters": len(text),
                "tokens": prediction.tokens,
                "words": prediction.words,
                "windows": prediction.windows,
                "text_hmac": text_hmac(text, key),
            }
            lines.append(
                encode_json({name: value for name, value in record.items() if value is not None})
            )
    return lines


def _labels(prediction: AnyPrediction, summary: PredictionSummary) -> Record:
    if isinstance(prediction, Prediction):
        return {"label": prediction.label, "stage": prediction.stage}
    return {"labels": summary.labels}
