"""Sound and broken exports of a model with opinions and of one that has hardly any, on 58 texts."""

import copy
import json
from datetime import UTC, datetime

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import Artifact
from function.core.manifest import Tokenization
from function.core.tokenization import TextTokenizer
from scripts.common.errors import ExportError
from scripts.train.architectures.architecture import TrainedModel
from scripts.train.export import export
from scripts.train.manifest import draft_manifest
from scripts.train.parity import EntityParity, check_parity, measure_parity

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS = [f"w{number}" for number in range(1200)]
TEXTS = 58
CREATED = datetime(2026, 1, 2, tzinfo=UTC)
STRONG, WEAK = 4.0, 0.05  # factors of the last layer's weights
HIDDEN_MATRIX = "bert.encoder.layer.0.output.dense.weight_scale"


@pytest.fixture(scope="module")
def tokenizer_file(tmp_path_factory):
    ids = {word: number for number, word in enumerate(SPECIAL + WORDS)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def trained(tokenizer_file, head):
    """A model whose layers matter: random, with weights that are large for its width."""
    torch.manual_seed(3)
    shape = BertConfig(
        vocab_size=len(SPECIAL + WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        num_labels=4,
        initializer_range=0.2,
    )
    model = BertForSequenceClassification(shape).eval()
    with torch.no_grad():
        model.classifier.weight *= head
    settings = json.loads(shape.to_json_string())
    return TrainedModel(model, TextTokenizer(tokenizer_file), tokenizer_file, settings)


def texts():
    generator = np.random.default_rng(1)
    return [" ".join(generator.choice(WORDS, int(generator.integers(3, 40)))) for _ in range(TEXTS)]


def exported(model, folder):
    folder.mkdir()
    export(model, folder)
    settings = Tokenization(max_tokens=64, window="window", stride=8, max_windows=4)
    manifest = draft_manifest(folder, "toy", list("abcd"), settings, CREATED)
    return Artifact(folder, manifest, digest="")


def parity(model, artifact):
    return check_parity(model, OnnxBackend(artifact, 1), texts(), 64, "Do that.")


@pytest.mark.parametrize("head", [STRONG, WEAK])
def test_a_sound_export_passes_on_few_texts(tmp_path, tokenizer_file, head):
    model = trained(tokenizer_file, head)
    found = parity(model, exported(model, tmp_path / "artifact"))
    assert found.texts == TEXTS
    assert not found.problem


@pytest.mark.parametrize("head", [STRONG, WEAK])
def test_an_export_with_two_layers_swapped_is_refused_on_few_texts(tmp_path, tokenizer_file, head):
    model = trained(tokenizer_file, head)
    swapped = copy.deepcopy(model)
    layers = swapped.model.bert.encoder.layer
    layers[0], layers[1] = layers[1], layers[0]
    with pytest.raises(ExportError, match=rf"on {TEXTS} texts|of {TEXTS} texts.*Do that\."):
        parity(model, exported(swapped, tmp_path / "artifact"))


@pytest.mark.parametrize("head", [STRONG, WEAK])
def test_an_export_with_wrong_scales_is_refused_on_few_texts(tmp_path, tokenizer_file, head):
    model = trained(tokenizer_file, head)
    artifact = exported(model, tmp_path / "artifact")
    _multiply(artifact.file("weights"), HIDDEN_MATRIX, 8)
    with pytest.raises(ExportError, match=rf"on {TEXTS} texts|of {TEXTS} texts.*Do that\."):
        parity(model, artifact)


def _multiply(path, tensor, factor):
    content = bytearray(path.read_bytes())
    base = 8 + int.from_bytes(content[:8], "little")
    start, stop = json.loads(content[8:base])[tensor]["data_offsets"]
    scales = np.frombuffer(bytes(content[base + start : base + stop]), np.float32) * factor
    content[base + start : base + stop] = scales.astype(np.float32).tobytes()
    path.write_bytes(content)


def two(*shares):
    """Probabilities of two labels."""
    first = np.array(shares)
    return np.stack([first, 1 - first], axis=1)


def test_labels_that_change_within_a_tie_do_not_count():
    exact = two(*[0.9, 0.1] * 27, 0.505, 0.505, 0.495, 0.495)
    served = two(*[0.9, 0.1] * 27, 0.495, 0.495, 0.505, 0.505)
    found = measure_parity(exact, served)
    assert found.agreement == pytest.approx(54 / 58)
    assert found.ties == 4
    assert not found.problem


def test_a_label_that_changes_by_more_than_a_tie_counts_even_if_one_side_was_unsure():
    found = measure_parity(two(*[0.9] * 54, *[0.505] * 4), two(*[0.9] * 54, *[0.4] * 4))
    assert found.ties == 0
    assert found.problem.startswith("gives 6.90% of 58 texts another label")


@pytest.mark.parametrize(
    ("texts", "changed", "sound"),
    [
        (1, 0, True),
        (1, 1, False),
        (58, 2, True),
        (58, 3, False),
        (2000, 20, True),
        (2000, 40, False),
    ],
)
def test_labels_are_judged_by_what_so_few_texts_can_show(texts, changed, sound):
    exact = two(*[0.6] * changed, *[0.95, 0.05] * texts)[:texts]
    served = two(*[0.4] * changed, *[0.95, 0.05] * texts)[:texts]
    assert (not measure_parity(exact, served).problem) is sound


def test_a_small_difference_that_is_all_there_is_is_refused():
    exact = two(*[0.508, 0.492] * 29)
    assert not measure_parity(exact, two(*[0.51, 0.494] * 29)).problem
    assert "hardly learnt" in measure_parity(exact, two(*[0.495, 0.505] * 29)).problem


@pytest.mark.parametrize(
    ("same", "entities", "sound"),
    [(1.0, 0, True), (0.98, 50, True), (0.94, 50, False), (0.9928, 500, True), (0.96, 500, False)],
)
def test_entities_are_judged_by_what_so_few_can_show(same, entities, sound):
    assert (not EntityParity(20, same, entities).problem) is sound
