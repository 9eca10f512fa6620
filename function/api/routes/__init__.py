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
    """Objects that a protocol's routes need.

    Probes and the page use no `guards`, which authenticate; the Lambda has no `exposition`.
    """

    engine: Engine
    limits: RequestLimits
    guards: Sequence[params.Depends]
    settings: Settings
    exposition: Exposition | None = None
