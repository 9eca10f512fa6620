"""Bearer keys. The service stores and compares only a key's SHA-256."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from hmac import compare_digest

from fastapi import HTTPException, Request

Guard = Callable[[Request], Awaitable[None]]


def require_key(accepted: Sequence[str]) -> Guard:
    """Return a dependency that answers 401 without a bearer key, and 403 for a wrong one.

    `accepted` holds the SHA-256 of each accepted key, in hex.
    """

    async def guard(request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise HTTPException(
                401,
                "this service wants a key: send 'Authorization: Bearer KEY'",
                {"www-authenticate": "Bearer"},
            )
        digest = hashlib.sha256(key.strip().encode()).hexdigest()
        if not any(compare_digest(digest, known) for known in accepted):
            raise HTTPException(403, "that key is not known here")

    return guard
