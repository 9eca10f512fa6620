"""`/rerank`: text-embeddings-inference's, with `texts`, and vLLM's, with `documents`.

vLLM's is also Jina's and Cohere's, whose clients ask `/v1/rerank` and `/v2/rerank`. The model
gives pairs of texts one score. `text_embeddings.py` and `vllm.py` say how ours differ from theirs.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Discriminator, Field, JsonValue, Tag
from starlette.routing import BaseRoute

from function.api.hugging_face_schemas import TextEmbeddingsOptions
from function.api.routes import RouteContext
from function.api.routes.text_embeddings import (
    RESPONSES,
    TypedProblemsRoute,
    answer_headers,
)
from function.api.routes.vllm import (
    NonEmptyText,
    Usage,
    VllmRequest,
    choose_ranker,
    scores_of,
    usage,
)
from function.core.tokenization import TextPair
from function.core.types import Options, PredictionResult

QUERY = "Which films are funny?"
FOUND: JsonValue = ["A warm, funny film.", "A dull afternoon."]


class RerankTexts(TextEmbeddingsOptions):
    """A query and texts to order by their scores. Other members are ignored."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"query": QUERY, "texts": FOUND}]})

    query: NonEmptyText
    texts: Annotated[list[NonEmptyText], Field(min_length=1, fail_fast=True)]
    return_text: bool = False

    @property
    def model(self) -> None:
        """Return None: this protocol names no model."""

    def candidates(self) -> Sequence[str]:
        return self.texts

    def options(self) -> Options:
        """See `TextEmbeddingsOptions`. Scores are sigmoids, whatever the model's own are."""
        return replace(super().options(), activation="none" if self.raw_scores else "sigmoid")

    def render(self, result: PredictionResult, order: Sequence[int]) -> list[dict[str, Any]]:
        """Return the answer; `order` is that of the indexes of texts."""
        scores = scores_of(result)
        return [
            {
                "index": index,
                **({"text": self.texts[index]} if self.return_text else {}),
                "score": scores[index],
            }
            for index in order
        ]


class Document(BaseModel):
    """Document of a rerank request or answer."""

    text: NonEmptyText


class RerankDocuments(VllmRequest):
    """A query and documents to order by their relevance. Other members are ignored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"query": QUERY, "documents": FOUND}]}
    )

    query: NonEmptyText
    documents: Annotated[list[NonEmptyText | Document], Field(min_length=1, fail_fast=True)]
    top_n: Annotated[int | None, Field(ge=0, description="Results to return; all by default")] = (
        None
    )
    return_documents: bool = True

    def candidates(self) -> Sequence[str]:
        return [each if isinstance(each, str) else each.text for each in self.documents]

    def render(self, result: PredictionResult, order: Sequence[int]) -> dict[str, Any]:
        """Return the answer; `order` is that of the indexes of documents."""
        scores, texts = scores_of(result), self.candidates()
        return {
            "id": f"rerank-{uuid4().hex}",
            "model": result.model.name,
            "usage": usage(result),
            "results": [
                {
                    "index": index,
                    **({"document": {"text": texts[index]}} if self.return_documents else {}),
                    "relevance_score": scores[index],
                }
                for index in order[: self.top_n or None]
            ],
        }


class Rank(BaseModel):
    """Text and its score."""

    index: int
    text: str | None = None
    score: float


class RankedDocument(BaseModel):
    """Document and its relevance."""

    index: int
    document: Document | None = None
    relevance_score: float


class RankedDocuments(BaseModel):
    """Documents, the most relevant first."""

    id: str
    model: str
    usage: Usage
    results: list[RankedDocument]


def _dialect(body: object) -> str:
    return TEXTS if isinstance(body, dict) and "texts" in body else DOCUMENTS


TEXTS, DOCUMENTS = "of texts", "of documents"  # no identifiers, which a location would show
RerankRequest = Annotated[
    Annotated[RerankTexts, Tag(TEXTS)] | Annotated[RerankDocuments, Tag(DOCUMENTS)],
    Discriminator(_dialect),
]


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the routes that order texts."""
    router = APIRouter(
        tags=["rerank"],
        dependencies=context.guards,
        strict_content_type=False,
        route_class=TypedProblemsRoute,
    )

    async def rerank(request: Request, body: RerankRequest) -> Response:
        pairs = [TextPair(body.query, text) for text in body.candidates()]
        context.limits.check(pairs)
        model = choose_ranker(context, body.model)
        result = await context.engine.predict(model.name, pairs, body.options())
        headers = answer_headers(request, pairs, result)
        scores = scores_of(result)
        order = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
        return JSONResponse(body.render(result, order), headers=headers)

    for path in ("/rerank", "/v1/rerank", "/v2/rerank"):
        router.add_api_route(
            path,
            rerank,
            methods=["POST"],
            name=path.strip("/").replace("/", "_"),
            description="Order texts by their scores for a query, best first.",
            responses=RESPONSES,
            response_model=list[Rank] | RankedDocuments,
        )
    return router.routes
