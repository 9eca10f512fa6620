"""Strangers' models in a child: loops, memory, panics and deaths become errors in words."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from tokenizers import Regex, pre_tokenizers

from function.core.artifact import describe_files, read_manifest
from function.core.errors import ArtifactError
from function.core.manifest import MANIFEST
from scripts.common import isolation
from scripts.common.errors import MissingExtraError, SourceError, UsageError
from scripts.common.isolation import call_isolated
from scripts.refresh.refresh import refresh
from scripts.refresh.sources.directory import Directory
from scripts.registry.golden_sets import freeze_golden
from scripts.registry.registry import Registry
from scripts.registry.stores import open_store
from tests.golden import LENIENT, write_golden
from tests.tiny import FILES, write_artifact


def describe_surroundings(names):
    print("not for the parent's stdout")
    return {
        "variables": {name: os.environ.get(name) for name in names},
        "folder": str(Path.cwd()),
        "home": str(Path.home()),
        "path": sys.path,
    }


def fail(kind, message):
    raise kind(message)


def run_graph(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return float(session.run(None, {})[0].sum())


def panic():
    fast = pre_tokenizers.Split(Regex("(a+)+$"), "isolated")
    return len(fast.pre_tokenize_str("a" * 60 + "!"))


def die(number):
    os.kill(os.getpid(), number)
    time.sleep(60)


def endless_node(output, kind):
    """A loop that never ends, whose output is one number."""
    cond = helper.make_tensor_value_info("cond", TensorProto.BOOL, [])
    body = helper.make_graph(
        [helper.make_node("Identity", ["cond"], ["again"])],
        "body",
        [helper.make_tensor_value_info("turn", TensorProto.INT64, []), cond],
        [helper.make_tensor_value_info("again", TensorProto.BOOL, [])],
    )
    body.input.append(helper.make_tensor_value_info("carried", kind, None))
    body.node.append(helper.make_node("Identity", ["carried"], ["next"]))
    body.output.append(helper.make_tensor_value_info("next", kind, None))
    return helper.make_node("Loop", ["", "true", "start"], [output], body=body)


def save_graph(path, nodes, constants=()):
    graph = helper.make_graph(
        nodes,
        "hostile",
        [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        list(constants),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    onnx.save(model, path)
    return str(path)


def endless(path):
    true = helper.make_tensor("true", TensorProto.BOOL, [], [True])
    start = helper.make_tensor("start", TensorProto.FLOAT, [], [1.0])
    return save_graph(path, [endless_node("out", TensorProto.FLOAT)], [true, start])


def enormous(path):
    shape = helper.make_tensor("shape", TensorProto.INT64, [1], [10**10])  # 40 GB
    return save_graph(path, [helper.make_node("ConstantOfShape", ["shape"], ["out"])], [shape])


def test_the_child_has_no_credentials_and_runs_where_its_parent_does(monkeypatch, capfd):
    secrets = ["AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "WANDB_API_KEY", "GITHUB_TOKEN", "ANY_SECRET"]
    for name in secrets:
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    found = call_isolated("m", describe_surroundings, [*secrets, "OMP_NUM_THREADS"])
    assert found["variables"] == {**dict.fromkeys(secrets), "OMP_NUM_THREADS": "1"}
    assert found["folder"] == str(Path.cwd())
    assert found["home"] != str(Path.home())
    assert {*sys.path} <= {*found["path"], ""}
    out, err = capfd.readouterr()
    assert (out, "not for the parent's stdout" in err) == ("", True)


@pytest.mark.parametrize("kind", [ArtifactError, SourceError, MissingExtraError])
def test_errors_of_ours_stay_what_they_are(kind):
    with pytest.raises(kind, match=r"^its own words$") as raised:
        call_isolated("m", fail, kind, "its own words")
    assert raised.type is kind


def test_any_other_error_is_one_line_that_names_the_source(capfd):
    with pytest.raises(SourceError, match=r"^hub:a/b: ZeroDivisionError: what\? why\?$"):
        call_isolated("hub:a/b", fail, ZeroDivisionError, "what?\nwhy?")
    assert "Traceback" in capfd.readouterr().err


def test_a_graph_without_an_end_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOLATED_SECONDS", "12")
    begun = time.monotonic()
    with pytest.raises(SourceError, match=r"^m: was not done within 12 s; ISOLATED_SECONDS"):
        call_isolated("m", run_graph, endless(tmp_path / "endless.onnx"))
    assert time.monotonic() - begun < 30


def test_a_graph_that_fills_the_memory_is_refused_before_it_does(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("ISOLATED_GIGABYTES", "4")
    with pytest.raises(SourceError, match=r"^m: .*(alloc|memory)"):
        call_isolated("m", run_graph, enormous(tmp_path / "enormous.onnx"))
    capfd.readouterr()


def test_memory_has_a_limit_by_default():
    assert 0 < isolation._most_bytes() < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_a_panic_is_an_error_in_words(capfd):
    with pytest.raises(SourceError, match=r"^m: PanicException: "):
        call_isolated("m", panic)
    capfd.readouterr()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGABRT, "died: Aborted"),
        (signal.SIGSEGV, "died: Segmentation fault"),
        (signal.SIGKILL, "was killed, most likely for its memory"),
    ],
)
def test_a_death_is_an_error_in_words(number, words):
    with pytest.raises(SourceError, match=f"^m: the process that opened it {words}"):
        call_isolated("m", die, number)


@pytest.mark.parametrize("given", ["0", "-1", "many", "nan"])
def test_a_limit_that_makes_no_sense_is_named(monkeypatch, given):
    monkeypatch.setenv("ISOLATED_SECONDS", given)
    with pytest.raises(UsageError, match=f"ISOLATED_SECONDS={given}: must be a number above 0"):
        call_isolated("m", print)


def test_a_candidate_that_never_answers_is_refused_by_the_gate(tmp_path, monkeypatch):
    """The gate runs in a child of its own, and nothing is published."""
    monkeypatch.setattr(isolation, "call_isolated", call_isolated)
    monkeypatch.setenv("ISOLATED_SECONDS", "15")
    registry = Registry(open_store(str(tmp_path / "registry")))
    folder = write_artifact(tmp_path / "candidate")
    hang(folder)
    golden = write_golden(tmp_path / "golden.jsonl").read_bytes()
    freeze_golden(registry.store, "sentiment", golden)
    gate = tmp_path / "gate.toml"
    gate.write_text(LENIENT)
    source = Directory(str(folder))
    with pytest.raises(SourceError, match="was not done within 15 s"):
        refresh(registry, "sentiment", source, gate_settings=gate, retry=False, say=print)
    assert registry.versions("sentiment") == []


def hang(folder):
    """Add an endless loop to the end of an artifact's graph."""
    model = onnx.load(folder / "model.onnx")
    model.graph.node[-1].output[0] = "start"
    model.graph.node.append(endless_node("logits", TensorProto.FLOAT))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "true"))
    onnx.save(model, folder / "model.onnx")
    changed = read_manifest(folder).manifest.model_copy(
        update={"files": describe_files(folder, FILES)}
    )
    (folder / MANIFEST).write_text(changed.model_dump_json(indent=1), encoding="utf-8")
