"""Ids of answered texts, which join feedback to the prediction log.

The service draws them and takes none from a request: a client may send its own id twice. Where the
service has a key, each is signed, so that feedback is taken on ids that were handed out alone.
"""

import hmac
import os
from functools import cache
from typing import Any

HEADER = "x-prediction-id"
PATTERN = r"^[0-9a-f]{32}-[0-9]{1,6}$"
# The header in the OpenAPI document, for routes that answer texts.
DOCUMENTED: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            HEADER: {
                "description": "The first text's id, for feedback, if predictions are logged. "
                "It ends in -0; the next text's id is the same with -1, and so on",
                "schema": {"type": "string", "pattern": PATTERN},
            }
        }
    }
}


DRAWN, SIGNED = 10, 6  # bytes of an id


def draw_id(key: bytes) -> str:
    """Return 32 hex digits for the texts of a request, the last of them a signature of the rest.

    Without a key all are random.
    """
    if not key:
        return os.urandom(DRAWN + SIGNED).hex()
    drawn = os.urandom(DRAWN)
    return (drawn + _signature(drawn, key)).hex()


def was_drawn(given: str, key: bytes) -> bool:
    """Say whether `draw_id` with this key made an id of `PATTERN`; without a key all may be."""
    content = bytes.fromhex(given.partition("-")[0])
    return not key or hmac.compare_digest(content[DRAWN:], _signature(content[:DRAWN], key))


def _signature(drawn: bytes, key: bytes) -> bytes:
    return keyed_hash(b"prediction id " + drawn, key)[:SIGNED]


def keyed_hash(content: bytes, key: bytes) -> bytes:
    """Return the HMAC-SHA256 of a content."""
    keyed = _keyed(key).copy()
    keyed.update(content)
    return keyed.digest()


@cache
def _keyed(key: bytes) -> hmac.HMAC:
    """Return the keyed hash of nothing, to copy: creating one takes longer than hashing a text."""
    return hmac.new(key, digestmod="sha256")


def prediction_id(drawn: str, index: int) -> str:
    """Return the id of one text of a request, for which `draw_id` gave the digits."""
    return f"{drawn}-{index}"
