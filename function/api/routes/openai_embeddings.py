"""`/v1/embeddings` of OpenAI's API, for `openai.OpenAI(base_url=URL + "/v1")`.

`model` is the name of a served one; without it, see `limits.choose_embedder`. `user` is ignored.
Vectors are as the model makes them; with `dimensions` they are cut, and have the length 1 again, as
OpenAI does it. Texts come as text, never as token ids. `usage` counts tokens without special ones.
Errors are problems, whose `error` is the `body` of the client's exceptions.
"""

import base64
from typing import Annotated, Any, Literal, cast

import numpy as np
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.routing import BaseRoute

from function.api.hugging_face_schemas import Texts
from function.api.limits import choose_embedder
from function.api.request_schemas import REVIEW, listed
from function.api.routes import RESPONSES, RouteContext
from function.core.predictions import EmbeddingPrediction
from function.core.types import EmbeddingOptions, Options


class OpenAIEmbeddingsRequest(BaseModel):
    """One text, or several. Other members are ignored."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"input": REVIEW}]})

    input: Texts
    model: Annotated[str | None, Field(description="Name of a served model")] = None
    encoding_format: Annotated[
        Literal["float", "base64"],
        Field(description="`base64` answers each vector as its numbers in single precision"),
    ] = "float"
    dimensions: Annotated[
        int | None, Field(description="Leading dimensions of each vector to keep")
    ] = None


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the route of OpenAI's embeddings."""
    router = context.router("openai", "/v1")

    @router.post("/embeddings", responses=RESPONSES, response_model=dict[str, Any])
    async def openai_embeddings(request: Request, body: OpenAIEmbeddingsRequest) -> Response:
        """Return a vector for each text."""
        texts = listed(body.input)
        context.check(texts)
        model = choose_embedder(context.engine, body.model, "/v1/embeddings")
        normalize = True if body.dimensions else None
        wanted = EmbeddingOptions(normalize=normalize, dimensions=body.dimensions)
        options = Options(embedding=wanted)
        result, headers = await context.answer(request, model.name, texts, options)
        found = cast("list[EmbeddingPrediction]", result.predictions)
        answer = {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": _encode(each, body)}
                for index, each in enumerate(found)
            ],
            "model": model.name,
            "usage": {"prompt_tokens": result.tokens, "total_tokens": result.tokens},
        }
        return JSONResponse(answer, headers=headers)

    return router.routes


def _encode(prediction: EmbeddingPrediction, body: OpenAIEmbeddingsRequest) -> Any:
    if body.encoding_format == "float":
        return prediction.embedding
    return base64.b64encode(np.array(prediction.embedding, dtype="<f4").tobytes()).decode()
