"""Feedback: the right answer for a text that was answered before."""

import json
from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, HTTPException, Response
from pydantic import ConfigDict, Field
from starlette.routing import BaseRoute

from function.api.limits import require_model
from function.api.observability import Record, write_lines
from function.api.prediction_ids import PATTERN, was_drawn
from function.api.prediction_log import text_hmac, timestamp
from function.api.problems import documented
from function.api.request_schemas import ClosedModel
from function.api.routes import RouteContext
from function.core.errors import BatchTooLargeError, InputError
from function.core.types import ModelInfo

MAX_ENTITIES = 10_000  # of one text


class RightEntity(ClosedModel):
    """Entity at the code points [start, end) of the text."""

    model_config = ConfigDict(frozen=True)

    label: str
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=1)]


class FeedbackRequest(ClosedModel):
    """The right label of a text, or its right entities, depending on the model's task."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"id": "0123456789abcdef0123456789abcdef-0", "label": "positive"}]
        },
    )

    id: Annotated[
        str,
        Field(
            pattern=PATTERN,
            description="The answer's header `x-prediction-id`; for further texts of a request, "
            "the same with its last number counted up",
        ),
    ]
    model: Annotated[
        str | None, Field(description="Model that answered; the default model if absent")
    ] = None
    label: Annotated[
        str | None, Field(description="Right label, if the model classifies texts")
    ] = None
    entities: Annotated[
        list[RightEntity] | None,
        Field(
            max_length=MAX_ENTITIES,
            fail_fast=True,
            description="All right entities in text order, if the model finds entities",
        ),
    ] = None
    text: Annotated[
        str | None,
        Field(
            description="The text, if its owner wants it kept for training; refused if this "
            "service keeps no texts"
        ),
    ] = None


ACCEPTED = 202
RESPONSES = documented(400, 401, 403, 404, 413, 415, 422, 503)
MAX_LINE_BYTES = 200_000  # CloudWatch splits lines above 256 KB, and no half is JSON
# Not escaped: most of the world's letters would take two to six times as many bytes.
ENCODE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the route that takes feedback.

    It answers 404 if no predictions are logged that feedback could be joined to.
    """
    settings = context.settings
    key = settings.prediction_log_key.get_secret_value().encode()

    def require_log() -> None:
        if not settings.prediction_log:
            raise HTTPException(
                404, "this service logs no predictions to give feedback on: set PREDICTION_LOG=true"
            )

    router = context.router("native", "/v1")
    router.dependencies.append(Depends(require_log))

    @router.post("/feedback", status_code=ACCEPTED, response_class=Response, responses=RESPONSES)
    async def send_feedback(body: FeedbackRequest) -> Response:
        """Send the right answer for a text that was answered; the last one sent counts."""
        model = require_model(context.engine, body.model or None)
        if not was_drawn(body.id, key):
            raise InputError(
                "id: it is not one that this service handed out, under its present key: send the "
                "answer's header x-prediction-id"
            )
        if body.text is not None:
            if not settings.feedback_text:
                raise InputError("text: this service keeps none (FEEDBACK_TEXT): leave it out")
            context.check([body.text])
            if model.pairs:
                raise InputError("text: of pairs this service keeps none: leave it out")
        _write(
            {
                "log": "feedback",
                "id": body.id,
                "time": timestamp(),
                "model": model.name,
                **_right_answer(body, model),
                **_text(body.text, key),
            }
        )
        return Response(status_code=ACCEPTED)

    return router.routes


def _write(record: Record) -> None:
    """Write the line of feedback.

    Raises:
        BatchTooLargeError: The line would be too long.
        HTTPException: The log cannot be written.
    """
    line = ENCODE(record)
    size = len(line.encode())
    if size > MAX_LINE_BYTES:
        raise BatchTooLargeError(
            f"text and entities: their line would have {size} bytes, and the log takes "
            f"{MAX_LINE_BYTES}: send a shorter text, or fewer entities"
        )
    if not write_lines(line):
        raise HTTPException(503, "the log cannot be written, and this was not kept: send it later")


def _text(text: str | None, key: bytes) -> Record:
    if text is None:
        return {}
    keyed_hash = text_hmac(text, key)
    return {"text": text} if keyed_hash is None else {"text": text, "text_hmac": keyed_hash}


def _right_answer(body: FeedbackRequest, model: ModelInfo) -> Record:
    """Return the right label or entities; raises InputError if they do not fit the model's task."""
    labels = ", ".join(model.labels)
    if model.answer_key not in ("label", "entities"):
        raise InputError(f"'{model.name}' takes no feedback: it does not give texts one label each")
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
    for index, entity in enumerate(entities):
        if entity.label not in model.labels:
            raise InputError(f"entities[{index}].label: send one of {', '.join(model.labels)}")
        if not end <= entity.start < entity.end <= len(text):
            raise InputError(
                f"entities[{index}]: it lies outside the text, or before the end of the entity "
                "before it; count Unicode code points"
            )
        end = entity.end
