"""From a name on a hub to a served model, and its life after that: the commands of the docs."""

import json
import os
import signal
import subprocess
import sys
import urllib.request

import pytest
from safetensors.torch import load, save

from function.core.artifact import open_artifact
from scripts.common.processes import free_port, wait_until
from scripts.import_model import name_of
from scripts.registry.registry import open_registry
from tests.checkpoints import LABELS, sentences, torch_logits, write_checkpoint
from tests.commands import REPOSITORY
from tests.integration.test_import_model import GATE
from tests.serving import is_ready
from tests.stand_ins.hub import Hub
from tests.tiny import write_artifact

pytestmark = pytest.mark.integration

SOURCE = "hub:org/Stars_Model"
NEWER = "fedcba9876543210fedcba9876543210fedcba98"


class Checkout:
    """A checkout with a registry of its own, and the environment of who works in it."""

    def __init__(self, folder, hub):
        self.folder, self.hub = folder, hub
        for name in ("Makefile", "function", "scripts", ".venv"):
            (folder / name).symlink_to(REPOSITORY / name)
        self.environment = {
            **os.environ,
            "HF_ENDPOINT": hub.address,
            "HF_HOME": str(folder / "cache"),
            "HF_TOKEN": "",
        }

    def command(self, name, *arguments):
        done = subprocess.run(
            [sys.executable, "-m", f"scripts.{name}", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def run(self, port):
        """Start `make run SOURCE=`, whose packages are installed."""
        installed = ("-o", ".venv/.server", "-o", ".venv/.test")
        return subprocess.Popen(
            ["make", *installed, "run", f"SOURCE={SOURCE}", f"PORT={port}"],
            cwd=self.folder,
            env=self.environment,
            start_new_session=True,
        )


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("hub") / "stars", "bert")


@pytest.fixture
def checkout(tmp_path, checkpoint):
    hub = Hub()
    files = {path.name: path.read_bytes() for path in checkpoint.iterdir()}
    hub.repositories["org/Stars_Model"] = files | {"pytorch_model.bin": b"pickle"}
    yield Checkout(tmp_path, hub)
    hub.stop()


def ask(port, path, document=None):
    body = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


def test_from_a_name_on_the_hub_to_a_rollback(checkout, checkpoint, tmp_path):
    hub, run = checkout.hub, checkout.command
    registry = open_registry(str(tmp_path / "registry"))
    bundled = registry.publish(open_artifact(write_artifact(tmp_path / "bundled")))
    registry.promote("sentiment", bundled, "it answered")
    texts = sentences(60, 12, seed=1)
    exact = torch_logits(checkpoint, texts[:5], 40, 10).argmax(1)

    def version(alias):
        pointer = registry.alias("stars-model", alias)
        return pointer and pointer.version

    # One command imports it and serves it as the default, beside what the registry has.
    port = free_port()
    process = checkout.run(port)
    try:
        assert wait_until(lambda: is_ready(port), process, 180)
        assert "<html" in ask(port, "/")
        served = [model["name"] for model in json.loads(ask(port, "/v1/models"))["models"]]
        assert served == ["stars-model", "sentiment"]
        answer = json.loads(ask(port, "/v1/predict", {"inputs": texts[:5]}))
        assert answer["model"]["name"] == "stars-model"
        assert [each["label"] for each in answer["predictions"]] == [LABELS[row] for row in exact]
        hugging_face = json.loads(ask(port, "/", {"inputs": texts[0]}))
        assert hugging_face[0][0]["label"] == LABELS[exact[0]]
        other = json.loads(ask(port, "/v1/models/sentiment/predict", {"inputs": "a good film"}))
        assert other["predictions"][0]["label"] == "positive"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
    assert not any(name.endswith(".bin") for name in hub.files_asked_for())

    # The same revision is imported once.
    hub.requests.clear()
    artifact = tmp_path / run("import_model", "--source", SOURCE)
    assert artifact.name == "stars-model"
    assert not hub.files_asked_for()

    # A first version, a golden set, and a gate for the next ones.
    place = ("--registry", tmp_path / "registry")
    named = (*place, "--model", "stars-model")
    first = run("publish", *place, "--artifact", artifact)
    run("promote", *named, "--version", first)
    golden, gate = tmp_path / "golden.jsonl", tmp_path / "gate.toml"
    rows = {text: LABELS[row % 5] for row, text in enumerate(texts)}
    golden.write_text("".join(json.dumps({"text": t, "label": n}) + "\n" for t, n in rows.items()))
    gate.write_text(GATE)
    run("golden", *named, "--data", golden)
    refresh = ("refresh", *named, "--source", SOURCE, "--gate", gate)
    assert "it is the version in production" in run(*refresh)

    # A newer commit passes, is promoted, and is rolled back.
    weights = load(hub.repositories["org/Stars_Model"]["model.safetensors"])
    weights["classifier.bias"] += 0.001
    hub.repositories["org/Stars_Model"]["model.safetensors"] = save(weights, {"format": "pt"})
    hub.commit = NEWER
    assert "stars-model candidate -> " in run(*refresh)
    second = version("candidate")
    assert registry.describe("stars-model", second).manifest.provenance["revision"] == NEWER
    run("promote", *named, "--version", second)
    assert "nothing new" in run(*refresh)
    assert f"{second} -> {first}" in run("rollback", *named, "--from", second)
    assert version("production") == first


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("hub:org/Stars_Model", "stars-model"),
        ("hub:org/bert-base.v2", "bert-base.v2"),
        ("dir:/data/my model/", "my-model"),
        ("mlflow:Reviews", "reviews"),
        ("wandb:team/project/model", "model"),
        ("dir:..", "imported"),
    ],
)
def test_a_model_is_named_after_its_source(source, name):
    assert name_of(source) == name
