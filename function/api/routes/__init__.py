"""HTTP routes: one module for each protocol, with one function `routes(context)`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import params

from function.api.limits import RequestLimits
from function.core.types import Engine
from function.settings import Settings

# From an Accept header to the metrics and their media type.
Exposition = Callable[[str], tuple[bytes, str]]


@dataclass(frozen=True)
class RouteContext:
    """Everything that a protocol's routes are built over.

    Attributes:
        engine: Answers the calls.
        limits: Bounds on one request.
        guards: Dependencies that let a request through; probes and the page have none.
        settings: The environment.
        exposition: The server's Prometheus metrics; the Lambda has none.
    """

    engine: Engine
    limits: RequestLimits
    guards: Sequence[params.Depends]
    settings: Settings
    exposition: Exposition | None = None
