"""Answers compressed as the client asks for it."""

import zlib

import pytest

from function.api.open_inference.response import compress

BODY = b"the same words again and again, " * 30
WINDOW_BITS = {"gzip": 31, "deflate": 15}


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("GZIP", "gzip"),
        ("gzip, deflate, br", "gzip"),
        ("deflate, gzip;q=0.5", "deflate"),
        ("gzip;q=0, deflate", "deflate"),
        ("gzip ; q=0.2 , deflate ; q=0.3", "deflate"),
        ("br, *", "gzip"),
        ("gzip;q=0, *", "deflate"),
    ],
)
def test_the_encoding_is_the_one_that_the_client_likes_best(accepted, encoding):
    body, headers = compress(BODY, accepted)
    assert headers == {"vary": "accept-encoding", "content-encoding": encoding}
    assert len(body) < len(BODY)
    assert zlib.decompress(body, WINDOW_BITS[encoding]) == BODY


@pytest.mark.parametrize(
    "accepted", ["", "identity", "br", "gzip;q=0", "*;q=0", "gzip;q=much", "x-gzip-not", ",;,"]
)
def test_what_the_client_does_not_read_is_not_sent(accepted):
    assert compress(BODY, accepted) == (BODY, {"vary": "accept-encoding"})


def test_what_would_only_grow_is_sent_as_it_is():
    assert compress(b"short", "gzip") == (b"short", {"vary": "accept-encoding"})
