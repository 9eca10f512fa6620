"""Feedback: somebody who knows what was right for a text that was answered says so."""

import json
from collections.abc import Sequence

from fastapi import APIRouter, Depends, HTTPException, Response
from starlette.routing import BaseRoute

from function.api.feedback_schemas import FeedbackRequest, RightEntity
from function.api.limits import served
from function.api.observability import Record, write_lines
from function.api.prediction_log import now, text_hmac
from function.api.problems import documented
from function.api.routes import RouteContext
from function.core.errors import BatchTooLargeError, InputError
from function.core.types import ModelInfo

ACCEPTED = 202
RESPONSES = documented(400, 401, 403, 404, 413, 415, 422, 503)
LONGEST_LINE = 200_000  # bytes: CloudWatch splits what has more than 256 KB, and no half is JSON
# As it is: escaped, most of the world's letters would be two to six times as long.
ENCODE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the route that takes feedback.

    It answers 404 where no predictions are logged that feedback could be joined to.
    """
    settings = context.settings
    key = settings.prediction_log_key.get_secret_value().encode()

    def require_log() -> None:
        if not settings.prediction_log:
            raise HTTPException(
                404, "this service logs no predictions to give feedback on: set PREDICTION_LOG=true"
            )

    router = APIRouter(
        prefix="/v1",
        tags=["native"],
        dependencies=[*context.guards, Depends(require_log)],
        strict_content_type=False,
    )

    @router.post("/feedback", status_code=ACCEPTED, response_class=Response, responses=RESPONSES)
    async def feedback(body: FeedbackRequest) -> Response:
        """Say what is right for a text that was answered; the last word on it counts."""
        model = served(context.engine, body.model or context.engine.models()[0].name)
        if body.text is not None:
            if not settings.feedback_text:
                raise InputError("text: this service keeps none (FEEDBACK_TEXT): leave it out")
            context.limits.check([body.text])
        _keep(
            {
                "log": "feedback",
                "id": body.id,
                "time": now(),
                "model": model.name,
                **_right_answer(body, model),
                **_text(body.text, key),
            }
        )
        return Response(status_code=ACCEPTED)

    return router.routes


def _keep(record: Record) -> None:
    """Write the line, or tell whoever sent it that it was not."""
    line = ENCODE(record)
    size = len(line.encode())
    if size > LONGEST_LINE:
        raise BatchTooLargeError(
            f"text and entities: their line would have {size} bytes, and the log takes "
            f"{LONGEST_LINE}: send a shorter text, or fewer entities"
        )
    if not write_lines(line):
        raise HTTPException(503, "the log cannot be written, and this was not kept: send it later")


def _text(text: str | None, key: bytes) -> Record:
    if text is None:
        return {}
    told = text_hmac(text, key)
    return {"text": text} if told is None else {"text": text, "text_hmac": told}


def _right_answer(body: FeedbackRequest, model: ModelInfo) -> Record:
    """What was right, in the terms of the model's task. Raises InputError where it is not."""
    labels = ", ".join(model.labels)
    if model.task == "text-classification":
        if body.label not in model.labels or body.entities is not None:
            raise InputError(f"'{model.name}' classifies texts: send a label, one of {labels}")
        return {"label": body.label}
    if body.label is not None or body.entities is None or body.text is None:
        raise InputError(
            f"'{model.name}' finds entities: send all that are right, and the text that they are "
            "of, where this service keeps texts (FEEDBACK_TEXT)"
        )
    _check(body.entities, body.text, model)
    return {"entities": [entity.model_dump() for entity in body.entities]}


def _check(entities: Sequence[RightEntity], text: str, model: ModelInfo) -> None:
    end = 0
    for place, entity in enumerate(entities):
        if entity.label not in model.labels:
            raise InputError(f"entities[{place}].label: send one of {', '.join(model.labels)}")
        if not end <= entity.start < entity.end <= len(text):
            raise InputError(
                f"entities[{place}]: it lies outside the text, or before the end of the entity "
                "before it; count Unicode code points"
            )
        end = entity.end
