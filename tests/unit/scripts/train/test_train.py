"""The whole of `scripts.train` on a tiny random checkpoint, as a process."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from mlflow.tracking import MlflowClient
from safetensors import safe_open
from safetensors.numpy import load_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
)

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import open_artifact, verify
from function.core.types import Options
from scripts.common.errors import ExportError
from scripts.evaluate.evaluation import open_predictor
from scripts.train.architectures.architecture import TrainedModel
from scripts.train.parity import check_parity
from tests.commands import REPOSITORY, run_python

pytestmark = pytest.mark.integration

WORDS = [f"w{n}" for n in range(1200)]
CONFIG = """
model = "toy"
base = "unused"
labels = ["negative", "positive"]
dropout = 0.0
checkpoint_minutes = 0.001
[[datasets]]
name = "toy"
path = "train.jsonl"
[pretraining]
path = "train.jsonl"
epoch_max_tokens = [16]
[finetuning]
epoch_max_tokens = [16, 32]
learning_rate = 3e-3
batch_texts = 8
evaluate_every = 20
[serving]
max_tokens = 32
stride = 8
by_token = ["layer.0.intermediate"]
exact = ["layer.0.output.dense"]
[evaluation]
toy-test = "test.jsonl"
"""


def write_rows(path, count, seed):
    """Texts whose label is the side of the vocabulary that most of their words come from."""
    generator = np.random.default_rng(seed)
    with path.open("w") as file:
        for _ in range(count):
            label = int(generator.integers(2))
            length = int(generator.integers(3, 60))
            side = generator.random(length) < (0.9 if label else 0.1)
            words = [WORDS[int(generator.integers(600)) + 600 * int(s)] for s in side]
            file.write(json.dumps({"text": " ".join(words), "label": label}) + "\n")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A random checkpoint of real shape, a configuration, and data."""
    folder = tmp_path_factory.mktemp("training")
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    ).save_pretrained(folder / "base")
    torch.manual_seed(0)
    shape = BertConfig(
        vocab_size=len(names),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertForMaskedLM(shape).save_pretrained(folder / "base")
    write_rows(folder / "train.jsonl", 400, seed=1)
    write_rows(folder / "test.jsonl", 100, seed=2)
    (folder / "config.toml").write_text(CONFIG)
    return folder


def command(workspace, output):
    return [
        *("-m", "scripts.train", "--config", workspace / "config.toml"),
        *("--data", workspace, "--base", workspace / "base", "--output", output),
    ]


def environment(workspace):
    """The process records itself in the workspace, not in the repository."""
    return {"MLFLOW_TRACKING_URI": f"sqlite:///{workspace}/mlflow.db"}


def train(workspace, output):
    return run_python(*command(workspace, output), **environment(workspace))


def recorded(workspace, output):
    """A client of the workspace's MLflow, and the run that training into `output` became."""
    client = MlflowClient(tracking_uri=environment(workspace)["MLFLOW_TRACKING_URI"])
    (experiment,) = client.search_experiments(filter_string="name = 'toy'")
    name = f"run_name = '{output.name}'"
    (run,) = client.search_runs([experiment.experiment_id], filter_string=name)
    return client, run


@pytest.fixture(scope="module")
def run(workspace):
    """A finished run's folder."""
    output = workspace / "run"
    done = train(workspace, output)
    assert done.returncode == 0, done.stderr
    for noise in ("torchvision", "Please consider"):
        assert noise not in done.stderr
    return output


def test_a_run_leaves_an_artifact_that_learnt(run):
    artifact = open_artifact(run / "artifact")
    verify(artifact)
    assert artifact.manifest.metrics["toy-test"]["accuracy"] > 0.85
    assert artifact.manifest.profile["score"]["counts"]
    assert artifact.manifest.provenance["seed"] == 0
    assert artifact.manifest.provenance["datasets"]["toy"]["sha256"]
    report = json.loads((run / "report.json").read_text())
    assert set(report["long_text"]) == {"window", "head_tail", "truncate"}
    assert report["chosen"] == artifact.manifest.tokenization.window


def test_the_card_tells_what_was_trained_on_from_what_was_only_measured_on(run):
    card = (run / "artifact" / "README.md").read_text()
    assert "Trained on: toy, pretraining. Measured on, and not trained on: toy-test.\n" in card


def test_a_run_tells_no_path_of_the_machine_that_made_it(run, workspace):
    assert open_artifact(run / "artifact").manifest.provenance["base"] == "unused"
    for path in (run / "artifact").glob("*.json"):
        assert str(workspace) not in path.read_text()


def test_settings_and_steps_are_kept(run):
    assert json.loads((run / "config.json").read_text())["finetuning"]["learning_rate"] == 3e-3
    records = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    losses = [r["loss"] for r in records if r["phase"] == "finetuning" and "loss" in r]
    assert np.mean(losses[-10:]) < np.mean(losses[:10])


def test_a_run_is_seen_in_mlflow(run, workspace):
    client, seen = recorded(workspace, run)
    assert seen.info.status == "FINISHED"
    assert seen.data.params["finetuning.learning_rate"] == "0.003"
    assert seen.data.params["base"] == str(workspace / "base")
    assert seen.data.metrics["toy-test/accuracy"] > 0.85
    records = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    losses = {r["step"]: r["loss"] for r in records if r["phase"] == "finetuning" and "loss" in r}
    curve = client.get_metric_history(seen.info.run_id, "finetuning/loss")
    assert {metric.step: metric.value for metric in curve} == losses
    kept = {path.name for path in Path(client.download_artifacts(seen.info.run_id, "")).iterdir()}
    assert kept == {"plots", "artifact", "config.json", "report.json", "tokenizer.json"}
    pictures = {file.path for file in client.list_artifacts(seen.info.run_id, "plots")}
    names = ("confusion", "lengths", "loss", "reliability")
    assert pictures == {f"plots/{name}.png" for name in names}
    verify(open_artifact(Path(client.download_artifacts(seen.info.run_id, "artifact"))))


def test_other_settings_do_not_continue_a_run(run, workspace):
    config = workspace / "config.toml"
    content = config.read_text()
    config.write_text(content.replace("3e-3", "2e-3"))
    refused = train(workspace, run)
    config.write_text(content)
    assert refused.returncode == 2
    assert "other settings: finetuning.learning_rate: 0.003 before, 0.002 now" in refused.stderr


def test_other_settings_of_the_export_continue_a_run_without_training_again(run, workspace):
    output = workspace / "exported-again"
    shutil.copytree(run, output)
    config = workspace / "config.toml"
    content = config.read_text()
    config.write_text(content.replace('exact = ["layer.0.output.dense"]', "exact = []"))
    done = train(workspace, output)
    config.write_text(content)
    assert done.returncode == 0, done.stderr
    assert "warning: tracking" not in done.stderr
    first, second = (len((f / "log.jsonl").read_text().splitlines()) for f in (run, output))
    assert second == first + 1  # the line of the resumption
    rounded = load_file(output / "artifact" / "model.safetensors")
    assert rounded["bert.encoder.layer.0.output.dense.weight"].dtype == np.int8


def test_a_first_try_that_trained_nothing_does_not_fix_the_settings(workspace, tmp_path):
    output = tmp_path / "out"
    arguments = command(workspace, output)
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(CONFIG.replace('"train.jsonl"', '"missing.jsonl"'))
    for config, said in ((wrong, "missing.jsonl"), (workspace / "config.toml", "no such base")):
        arguments[arguments.index("--config") + 1] = config
        if said == "no such base":
            arguments[arguments.index("--base") + 1] = tmp_path / said
        done = run_python(*arguments, **environment(workspace))
        assert done.returncode == 2, done.stderr
        (error,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
        assert said in error


def test_a_killed_run_resumes_and_ends_where_an_unbroken_one_does(run, workspace):
    output = workspace / "killed"
    process = subprocess.Popen(
        [sys.executable, *command(workspace, output)],
        cwd=REPOSITORY,
        env=os.environ | environment(workspace),
        stderr=subprocess.DEVNULL,
    )
    checkpoint = output / "finetuning.checkpoint.pt"
    deadline = time.monotonic() + 240
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert checkpoint.exists()
    done = train(workspace, output)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    assert any(r.get("resumed_at", 0) > 0 and r["phase"] == "finetuning" for r in records)
    exact, resumed = (load_file(p / "artifact" / "model.safetensors") for p in (run, output))
    assert exact.keys() == resumed.keys()
    assert all(np.array_equal(exact[name], resumed[name]) for name in exact)
    client, seen = recorded(workspace, output)
    curve = client.get_metric_history(seen.info.run_id, "finetuning/loss")
    assert [metric.step for metric in curve] == list(range(1, len(curve) + 1))
    assert seen.info.status == "FINISHED"


def test_the_graph_holds_no_weights_and_no_paths_of_the_machine_that_made_it(run, workspace):
    content = (run / "artifact" / "model.onnx").read_bytes()
    assert len(content) < 100_000
    assert str(REPOSITORY).encode() not in content
    assert b".py" not in content


def test_the_weight_file_dequantises_to_the_checkpoint(run):
    path = run / "artifact" / "model.safetensors"
    weights = load_file(path)
    with safe_open(path, "np") as file:
        transposed = json.loads(file.metadata()["transposed"])
    trained = torch.load(run / "finetuning.best.pt", weights_only=True)
    graph = onnx.load(run / "artifact" / "model.onnx", load_external_data=False)
    assert {t.name for t in graph.graph.initializer if t.external_data} == weights.keys()
    for name, tensor in trained.items():
        if name not in weights:
            assert name.endswith("position_ids")
            continue
        stored = weights[name].astype(np.float32)
        scale = weights.get(f"{name}_scale")
        if scale is not None:
            stored = (stored * scale).T if name in transposed else stored * scale
            assert np.abs(stored - tensor.numpy()).max() <= scale.max() * 0.51
        else:
            stored = stored.T if name in transposed else stored
            assert np.array_equal(stored, tensor.numpy())
    exact = "bert.encoder.layer.0.output.dense.weight"
    assert exact in transposed
    assert weights[exact].dtype == np.float32


def test_the_named_matrices_read_each_token_on_a_scale_of_its_own(run):
    graph = onnx.load(run / "artifact" / "model.onnx", load_external_data=False).graph
    made_by = {output: node for node in graph.node for output in node.output}
    products = {node.input[1]: node for node in graph.node if node.op_type == "MatMulInteger"}
    scaled = {
        name
        for name, node in products.items()
        if made_by[made_by[node.input[0]].input[0]].op_type == "Div"
    }
    assert scaled == {"bert.encoder.layer.0.intermediate.dense.weight"}
    assert len(products) > 1


def test_quantised_weights_use_seven_bits(run):
    weights = load_file(run / "artifact" / "model.safetensors")
    products = [n.removesuffix("_zero_point") for n in weights if n.endswith("_zero_point")]
    assert len(products) > 10
    assert max(int(np.abs(weights[name].astype(int)).max()) for name in products) <= 64


def test_an_export_of_another_model_is_refused_with_how_far_off_it_is(run, workspace):
    artifact = open_artifact(run / "artifact")
    torch.manual_seed(5)
    other = BertForSequenceClassification(BertConfig.from_json_file(run / "artifact/config.json"))
    predictor = open_predictor(run / "artifact")
    trained = TrainedModel(other.eval(), predictor._tokenizer, artifact.file("tokenizer"), {})
    texts = [json.loads(row)["text"] for row in (workspace / "test.jsonl").read_text().splitlines()]
    with pytest.raises(ExportError, match=r"\d+\.\d+% of 100 texts"):
        check_parity(trained, OnnxBackend(artifact, 1), texts, 32, "Train longer.")


def test_long_texts_are_answered_in_one_pass_of_windows(run):
    (prediction,), _ = open_predictor(run / "artifact").predict(
        ["w700 " * 200], Options(long_text="window")
    )
    assert prediction.windows > 5
    assert not prediction.truncated


def test_a_share_of_a_base_without_the_head_is_refused(workspace, tmp_path):
    config = tmp_path / "config.toml"
    without = CONFIG.replace('[pretraining]\npath = "train.jsonl"\nepoch_max_tokens = [16]\n', "")
    config.write_text(without.replace("batch_texts = 8", "batch_texts = 8\nbase_share = 0.3"))
    arguments = command(workspace, tmp_path / "out")
    arguments[arguments.index("--config") + 1] = config
    done = run_python(*arguments)
    assert done.returncode == 2, done.stderr
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert "lacks bert.pooler.dense.bias" in error
    assert "classifier.weight, which would stay partly random" in error


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ('{"text": "w1", "label": 1}\n{"text": "w2", "label": 1}\n', "same label"),
        ('{"body": "w1", "label": 1}\n', "no column 'text'"),
    ],
)
def test_a_file_that_cannot_train_is_one_line(workspace, tmp_path, rows, said):
    (tmp_path / "train.jsonl").write_text(rows)
    arguments = command(workspace, tmp_path / "out")
    arguments[arguments.index("--data") + 1] = tmp_path
    done = run_python(*arguments)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert said in line
    assert "Traceback" not in done.stderr
