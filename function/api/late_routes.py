"""Routes that are built where a process first needs them.

FastAPI compiles a route when it is made. A Lambda is asked in one protocol, and should not make its
first caller wait for the others.
"""

from collections.abc import Callable, Sequence
from functools import cached_property

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send


class LateRoutes(BaseRoute):
    """Stands for routes until one of them is asked for. paths: theirs. build: makes them, with
    all imports that only they need."""

    def __init__(self, paths: Sequence[str], build: Callable[[], Sequence[BaseRoute]]) -> None:
        self._paths = [Route(path, self) for path in paths]
        self._build = build

    @cached_property
    def built(self) -> Sequence[BaseRoute]:
        return self._build()

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found: tuple[Match, Scope] = (Match.NONE, {})
        if all(path.matches(scope)[0] is Match.NONE for path in self._paths):
            return found
        for route in self.built:
            match, child_scope = route.matches(scope)
            if match.value > found[0].value:
                found = match, {"route": route, **child_scope}
        return found

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["route"].handle(scope, receive, send)


def build_all(routes: list[BaseRoute]) -> None:
    """Put the built routes where late ones stood for them, as the OpenAPI document needs it."""
    routes[:] = [
        route
        for entry in routes
        for route in (entry.built if isinstance(entry, LateRoutes) else [entry])
    ]
