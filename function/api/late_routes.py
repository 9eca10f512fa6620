"""Routes that are built on their first request.

FastAPI compiles a route when it is created. A Lambda's caller uses one protocol, and should not
wait for the routes of the others.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

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

    def covers(self, scope: Scope) -> bool:
        """Return whether a request has a path of these routes."""
        return any(path.matches(scope)[0] is not Match.NONE for path in self._paths)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found: tuple[Match, Scope] = (Match.NONE, {})
        if not self.covers(scope):
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
    route = scope.get("route") or next(_matching(scope, Match.FULL), None)
    return getattr(route, "path", UNMATCHED)


def find_methods(scope: Scope) -> set[str]:
    """Return the methods that a request's path takes, of all its routes together."""
    return {method for route in _matching(scope, Match.PARTIAL) for method in route.methods or ()}


def _matching(scope: Scope, wanted: Match) -> Iterator[Any]:
    """Yield the routes that match a request, or (`PARTIAL`) all but its method."""
    for entry in scope["app"].routes if "app" in scope else ():
        for route in (
            entry.built if isinstance(entry, LateRoutes) and entry.covers(scope) else [entry]
        ):
            if not isinstance(route, LateRoutes) and route.matches(scope)[0] is wanted:
                yield route


def build_late_routes(routes: list[BaseRoute]) -> None:
    """Replace late routes in a list by the routes they stand for, for the OpenAPI document."""
    routes[:] = [
        route
        for entry in routes
        for route in (entry.built if isinstance(entry, LateRoutes) else [entry])
    ]
