"""HTTP routes: one module per protocol, each with a function `routes(context)`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import params

from function.api.limits import RequestLimits
from function.core.types import Engine
from function.settings import Settings

# Takes an Accept header; returns the metrics and their media type.
Exposition = Callable[[str], tuple[bytes, str]]


@dataclass(frozen=True)
class RouteContext:
    """Dependencies of a protocol's routes.

    Attributes:
        engine: Engine that answers requests.
        limits: Limits on one request.
        guards: Authentication; probes and the page use none.
        settings: Settings of the environment.
        exposition: The server's Prometheus metrics; the Lambda has none.
    """

    engine: Engine
    limits: RequestLimits
    guards: Sequence[params.Depends]
    settings: Settings
    exposition: Exposition | None = None
