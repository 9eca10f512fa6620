import pytest
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from function.api.late_routes import LateRoutes, build_late_routes


@pytest.fixture
def builds():
    """One entry each time that the late routes were built."""
    return []


@pytest.fixture
def app(builds):
    async def name(request):
        return PlainTextResponse(f"{request.scope['route'].path} {request.path_params}")

    def build():
        builds.append(1)
        return [Route("/late", name, methods=["POST"]), Route("/late/{item}", name)]

    routes = [Route("/late", name), LateRoutes(["/late", "/late/{item}"], build)]
    return Starlette(routes=routes)


@pytest.fixture
def client(app):
    return TestClient(app)


def test_they_are_built_once_and_only_when_one_of_them_is_asked_for(client, builds):
    client.get("/elsewhere")
    client.get("/late")
    assert builds == []
    assert client.post("/late").text == "/late {}"
    assert client.get("/late/one").text == "/late/{item} {'item': 'one'}"
    assert builds == [1]


def test_a_method_that_none_of_them_takes_is_refused(client):
    assert client.delete("/late").status_code == 405
    assert client.post("/late/one").status_code == 405


def test_once_built_for_the_document_they_are_among_the_others(app, client, builds):
    build_late_routes(app.router.routes)
    assert [route.path for route in app.router.routes] == ["/late", "/late", "/late/{item}"]
    assert client.post("/late").text == "/late {}"
    build_late_routes(app.router.routes)
    assert builds == [1]
