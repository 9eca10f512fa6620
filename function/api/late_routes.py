"""Routes that are built on their first request.

FastAPI compiles a route when it is created. A Lambda's caller uses one protocol, and should not
wait for the routes of the others.
"""

from collections.abc import Callable, Sequence
from functools import cached_property

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

UNMATCHED = "unmatched"


class LateRoutes(BaseRoute):
    """Placeholder for routes until one of them gets a request."""

    def __init__(self, paths: Sequence[str], build: Callable[[], Sequence[BaseRoute]]) -> None:
        """Create a placeholder; `build` imports what only the routes need, and returns them."""
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


def find_path(scope: Scope) -> str:
    """Return the path of a request's route, as its template, or `unmatched`.

    It finds the route of a request that was refused before it came to one.
    """
    if "route" not in scope and "app" in scope:
        for route in scope["app"].routes:
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                return getattr(child_scope.get("route", route), "path", UNMATCHED)
    return getattr(scope.get("route"), "path", UNMATCHED)


def build_late_routes(routes: list[BaseRoute]) -> None:
    """Replace late routes in a list by the routes they stand for, for the OpenAPI document."""
    routes[:] = [
        route
        for entry in routes
        for route in (entry.built if isinstance(entry, LateRoutes) else [entry])
    ]
