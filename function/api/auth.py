"""Bearer keys. The service stores and compares only a key's SHA-256."""

import hashlib
from collections.abc import Sequence
from hmac import compare_digest

from fastapi import HTTPException, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.datastructures import Headers


class RequireKey(SecurityBase):
    """Dependency that answers 401 without a bearer key, and 403 for a wrong one.

    FastAPI adds its scheme to the OpenAPI document for the routes that depend on it.
    """

    scheme_name = "bearer"

    def __init__(self, accepted: Sequence[str]) -> None:
        """Create a guard; `accepted` holds the SHA-256 of each accepted key, in hex."""
        self._accepted = accepted

    @property
    def model(self) -> HTTPBearer:  # type: ignore[override] # no cold start has to build it
        return HTTPBearer(description="The service's key")

    async def __call__(self, request: Request) -> None:
        self.check(request.headers)

    def check(self, headers: Headers) -> None:
        """Raise HTTPException unless the headers hold an accepted key."""
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise HTTPException(
                401,
                "this service wants a key: send 'Authorization: Bearer KEY'",
                {"www-authenticate": "Bearer"},
            )
        digest = hashlib.sha256(key.strip().encode()).hexdigest()
        if not any(compare_digest(digest, known) for known in self._accepted):
            raise HTTPException(403, "that key is not known here")
