import io
import json
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from function.core.artifact import describe_files, open_artifact, verify
from function.core.errors import ArtifactError
from function.core.file_formats import CHECKS, HEAD_BYTES, check_format
from function.core.manifest import MANIFEST, Role
from tests.tiny import write_artifact

ROLES = get_args(Role)
NAMES = ["model.safetensors", "model.onnx", "tokenizer.json", "README.md", "weights", "a.txt"]
# Header lengths whose first bytes are those of pickles (protocols 2 to 5) and of a zip file.
LIKE_PICKLES = [640, 896, 1152, 1408, 640 + 65536, 0x04034B50 % 65536]


def safetensors(header_length, data=b"\0" * 4):
    header = json.dumps(
        {"a": {"dtype": "F32", "shape": [len(data) // 4], "data_offsets": [0, len(data)]}}
    ).encode()
    return header_length.to_bytes(8, "little") + header.ljust(header_length) + data


def checkpoint_of_torch():
    """A file as `torch.save` writes it: a zip file, its entries stored, a pickle among them."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"weight": [1.0]}, protocol=2))
        archive.writestr("archive/version", "3\n")
    return content.getvalue()


def empty_archive():
    content = io.BytesIO()
    zipfile.ZipFile(content, "w").close()
    return content.getvalue()


VALUES = [{"a": 1}, [], "text", 1.5, None, True, Path("a"), OrderedDict(a=np.zeros(3)), b"\0" * 999]
HARMFUL = {
    f"protocol {protocol}: {value!r:.20}": pickle.dumps(value, protocol)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    for value in VALUES
} | {"torch": checkpoint_of_torch(), "empty zip": empty_archive()}


def refusal(folder, name, role, content):
    """Return the error of an artifact that is nothing but this file."""
    artifact = write_artifact(folder)
    for file in artifact.glob("[!m]*"):
        file.unlink()
    manifest = json.loads((artifact / MANIFEST).read_text())
    (artifact / "model.onnx").unlink()
    (artifact / name).write_bytes(content)
    entries = describe_files(artifact, [(name, role)])
    manifest["files"] = {name: entries[name].model_dump()}
    (artifact / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError) as caught:
        verify(open_artifact(artifact))
    return str(caught.value)


@pytest.mark.parametrize("length", LIKE_PICKLES)
def test_a_safetensors_file_whose_length_begins_like_a_pickle_is_one(tmp_path, length):
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors(length))
    check_format(path, "weights")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(length=st.integers(min_value=80, max_value=1 << 18))
def test_no_length_of_a_header_is_taken_for_something_else(tmp_path, length):
    path = tmp_path / "model.safetensors"
    path.write_bytes(safetensors(length))
    check_format(path, "weights")
    check_format(path, "decoder")


def test_what_safetensors_writes_is_accepted_with_empty_tensors_and_metadata(tmp_path):
    path = tmp_path / "model.safetensors"
    some: dict[str, Any] = {"b": np.ones(5, np.int8), "a": np.zeros((2, 3)), "none": np.zeros(0)}
    for names in ([], ["none"], ["a", "none"], ["a", "b", "none"]):
        path.write_bytes(save({name: some[name] for name in names}, metadata={"format": "pt"}))
        check_format(path, "weights")


def test_every_role_has_a_format():
    assert CHECKS.keys() == set(ROLES)


@pytest.mark.parametrize("content", HARMFUL.values(), ids=HARMFUL.keys())
def test_pickles_and_archives_are_refused_in_every_role_under_every_name(tmp_path, content):
    for role in ROLES:
        for name in NAMES:
            error = refusal(tmp_path / f"{role} {name}", name, role, content)
            assert f"/{name}: not a file of role '{role}'" in error
            assert "pickles and archives are never loaded" in error


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_subnormal=False)
        | st.text()
        | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    protocol=st.integers(min_value=0, max_value=pickle.HIGHEST_PROTOCOL),
    role=st.sampled_from(ROLES),
)
def test_no_pickle_of_plain_values_passes_for_anything(tmp_path, value, protocol, role):
    path = tmp_path / "file"
    path.write_bytes(pickle.dumps(value, protocol))
    with pytest.raises(ValueError, match=r"no |damaged|describes|pickle"):
        check_format(path, role)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no safetensors header"),
        (b"\x02\0\0", "no safetensors header"),
        ((1 << 40).to_bytes(8, "little") + b"{}", "no safetensors header"),
        (safetensors(100)[:100], "no safetensors header"),
        (safetensors(100).replace(b"{", b"[", 1), "no safetensors header"),
        (safetensors(100).replace(b"}", b"]", 1), "damaged"),
        (safetensors(100).replace(b"[0, 4]", b"[0, 9]"), "9 bytes of tensors, not 4"),
        (safetensors(100).replace(b"[0, 4]", b"[1, 4]"), "gaps"),
        (safetensors(100).replace(b"[0, 4]", b"[null]"), "damaged"),
        (safetensors(100) + checkpoint_of_torch(), "4 bytes of tensors, not"),
    ],
)
def test_weights_are_refused_where_their_header_does_not_describe_the_file(tmp_path, content, why):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=why):
        check_format(path, "weights")


@pytest.mark.parametrize(
    ("role", "content"),
    [
        ("card", b""),
        ("card", b"# sentiment\n\nTask: text-classification.\n"),
        ("card", "The model of Zoë: it reads tickets.".encode()),
        ("card", b"Sentiment of films. No more."),
        ("card", b"Is it good? I think so."),
        ("card", "é".encode() * HEAD_BYTES),
        ("card", b"x" + "é".encode() * HEAD_BYTES),
        ("card", b"---\nlicense: mit\n---\n"),
        ("config", b'{"labels": 2}'),
        ("tokenizer", b'\n  {"version": "1.0"}\n'),
    ],
)
def test_text_and_json_are_what_they_are(tmp_path, role, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    check_format(path, role)


@pytest.mark.parametrize(
    ("role", "content"),
    [
        ("config", b"[]"),
        ("config", b""),
        ("tokenizer", b"vocabulary"),
        ("card", "Modell für Filme".encode("latin-1")),
        ("card", "Modell".encode("utf-16")),
        ("card", b"a\0b"),
        ("graph", b""),
        ("graph", b"\x08"),
        ("graph", b"\x08\x00"),
        ("graph", b"graph"),
    ],
)
def test_a_file_of_another_kind_than_its_role_is_refused(tmp_path, role, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"no (JSON|text|ONNX)"):
        check_format(path, role)
