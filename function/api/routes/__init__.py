"""HTTP routes: one module per protocol, each with a function `routes(context)`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, params
from fastapi.routing import APIRoute

from function.api.body import JsonRoute
from function.api.limits import check_texts
from function.api.observability import record_answer
from function.api.prediction_ids import DOCUMENTED
from function.api.problems import documented
from function.core.tokenization import Text
from function.core.types import Engine, Options, PredictionResult
from function.settings import Settings

# Takes an Accept header; returns the metrics and their media type.
Exposition = Callable[[str], tuple[bytes, str]]
# Of routes that answer texts.
RESPONSES = DOCUMENTED | documented(400, 401, 403, 404, 413, 415, 422, 429, 500, 503)


@dataclass(frozen=True)
class RouteContext:
    """Objects that a protocol's routes need.

    Probes and the page use no `guards`, which authenticate; the Lambda has no `exposition`.
    """

    engine: Engine
    guards: Sequence[params.Depends]
    settings: Settings
    exposition: Exposition | None = None

    def router(
        self, tag: str, prefix: str = "", route_class: type[APIRoute] = JsonRoute
    ) -> APIRouter:
        """Return a router of guarded routes that take JSON, whatever its media type is called."""
        return APIRouter(
            prefix=prefix,
            tags=[tag],
            dependencies=self.guards,
            route_class=route_class,
            strict_content_type=False,
        )

    def check(self, texts: Sequence[Text]) -> None:
        """Check texts against the limits of a request; raises what `check_texts` does."""
        check_texts(texts, self.settings.limits)

    async def answer(
        self, request: Request, model: str | None, texts: Sequence[Text], options: Options
    ) -> tuple[PredictionResult, dict[str, str]]:
        """Predict texts and record the result; return it with the headers of its response."""
        result = await self.engine.predict(model, texts, options)
        return result, record_answer(request, texts, result)
