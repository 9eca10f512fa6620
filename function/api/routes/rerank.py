"""`/rerank`: text-embeddings-inference's, with `texts`, and vLLM's, with `documents`.

vLLM's is also Jina's and Cohere's, whose clients ask `/v1/rerank` and `/v2/rerank`. The model
gives pairs of texts one score. `text_embeddings.py` and `vllm.py` say how ours differ from theirs.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, Tag
from starlette.routing import BaseRoute

from function.api.hugging_face_schemas import TextEmbeddingsOptions
from function.api.request_schemas import NonEmptyText, NonEmptyTexts
from function.api.routes import RouteContext
from function.api.routes.text_embeddings import (
    RESPONSES,
    TypedProblemsRoute,
    answer,
    typed_problems,
)
from function.api.routes.vllm import VllmRequest, choose_ranker, scores_of, usage
from function.core.tokenization import TextPair
from function.core.types import Options, PredictionResult

QUERY = "Which films are funny?"
FOUND: JsonValue = ["A warm, funny film.", "A dull afternoon."]


class RerankTexts(TextEmbeddingsOptions):
    """A query and texts to order by their scores. Other members are ignored."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"query": QUERY, "texts": FOUND}]})

    query: NonEmptyText
    texts: NonEmptyTexts
    return_text: bool = False

    def options(self) -> Options:
        """See `TextEmbeddingsOptions`. Scores are sigmoids, whatever the model's own are."""
        return replace(super().options(), activation="none" if self.raw_scores else "sigmoid")

    def render(self, result: PredictionResult, order: Sequence[int]) -> list[dict[str, Any]]:
        """Return the answer; `order` has the indexes of the texts, best first."""
        scores = scores_of(result)
        text = [{"text": text} if self.return_text else {} for text in self.texts]
        return [{"index": index, **text[index], "score": scores[index]} for index in order]


class Document(BaseModel):
    """A document as an object."""

    text: NonEmptyText


class RerankDocuments(VllmRequest):
    """A query and documents to order by their relevance. Other members are ignored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": QUERY, "documents": FOUND}]}
    )

    query: NonEmptyText
    documents: Annotated[list[NonEmptyText | Document], Field(min_length=1, fail_fast=True)]
    top_n: Annotated[int | None, Field(ge=0, description="Results; all by default")] = None
    return_documents: bool = True

    @property
    def texts(self) -> list[str]:
        """Return the documents' texts."""
        return [each if isinstance(each, str) else each.text for each in self.documents]

    def render(self, result: PredictionResult, order: Sequence[int]) -> dict[str, Any]:
        """See `RerankTexts`."""
        scores = scores_of(result)
        document = [
            {"document": {"text": text}} if self.return_documents else {} for text in self.texts
        ]
        return {
            "id": f"rerank-{uuid4().hex}",
            "model": result.model.name,
            "usage": usage(result),
            "results": [
                {"index": index, **document[index], "relevance_score": scores[index]}
                for index in order[: self.top_n or None]
            ],
        }


def _dialect(body: object) -> str:
    return TEXTS if isinstance(body, dict) and "texts" in body else DOCUMENTS


TEXTS, DOCUMENTS = "of texts", "of documents"  # no identifiers, which a location would show
RerankRequest = Annotated[
    Annotated[RerankTexts, Tag(TEXTS)] | Annotated[RerankDocuments, Tag(DOCUMENTS)],
    Discriminator(_dialect),
]


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the routes that order texts."""
    router = context.router("rerank", route_class=TypedProblemsRoute)

    responses = RESPONSES | typed_problems(404)

    @router.post("/v2/rerank", responses=responses, name="v2_rerank")
    @router.post("/v1/rerank", responses=responses, name="v1_rerank")
    @router.post("/rerank", responses=responses)
    async def rerank(request: Request, body: RerankRequest) -> Response:
        """Order texts by their scores for a query, best first."""
        pairs = [TextPair(body.query, text) for text in body.texts]
        context.check(pairs)
        model = choose_ranker(context, getattr(body, "model", None))
        result, headers = await answer(context, request, model.name, pairs, body.options())
        scores = scores_of(result)
        order = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
        return JSONResponse(body.render(result, order), headers=headers)

    return router.routes
