"""Proof that a file is what its role says, by the start of its own content.

    weights, decoder,
    first_stage          safetensors: a header in JSON whose offsets cover the rest of the file
    graph                ONNX: a protobuf message that begins with the version of its format
    tokenizer, config    a JSON object
    card                 text

Nothing else is let in, so no pickle and no archive is, whatever its name. What follows the start
is parsed by whatever loads the file, and none of that runs code: `json`, `tokenizers`,
`safetensors`, ONNX Runtime. No more than the header of large files is read.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

LENGTH_BYTES = 8
LONGEST_HEADER = 100_000_000  # the limit of safetensors itself
HEAD_BYTES = 4096
ONNX_VERSION = 0x08  # tag of ModelProto's field 1, `ir_version`, which writers put first
# Text has no other control characters, and archives have.
TEXT_CONTROLS = frozenset("\t\n\f\r\x1b")


def check_format(path: Path, role: str) -> None:
    """Raise ValueError, which says why, where a file's start is not that of its role."""
    with path.open("rb") as file:
        CHECKS[role](file, path.stat().st_size)


def read_safetensors_header(file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    """Return the entries of a header by tensor, and where the data begin.

    Raises ValueError where the offsets do not cover the rest of the file.
    """
    length = int.from_bytes(file.read(LENGTH_BYTES), "little")
    data = size - LENGTH_BYTES - length
    if data < 0 or length > LONGEST_HEADER or file.read(1) != b"{":
        raise ValueError("no safetensors header at its start")
    try:
        header: dict[str, Any] = json.loads(b"{" + file.read(length - 1))
        header.pop("__metadata__", None)
        ranges = sorted(tuple(tensor["data_offsets"]) for tensor in header.values())
        end = 0
        for start, stop in ranges:
            if start != end or stop < start:
                raise ValueError("tensors that overlap or leave gaps")
            end = stop
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"its safetensors header is damaged: {error}") from error
    if end != data:
        raise ValueError(f"its safetensors header describes {end} bytes of tensors, not {data}")
    return header, size - data


def _safetensors(file: BinaryIO, size: int) -> None:
    read_safetensors_header(file, size)


def _onnx(file: BinaryIO, size: int) -> None:  # noqa: ARG001
    tag, *version = file.read(2)[:2] or b"\0"
    if tag != ONNX_VERSION or not version or not 0 < version[0] < 128:
        raise ValueError("no ONNX graph, which begins with the version of its format")


def _json_object(file: BinaryIO, size: int) -> None:  # noqa: ARG001
    if not _text(file.read(HEAD_BYTES)).lstrip().startswith("{"):
        raise ValueError("no JSON object")


def _card(file: BinaryIO, size: int) -> None:
    head = file.read(HEAD_BYTES)
    _text(head)
    # Pickles of protocol 0 are text. No opcode is `#`, with which cards of scripts.train begin.
    if head[:1] != b"#" and size:
        file.seek(0)
        if _is_pickle(file):
            raise ValueError("it is a pickle")


def _text(head: bytes) -> str:
    """Decode UTF-8 whose last character may be cut off; refuse what no text has."""
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if len(head) < HEAD_BYTES or error.start < len(head) - 3:
            raise ValueError("no text in UTF-8") from error
        text = head[: error.start].decode()
    if any(character < " " and character not in TEXT_CONTROLS for character in text):
        raise ValueError("no text: it has control characters")
    return text


def _is_pickle(file: BinaryIO) -> bool:
    """Return whether the file can be read as opcodes of pickle to their end; nothing is run."""
    import pickletools  # seldom needed, and no start of a function waits for it

    try:
        for _ in pickletools.genops(file):
            pass
    except Exception:  # whatever opcodes make of text that is none
        return False
    return True


CHECKS: dict[str, Callable[[BinaryIO, int], None]] = {
    "graph": _onnx,
    "weights": _safetensors,
    "decoder": _safetensors,
    "first_stage": _safetensors,
    "tokenizer": _json_object,
    "config": _json_object,
    "card": _card,
}
