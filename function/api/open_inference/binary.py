"""Tensors as bytes: the binary tensor data extension.

Little-endian, without padding. A BYTES element is its length in four bytes, then its content.
Tensors follow the JSON in the order in which it names them.
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

import re
import struct
from collections.abc import Sequence

from function.api.body import JSON_LENGTH
from function.api.open_inference.errors import MalformedRequestError

_LENGTH = struct.Struct("<I")
_BYTE_COUNT = re.compile(r"[0-9]{1,18}")


def split(body: bytes, json_length: str | None) -> tuple[bytes, bytes]:
    """Split a body into its JSON, `json_length` bytes or all of it, and the tensors after it.

    Raises MalformedRequestError if the length is no number, or more than the body has.
    """
    if json_length is None:
        return body, b""
    if not _BYTE_COUNT.fullmatch(json_length):
        raise MalformedRequestError(f"{JSON_LENGTH}: send the length of the JSON in bytes")
    length = int(json_length)
    if length > len(body):
        raise MalformedRequestError(
            f"{JSON_LENGTH} is {length}, but the body has {len(body)} bytes"
        )
    return body[:length], body[length:]


def decode_bytes(data: bytes, count: int) -> list[bytes]:
    """Decode a BYTES tensor; raises MalformedRequestError unless it is exactly `count` elements."""
    elements = []
    position = 0
    for index in range(count):
        start = position + _LENGTH.size
        if start > len(data):
            raise MalformedRequestError(
                f"the binary data ends after {index} elements; the shape says {count}"
            )
        (length,) = _LENGTH.unpack_from(data, position)
        position = start + length
        if position > len(data):
            raise MalformedRequestError(
                f"element {index} says that it has {length} bytes; {len(data) - start} are left"
            )
        elements.append(data[start:position])
    if position < len(data):
        raise MalformedRequestError(
            f"{len(data) - position} bytes are left behind the {count} elements that the shape says"
        )
    return elements


def encode_bytes(elements: Sequence[bytes]) -> bytes:
    """Encode the elements of a BYTES tensor."""
    return b"".join(_LENGTH.pack(len(element)) + element for element in elements)
