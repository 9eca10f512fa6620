"""Bearer keys. Only the SHA-256 of a key is ever stored or compared."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from hmac import compare_digest

from fastapi import HTTPException, Request

Guard = Callable[[Request], Awaitable[None]]


def require_key(accepted: Sequence[str]) -> Guard:
    """A dependency that lets a request through when its bearer key's digest is accepted.

    accepted: SHA-256 digests in hex. Answers 401 without a key and 403 for a wrong one.
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
