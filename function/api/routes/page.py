"""Web page for people, and interactive documentation that needs no internet."""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from mimetypes import guess_type
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

WEB = Path(__file__).parent.parent / "web"
DOCUMENTATION = {"swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js", "favicon.png"}
PAGE_POLICY = (
    "default-src 'self'; style-src 'self'; img-src 'self' data:; script-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGES = {"", "/docs", "/redoc"}
READING = {"GET", "HEAD"}
HEADERS = {
    # A tab's module that is loaded later must fit those that are there already.
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def routes(title: str) -> list[Route]:
    """Return the routes that serve files. URLs in them are relative, so any prefix works.

    They are Starlette's: there is nothing to validate, and FastAPI would compile each one at every
    cold start.
    """

    async def page(request: Request) -> Response:
        return _file(request, WEB, "index.html", {"content-security-policy": PAGE_POLICY})

    async def asset(request: Request) -> Response:
        return _file(request, WEB, request.path_params["name"], {})

    async def swagger(_: Request) -> Response:
        from fastapi.openapi.docs import get_swagger_ui_html

        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title=title,
            swagger_js_url="docs-assets/swagger-ui-bundle.js",
            swagger_css_url="docs-assets/swagger-ui.css",
            swagger_favicon_url="docs-assets/favicon.png",
        )

    async def redoc(_: Request) -> Response:
        from fastapi.openapi.docs import get_redoc_html

        return get_redoc_html(
            openapi_url="openapi.json",
            title=title,
            redoc_js_url="docs-assets/redoc.standalone.js",
            redoc_favicon_url="docs-assets/favicon.png",
            with_google_fonts=False,
        )

    async def documentation_asset(request: Request) -> Response:
        package, name = find_spec("fastapi_offline"), request.path_params["name"]
        if name not in DOCUMENTATION or package is None or package.origin is None:
            raise HTTPException(404)
        folder = Path(package.origin).parent / "static"
        return _file(request, folder, name, {"cache-control": "public, max-age=86400"})

    return [
        Route("/", page),
        Route("/web/{name}", asset),
        Route("/docs", swagger),
        Route("/redoc", redoc),
        Route("/docs-assets/{name}", documentation_asset),
    ]


def redirect(scope: Scope) -> str | None:
    """Return the relative URL of a page whose path has a slash too many or too few, or None.

    Relative URLs in the page would miss there.
    """
    path, root = scope["path"], scope.get("root_path", "")
    bare = path.rstrip("/")
    if scope.get("method") not in READING or not bare or bare.removeprefix(root) not in PAGES:
        return None
    name = bare.rpartition("/")[2]
    return "../" * (len(path) - len(bare)) + (f"{name}/" if bare == root else name)


def _file(request: Request, folder: Path, name: str, headers: dict[str, str]) -> Response:
    """Return a file of a flat folder, or 304 if the caller has it; answer 404 for anything else."""
    path = _files(folder).get(name)
    if path is None:
        raise HTTPException(404)
    content = path.read_bytes()
    etag = f'"{sha256(content).hexdigest()[:32]}"'
    headers = {**HEADERS, **headers, "etag": etag}
    known = request.headers.get("if-none-match", "").split(",")
    if etag in [tag.strip().removeprefix("W/") for tag in known]:
        return Response(status_code=304, headers=headers)
    media_type = guess_type(name)[0] or "application/octet-stream"
    return Response(content, media_type=media_type, headers=headers)


@cache
def _files(folder: Path) -> Mapping[str, Path]:
    """Return a folder's files by name, so that no caller's name reaches the file system."""
    return {path.name: path for path in folder.iterdir() if path.is_file()}
