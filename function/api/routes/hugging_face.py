"""Hugging Face's Inference schema, for `huggingface_hub.InferenceClient(URL)`.

The client posts `{"inputs": ..., "parameters": {...}}` to the URL that it was given, so the URL
names the model. It takes the first element of a classifier's answer, so even the answer for one
text is a list of lists, as in Hugging Face's own Inference API. The entities of one text are a flat
list. A text's embedding is one vector, as of text-embeddings-inference, whose options the client
sends; token by token it is at `/embed_all`. The client's exceptions show a problem's `error`.
"""

from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.routing import BaseRoute

from function.api.hugging_face_schemas import (
    HuggingFaceParameters,
    HuggingFaceRequest,
    SimilarityInputs,
    TokenSchema,
)
from function.api.limits import require_model
from function.api.routes import RESPONSES, RouteContext
from function.api.schemas import ScoreSchema
from function.core.errors import InputError
from function.core.predictions import AnyPrediction, EmbeddingPrediction, Entity, EntityPrediction

Answer = (
    list[list[ScoreSchema]]
    | list[TokenSchema]
    | list[list[TokenSchema]]
    | list[list[float]]
    | list[float]
)


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the routes of Hugging Face's Inference schema."""
    router = context.router("hugging face")

    async def answer(request: Request, model: str | None, body: HuggingFaceRequest) -> Response:
        texts = body.texts()
        context.check(texts)
        compared = isinstance(body.inputs, SimilarityInputs)
        found = require_model(context.engine, model)
        if compared and found.answer_key != "embedding":
            raise InputError(f"'{found.name}' compares no sentences: it gives texts no vectors")
        result, headers = await context.answer(request, model, texts, body.options())
        rows = [_row(prediction, body.asked) for prediction in result.predictions]
        if compared:
            from function.core.embedding import cosines  # few models need it

            return JSONResponse(cosines(rows[0], rows[1:]).tolist(), headers=headers)
        flat = result.model.task == "token-classification" and isinstance(body.inputs, str)
        return JSONResponse(rows[0] if flat else rows, headers=headers)

    @router.post("/", responses=RESPONSES, response_model=Answer)
    async def hugging_face(request: Request, body: HuggingFaceRequest) -> Response:
        """Return labels and scores, best first, entities or vectors, by the default model."""
        return await answer(request, None, body)

    @router.post("/models/{model}", responses=RESPONSES, response_model=Answer)
    async def hugging_face_model(
        request: Request, model: str, body: HuggingFaceRequest
    ) -> Response:
        """Return labels and scores, best first, entities or vectors, by a named model."""
        return await answer(request, model, body)

    return router.routes


def _row(prediction: AnyPrediction, asked: HuggingFaceParameters) -> list[Any]:
    if isinstance(prediction, EmbeddingPrediction):
        return list(prediction.embedding)
    if not isinstance(prediction, EntityPrediction):
        return [{"label": each.label, "score": each.score} for each in prediction.scores]
    return [
        _token(entity, index, by_word=asked.by_word)
        for index, entity in enumerate(prediction.entities, start=1)
        if entity.label not in asked.omitted_labels
    ]


def _token(entity: Entity, index: int, *, by_word: bool) -> dict[str, Any]:
    label = {"entity": entity.label, "index": index} if by_word else {"entity_group": entity.label}
    span = {"score": entity.score, "word": entity.text, "start": entity.start, "end": entity.end}
    return label | span
