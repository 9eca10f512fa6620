"""Routes of text-embeddings-inference (TEI) besides its answers: the server, tokens, health.

They speak for the default model. Limits that TEI has and this service has not are the nearest ones.
`/tokenize` returns the tokenizer's own ids, and takes at most the characters of one text.
"""

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, cast

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.routing import BaseRoute
from tokenizers import Encoding

from function.api.body import aside
from function.api.limits import require_ready
from function.api.request_schemas import REVIEW, NonEmptyText, NonEmptyTexts, listed
from function.api.routes import RouteContext
from function.api.routes.text_embeddings import RESPONSES, TypedProblemsRoute
from function.core.errors import BatchTooLargeError, InputError
from function.core.tokenization import TextTokenizer

PROBLEMS = {status: response for status, response in RESPONSES.items() if status != 200}
TokenId = Annotated[int, Field(ge=0, lt=2**31)]


class TokenizeRequest(BaseModel):
    """Texts to tokenise, as they are: no prompt is put before them. Other members are ignored."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"inputs": REVIEW}]})

    inputs: NonEmptyText | NonEmptyTexts
    add_special_tokens: bool = True
    prompt_name: None = None


SPAN_BYTES = 16  # of work for each character or id, as of JSON that is read


class DecodeRequest(BaseModel):
    """Ids of tokens, of one text or of several. Other members are ignored."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ids": [101, 102]}]})

    ids: (
        Annotated[list[TokenId], Field(min_length=1, fail_fast=True)]
        | Annotated[
            list[Annotated[list[TokenId], Field(fail_fast=True)]],
            Field(min_length=1, fail_fast=True),
        ]
    )
    skip_special_tokens: bool = True

    def sequences(self) -> Sequence[Sequence[int]]:
        """Return a list of ids for each text."""
        batch = self.ids if isinstance(self.ids[0], list) else [self.ids]
        return cast("Sequence[Sequence[int]]", batch)


def routes(context: RouteContext) -> list[BaseRoute]:
    """Return the routes; the probe needs no key."""
    engine, limits = context.engine, context.settings.limits
    router = APIRouter(
        tags=["text embeddings inference"],
        strict_content_type=False,
        route_class=TypedProblemsRoute,
    )
    guarded: dict[str, Any] = {"dependencies": context.guards, "responses": PROBLEMS}

    @router.get("/health", responses={503: PROBLEMS[503]}, response_class=Response)
    async def health() -> None:
        """Report that the default model is loaded, with an empty answer."""
        require_ready(engine)

    @router.get("/info", **guarded)
    async def server_info(request: Request) -> dict[str, Any]:
        """Describe the default model and the limits on requests."""
        model = engine.models()[0]
        if model.task == "token-classification":
            raise InputError(f"'{model.name}' finds entities; GET /v1/models describes it")
        labels = {
            "id2label": {str(code): label for code, label in enumerate(model.labels)},
            "label2id": {label: code for code, label in enumerate(model.labels)},
        }
        kind = "classifier" if len(model.labels) > 1 else "reranker"
        return {
            "model_id": model.name,
            "model_sha": model.digest,
            "model_dtype": "float32",  # of the answers: weights may have eight bits
            "model_type": {"embedding": {"pooling": model.pooling}}
            if model.pooling
            else {kind: labels},
            "max_concurrent_requests": getattr(context.settings, "max_queue", 1),
            "max_input_length": model.max_tokens,
            "max_batch_tokens": limits.windows * model.max_tokens,
            "max_batch_requests": None,
            "max_client_batch_size": limits.texts,
            "auto_truncate": False,
            "tokenization_workers": os.cpu_count() or 1,
            "version": request.app.version,
            "sha": None,
            "docker_label": None,
        }

    @router.post("/tokenize", response_model=list[list[dict[str, Any]]], **guarded)
    async def tokenize(body: TokenizeRequest) -> Response:
        """Return the tokens of each text."""
        texts = listed(body.inputs)
        context.check(texts)
        if sum(map(len, texts)) > limits.characters:
            raise BatchTooLargeError(f"send at most {limits.characters} characters at a time")
        tokenizer = await engine.tokenizer(None)
        work = SPAN_BYTES * sum(map(len, texts))
        return await aside(work, _tokens, tokenizer, texts, body.add_special_tokens)

    @router.post("/decode", response_model=list[str], **guarded)
    async def decode(body: DecodeRequest) -> Response:
        """Return the text of each list of token ids."""
        sequences = body.sequences()
        if len(sequences) > limits.texts:
            raise BatchTooLargeError(f"send at most {limits.texts} lists of ids at a time")
        tokenizer = await engine.tokenizer(None)
        decode = partial(tokenizer.decode, skip_special_tokens=body.skip_special_tokens)
        return await aside(SPAN_BYTES * sum(map(len, sequences)), _texts, decode, sequences)

    @router.post("/embed_sparse", **guarded)
    async def embed_sparse() -> None:
        """Refuse in words: no model here gives vectors of the vocabulary."""
        raise InputError("/embed_sparse is not offered: no model here has such vectors")

    return router.routes


def _tokens(tokenizer: TextTokenizer, texts: Sequence[str], special_tokens: bool) -> Response:
    encodings = tokenizer.encodings(texts, special_tokens=special_tokens)
    found = zip(texts, encodings, strict=True)
    return JSONResponse([_spans(text, each) for text, each in found])


def _texts(decode: Callable[[Sequence[int]], str], sequences: Sequence[Sequence[int]]) -> Response:
    return JSONResponse(list(map(decode, sequences)))


def _spans(text: str, encoding: Encoding) -> list[dict[str, Any]]:
    tokens = zip(
        encoding.ids, encoding.tokens, encoding.offsets, encoding.special_tokens_mask, strict=True
    )
    return [
        {"id": code, "text": token, "special": True, "start": None, "stop": None}
        if special
        else {"id": code, "text": text[start:stop], "special": False, "start": start, "stop": stop}
        for code, token, (start, stop), special in tokens
    ]
