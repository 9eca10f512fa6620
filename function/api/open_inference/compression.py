"""Answers compressed where the client says that it reads them so."""

import zlib

from function.api.body import WINDOW_BITS

ENCODINGS = ("gzip", "deflate")


def compress(body: bytes, accepted: str) -> tuple[bytes, dict[str, str]]:
    """A body, compressed where that is shorter, and the headers that tell how.

    accepted: the request's Accept-Encoding.
    """
    headers = {"vary": "accept-encoding"}
    weights = _weights(accepted)
    encoding = max(ENCODINGS, key=lambda name: weights.get(name, weights.get("*", 0.0)))
    if not weights.get(encoding, weights.get("*", 0.0)):
        return body, headers
    compressed = zlib.compress(body, wbits=WINDOW_BITS[encoding])
    if len(compressed) >= len(body):
        return body, headers
    return compressed, {**headers, "content-encoding": encoding}


def _weights(accepted: str) -> dict[str, float]:
    """Encoding → how much the client wants it, 0 being not at all (RFC 9110, 12.5.3)."""
    weights = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        key, _, value = parameter.strip().partition("=")
        try:
            weights[name.strip()] = float(value) if key == "q" else 1.0
        except ValueError:
            weights[name.strip()] = 0.0
    return weights
