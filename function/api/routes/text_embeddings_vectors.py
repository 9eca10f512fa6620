"""`/embed`, `/embed_all` and `/similarity` of text-embeddings-inference (TEI).

The default model answers if it embeds texts, else the only one that does. Differences are those of
`text_embeddings.py`, and texts come as text, never as token ids.
"""

from dataclasses import replace
from typing import cast

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.routing import BaseRoute

from function.api.hugging_face_schemas import EmbeddingMembers, SimilarityInputs, Texts
from function.api.limits import choose_embedder
from function.api.request_schemas import REVIEW, listed
from function.api.routes import RouteContext
from function.api.routes.text_embeddings import RESPONSES, TypedProblemsRoute, answer
from function.core.embedding import cosines
from function.core.predictions import EmbeddingPrediction
from function.core.types import Options


class EmbedRequest(EmbeddingMembers):
    """One text, or several. Other members are ignored."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": REVIEW}]})

    inputs: Texts


class SimilarityRequest(BaseModel):
    """A text to compare others with. Of the parameters `normalize` and `dimensions` are ignored."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"inputs": {"source_sentence": REVIEW, "sentences": [REVIEW]}}]
        }
    )

    inputs: SimilarityInputs
    parameters: EmbeddingMembers | None = None


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the routes of text-embeddings-inference for models that embed texts."""
    router = context.router("text embeddings inference", route_class=TypedProblemsRoute)

    async def embed(
        request: Request, texts: list[str], members: EmbeddingMembers, *, by_token: bool = False
    ) -> tuple[list[EmbeddingPrediction], dict[str, str]]:
        context.check(texts)
        model = choose_embedder(context.engine, None, request.url.path)
        wanted = members.embedding_options(by_token=by_token)
        wanted = replace(wanted, normalize=members.normalize is not False)
        options = Options(long_text=members.long_text, embedding=wanted)
        result, headers = await answer(
            context, request, model.name, texts, options, whole=members.truncate is False
        )
        return cast("list[EmbeddingPrediction]", result.predictions), headers

    @router.post("/embed", responses=RESPONSES, response_model=list[list[float]])
    async def text_embeddings_embed(request: Request, body: EmbedRequest) -> Response:
        """Return a vector for each text, of the length 1 unless `normalize` is false."""
        found, headers = await embed(request, listed(body.inputs), body)
        return JSONResponse([each.embedding for each in found], headers=headers)

    @router.post("/embed_all", responses=RESPONSES, response_model=list[list[list[float]]])
    async def text_embeddings_embed_all(request: Request, body: EmbedRequest) -> Response:
        """Return the vectors of each text's tokens, special ones included, as the model has them.

        `normalize` and `dimensions` are ignored.
        """
        plain = body.model_copy(update={"dimensions": None})
        found, headers = await embed(request, listed(body.inputs), plain, by_token=True)
        return JSONResponse([each.token_embeddings for each in found], headers=headers)

    @router.post("/similarity", responses=RESPONSES, response_model=list[float])
    async def text_embeddings_similarity(request: Request, body: SimilarityRequest) -> Response:
        """Return the cosine similarity of a text and each of the others."""
        asked = body.parameters or EmbeddingMembers()
        members = asked.model_copy(update={"normalize": True, "dimensions": None})
        found, headers = await embed(request, body.inputs.texts(), members)
        first, *others = (each.embedding for each in found)
        return JSONResponse(cosines(first, others).tolist(), headers=headers)

    return router.routes
