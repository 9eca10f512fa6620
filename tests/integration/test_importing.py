"""Tiny checkpoints of five families, imported and asked, compared with torch on the same texts.

They are sure of their answers: rounding to eight bits may move a probability by TOLERANCE, and no
label. What they learnt differs from processor to processor; a window left out moves a probability
by 0.2 or more.
"""

import json
import shutil
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import (
    AutoModelForSequenceClassification,
    FNetConfig,
    FNetForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
)

from function.core.artifact import open_artifact, verify
from function.core.errors import ArtifactError
from function.core.manifest import MANIFEST
from function.core.types import Options
from scripts.common.errors import MissingExtraError, SourceError, UsageError
from scripts.evaluate.evaluation import open_predictor
from scripts.refresh.checkpoint import read_checkpoint
from scripts.train.base_checkpoint import longest_window
from tests.checkpoints import (
    CREATED,
    FAMILIES,
    LABELS,
    OTHERS,
    REVISION,
    SHAPE,
    TEXTS,
    answers,
    compare_with_torch,
    imported,
    sentences,
    write_checkpoint,
)
from tests.tiny import write_artifact

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("quick")]

TOLERANCE = 0.05  # of a probability


@pytest.fixture(scope="module", params=FAMILIES)
def family(request, tmp_path_factory):
    """A family's checkpoint and the artifact that was made of it."""
    folder = tmp_path_factory.mktemp(request.param)
    checkpoint = write_checkpoint(folder / "checkpoint", request.param)
    return request.param, checkpoint, imported(checkpoint, folder / "artifact")


def test_it_answers_as_torch_does(family):
    _, checkpoint, artifact = family
    served, exact = compare_with_torch(checkpoint, artifact, sentences(30, 25, seed=2))
    assert np.abs(served - exact).max() < TOLERANCE
    assert (served.argmax(1) == exact.argmax(1)).all()
    assert set(exact.argmax(1)) == set(range(5))


def test_a_long_text_is_run_in_windows_as_torch_would_run_them(family):
    _, checkpoint, artifact = family
    text = " ".join(" ".join(sentences(20, 12, seed=3)).split()[:75])
    (prediction,), _ = open_predictor(artifact.path).predict([text], Options())
    assert prediction.windows > 2
    assert not prediction.truncated
    served, exact = compare_with_torch(checkpoint, artifact, [text])
    assert np.abs(served - exact).max() < TOLERANCE


def test_padding_to_a_longer_text_changes_no_answer(family):
    name, _, artifact = family
    predictor = open_predictor(artifact.path)
    short, long = "a funny film", " ".join(OTHERS)
    assert predictor._tokenizer.pad_id == FAMILIES[name][2]
    alone, padded = answers(predictor, [short]), answers(predictor, [short, long])
    assert np.abs(alone[0] - padded[0]).max() < TOLERANCE


def test_the_manifest_says_what_the_checkpoint_says(family):
    name, _, artifact = family
    manifest = artifact.manifest
    longest = FAMILIES[name][3]
    assert manifest.labels == LABELS
    assert (manifest.model, manifest.created) == ("stars", CREATED)
    assert manifest.tokenization.model_dump() == {
        "max_tokens": longest,
        "window": "window",
        "stride": longest // 4,
        "max_windows": 16,
        "casing": False,
    }
    assert manifest.decoding.temperature == 1
    assert (manifest.metrics, manifest.profile) == ({}, {})
    provenance = manifest.provenance
    assert (provenance["base"], provenance["revision"]) == (REVISION.source, REVISION.revision)
    assert provenance["parity"]["texts"] == len(TEXTS)
    assert provenance["libraries"]["torch"] == torch.__version__
    verify(artifact)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A whole checkpoint, to be copied and damaged."""
    return write_checkpoint(tmp_path_factory.mktemp("whole") / "checkpoint", "distilbert")


@pytest.fixture
def damaged(checkpoint, tmp_path):
    return shutil.copytree(checkpoint, tmp_path / "damaged")


def test_weights_in_shards_and_a_second_import_become_the_same_version(checkpoint, tmp_path):
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint)
    shards = shutil.copytree(checkpoint, tmp_path / "shards")
    (shards / "model.safetensors").unlink()
    model.save_pretrained(shards, max_shard_size="100KB")
    assert len(list(shards.glob("*.safetensors"))) > 1
    whole = imported(checkpoint, tmp_path / "one", TEXTS[:20])
    assert imported(shards, tmp_path / "two", TEXTS[:20]).version == whole.version


def test_a_window_is_no_longer_than_the_tokenizer_takes(damaged):
    edit(damaged / "tokenizer_config.json", model_max_length=16)
    read = read_checkpoint(damaged, {path.name for path in damaged.iterdir()}, "dir:x")
    model = AutoModelForSequenceClassification.from_pretrained(damaged)
    assert longest_window(model, read.longest) == 16


def edit(path, **members):
    path.write_text(json.dumps(json.loads(path.read_text()) | members))


def drop(name):
    return lambda folder: (folder / name).unlink()


def configured(**members):
    return lambda folder: edit(folder / "config.json", **members)


def pickled(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def never_tuned(folder):
    weights = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if "classifier" not in name}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})


def other_tokenizer(folder):
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_tokens([f"new{number}" for number in range(1100)])
    tokenizer.save(str(folder / "tokenizer.json"))


def last_token_reader(folder):
    """GPT-2 answers from the last token that is not padding, and is configured with a wrong one."""
    config = GPT2Config(
        vocab_size=1100,
        n_embd=32,
        n_layer=1,
        n_head=2,
        pad_token_id=7,
        id2label=dict(enumerate(LABELS)),
    )
    GPT2ForSequenceClassification(config).save_pretrained(folder)
    edit(folder / "tokenizer_config.json", pad_token="[PAD]")


def tokenized(**members):
    return lambda folder: edit(folder / "tokenizer_config.json", **members)


def token_beyond_the_table(folder):
    file = folder / "tokenizer.json"
    content = json.loads(file.read_text())
    content["model"]["vocab"]["film"] = 5000
    file.write_text(json.dumps(content))


def exploding(folder):
    """Sixteen replacements, each of which doubles every letter."""
    file = folder / "tokenizer.json"
    content = json.loads(file.read_text())
    double = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
    content["normalizer"] = {"type": "Sequence", "normalizers": [double] * 16}
    file.write_text(json.dumps(content))


def escaping_shard(folder):
    (folder / "model.safetensors").rename(folder.parent / "model.safetensors")
    names = {"weight_map": {"a": "../model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(names))


def not_finite(folder):
    weights = load_file(folder / "model.safetensors")
    weights["classifier.weight"][0, 0] = float("nan")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def reads_padding(folder):
    config = FNetConfig(**{name: SHAPE[name] for name in SHAPE if name != "num_attention_heads"})
    config.id2label = dict(enumerate(LABELS))
    config.pad_token_id = 0
    FNetForSequenceClassification(config).save_pretrained(folder)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (configured(id2label=["a", "b"]), "id2label in its config.json is not a JSON object"),
        (configured(id2label=None, num_labels="x"), "id2label in its config.json: "),
        (tokenized(auto_map={"AutoTokenizer": ["code.Own"]}), r"tokenizer_config.json .*auto_map"),
        (tokenized(model_max_length=2), "2 tokens at most leave no room for text"),
        (token_beyond_the_table, "5001 tokens, the model 1100"),
        (exploding, r"replaces text by up to 7e\+04 times as much"),
        (escaping_shard, r"names \.\./model\.safetensors, which is not there"),
        (not_finite, "its weights are damaged"),
        (reads_padding, "fnet reads padding as text"),
        (configured(problem_type="regression"), r"gives 5 numbers \(regression\)"),
        (configured(id2label={"0": "score"}), "transformers cannot load it"),
        (configured(id2label={"0": "a", "2": "b"}), "number labels from 0"),
        (configured(id2label={"0": "a", "1": "a"}), "each once"),
        (configured(architectures=["BertForMaskedLM"]), "BertForMaskedLM"),
        (configured(architectures=["BertForQuestionAnswering"]), "ForSequenceClassification or"),
        (configured(architectures=None), "no architecture"),
        (configured(architectures={"a": 1}), "its settings are not of the usual form: KeyError"),
        (configured(auto_map={"AutoModel": "code.Model"}), "auto_map"),
        (configured(model_type="unheard-of"), "transformers cannot load it"),
        (drop("config.json"), r"no config\.json"),
        (drop("tokenizer.json"), r"AutoTokenizer\.from_pretrained.*save_pretrained"),
        (drop("model.safetensors"), r"no model\.safetensors"),
        (pickled, r"a pickle \(pytorch_model\.bin\)"),
        (never_tuned, "not fine-tuned"),
        (other_tokenizer, "not of one model"),
        (last_token_reader, "pads with 0, its config.json says 7"),
        (lambda folder: (folder / "config.json").write_text("{"), r"config\.json: "),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), r"tokenizer\.json: not a"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_one_line(damaged, tmp_path, damage, said):
    damage(damaged)
    with pytest.raises(SourceError, match=said) as raised:
        imported(damaged, tmp_path / "out")
    assert str(raised.value).startswith("dir:somewhere: ")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_two_nameless_labels_are_what_a_config_without_labels_means(damaged):
    config = json.loads((damaged / "config.json").read_text())
    del config["id2label"]
    (damaged / "config.json").write_text(json.dumps(config))
    names = {path.name for path in damaged.iterdir()}
    assert read_checkpoint(damaged, names, "dir:x").labels == ["LABEL_0", "LABEL_1"]


@pytest.mark.parametrize("names", [None, {}])
def test_labels_that_a_config_only_counts_are_nameless(damaged, names):
    edit(damaged / "config.json", id2label=names, num_labels=3)
    read = read_checkpoint(damaged, {path.name for path in damaged.iterdir()}, "dir:x")
    assert read.labels == ["LABEL_0", "LABEL_1", "LABEL_2"]


@pytest.mark.parametrize("longest", [1e30, float("inf"), float("nan"), -1, None, "512"])
def test_a_tokenizer_without_a_limit_leaves_the_window_to_the_model(damaged, longest):
    edit(damaged / "tokenizer_config.json", model_max_length=longest)
    read = read_checkpoint(damaged, {path.name for path in damaged.iterdir()}, "dir:x")
    assert read.longest is None


def test_a_vocabulary_alone_becomes_the_tokenizer_that_transformers_makes_of_it(damaged, tmp_path):
    whole = imported(damaged, tmp_path / "whole", TEXTS[:20])
    vocabulary = Tokenizer.from_file(str(damaged / "tokenizer.json")).get_vocab()
    (damaged / "tokenizer.json").unlink()
    (damaged / "tokenizer_config.json").write_text('{"tokenizer_class": "DistilBertTokenizer"}')
    (damaged / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=vocabulary.__getitem__)))
    made = imported(damaged, tmp_path / "made", TEXTS[:20])
    texts = ["A FUNNY masterpiece, dull?", "slow and naïve", "北京 film"]
    one, other = (answers(open_predictor(each.path), texts) for each in (whole, made))
    assert np.abs(one - other).max() < 1e-6


def test_an_export_needs_texts_to_be_compared_on(checkpoint, tmp_path):
    with pytest.raises(UsageError, match="at least one"):
        imported(checkpoint, tmp_path / "out", texts=[" "])


def test_an_artifact_is_taken_as_it_is(tmp_path):
    folder = write_artifact(tmp_path / "fetched", model="stars")
    before = (folder / MANIFEST).read_bytes()
    artifact = imported(folder, tmp_path / "out")
    assert artifact == open_artifact(folder)
    assert (folder / MANIFEST).read_bytes() == before


def test_an_artifact_of_another_model_is_refused(tmp_path):
    folder = write_artifact(tmp_path / "fetched", model="sentiment")
    with pytest.raises(SourceError, match="an artifact of 'sentiment', not 'stars'"):
        imported(folder, tmp_path / "out")


def test_a_damaged_artifact_is_refused(tmp_path):
    folder = write_artifact(tmp_path / "fetched", model="stars")
    content = bytearray((folder / "model.onnx").read_bytes())
    content[-1] ^= 1
    (folder / "model.onnx").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"model\.onnx: its SHA-256 differs"):
        imported(folder, tmp_path / "out")


def test_without_torch_it_says_what_to_install(checkpoint, tmp_path, monkeypatch):
    for module in ("conversion", "loaded_checkpoint"):
        monkeypatch.delitem(sys.modules, f"scripts.refresh.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"exported with torch.*'make tools'"):
        imported(checkpoint, tmp_path / "out")
