"""`scripts.import_model` as a process, and what goes on from its artifact."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from function.core.artifact import open_artifact, verify
from tests.checkpoints import LABELS, compare_with_torch, sentences, write_checkpoint
from tests.commands import REPOSITORY, run_python
from tests.tiny import write_artifact

pytestmark = pytest.mark.integration

GATE = """
margin = 0.3
floor_accuracy = 0.3
floor_calibration = 0.9
latency_ratio = 99.0
calibration_rise = 0.9
"""
NAMELESS = {str(code): f"LABEL_{code}" for code in range(5)}
RENAMED = [f"--rename-label=LABEL_{code}={name}" for code, name in enumerate(LABELS)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.set_num_threads(1)
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "stars", "bert")


@pytest.fixture
def nameless(checkpoint, tmp_path):
    """The same, whose labels nobody named."""
    folder = shutil.copytree(checkpoint, tmp_path / "nameless")
    config = json.loads((folder / "config.json").read_text()) | {"id2label": NAMELESS}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def command(name, *arguments, code=0):
    done = run_python("-m", f"scripts.{name}", *arguments)
    assert done.returncode == code, f"{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def import_stars(source, output, *more, code=0):
    arguments = ("--source", source, "--model", "stars", "--output", output)
    return command("import_model", *arguments, *more, code=code)


def test_an_imported_checkpoint_is_published_promoted_and_pulled(checkpoint, tmp_path):
    output, registry = tmp_path / "new" / "stars", tmp_path / "registry"
    done = import_stars(f"dir:{checkpoint}", output)
    assert done.stdout == f"{output}\n"
    assert "serve it:" in done.stderr
    assert "note:" not in done.stderr
    for noise in ("torchvision", "Please consider", "Skipping", "Loading weights"):
        assert noise not in done.stderr
    assert open_artifact(output).manifest.labels == LABELS
    assert list(output.parent.iterdir()) == [output]
    version = command("publish", "--registry", registry, "--artifact", output).stdout.strip()
    command("promote", "--registry", registry, "--model", "stars", "--version", version)
    command("pull", "--registry", registry, "--output", tmp_path / "models")
    assert open_artifact(tmp_path / "models" / "stars").version == version


def test_in_full_precision_it_answers_as_the_checkpoint_does(checkpoint, tmp_path):
    output = tmp_path / "stars"
    import_stars(f"dir:{checkpoint}", output, "--precision", "fp32")
    artifact = open_artifact(output)
    verify(artifact)
    served, exact = compare_with_torch(checkpoint, artifact, sentences(30, 25, seed=2))
    assert np.abs(served - exact).max() < 1e-5
    kept = load_file(output / "model.safetensors")
    assert {tensor.dtype for tensor in kept.values()} == {torch.float32}
    assert artifact.manifest.provenance["precision"] == "fp32"


def test_labels_that_nobody_named_are_noted_and_can_be_renamed(nameless, tmp_path):
    said = import_stars(f"dir:{nameless}", tmp_path / "one").stderr
    assert "note: nobody named the labels" in said
    assert "--rename-label LABEL_0=NAME" in said
    said = import_stars(f"dir:{nameless}", tmp_path / "two", *RENAMED).stderr
    assert "note:" not in said
    assert open_artifact(tmp_path / "two").manifest.labels == LABELS


def test_a_newer_revision_is_renamed_as_the_one_in_production_was(nameless, tmp_path):
    registry, golden, gate = (tmp_path / name for name in ("registry", "golden.jsonl", "gate.toml"))
    import_stars(f"dir:{nameless}", tmp_path / "stars", *RENAMED)
    place = ("--registry", registry)
    version = command("publish", *place, "--artifact", tmp_path / "stars").stdout.strip()
    command("promote", *place, "--model", "stars", "--version", version)
    rows = {text: LABELS[row % 5] for row, text in enumerate(sentences(60, 12, seed=1))}
    golden.write_text("".join(json.dumps({"text": t, "label": n}) + "\n" for t, n in rows.items()))
    command("golden", *place, "--model", "stars", "--data", golden)
    weights = load_file(nameless / "model.safetensors")
    weights["classifier.bias"] += 0.001
    save_file(weights, nameless / "model.safetensors", {"format": "pt"})
    gate.write_text(GATE)
    said = command(
        *("refresh", *place, "--model", "stars", "--source", f"dir:{nameless}", "--gate", gate)
    ).stdout
    assert "stars candidate -> " in said
    assert version not in said.split("->")[1]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--rename-label", "LABEL_9=x"], "no label LABEL_9 to rename; it has LABEL_0, LABEL_1"),
        (["--rename-label", "LABEL_0=LABEL_1"], "two labels would be called LABEL_1"),
        (["--rename-label", "LABEL_0"], "give OLD=NEW"),
        (["--rename-label", "LABEL_0=a", "--rename-label", "LABEL_0=b"], "renamed twice"),
        (["--model", "../x"], "not a name"),
        (["--source", "registry"], "scripts.pull"),
        (["--output", REPOSITORY], "is there already"),
    ],
)
def test_wrong_usage_is_one_line(nameless, tmp_path, more, said):
    done = import_stars(f"dir:{nameless}", tmp_path / "stars", *more, code=2)
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith("fetching ")]
    assert said in line
    assert not (tmp_path / "stars").exists()


def test_an_artifact_is_taken_as_it_is(tmp_path):
    artifact = write_artifact(tmp_path / "artifact", model="stars")
    import_stars(f"dir:{artifact}", tmp_path / "copy")
    assert open_artifact(tmp_path / "copy").digest == open_artifact(artifact).digest
    said = import_stars(f"dir:{artifact}", tmp_path / "other", *RENAMED[:1], code=2).stderr
    assert "whose labels are fixed" in said


def test_an_empty_folder_holds_no_model(tmp_path):
    (tmp_path / "empty").mkdir()
    said = import_stars(f"dir:{tmp_path / 'empty'}", tmp_path / "stars", code=1).stderr
    assert "holds no model" in said
