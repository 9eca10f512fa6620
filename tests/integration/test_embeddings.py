"""Encoders and models of sentence-transformers: imported, served, and asked by real clients.

What is answered is compared with transformers and a pooling by hand: sentence-transformers itself
is not installed, so its files are written here as it writes them.
"""

import json
import shutil

import numpy as np
import openai
import pytest
import torch
from huggingface_hub import InferenceClient
from torch.nn.functional import normalize
from transformers import AutoModel, AutoTokenizer
from tritonclient.http import (  # type: ignore[import-untyped]
    InferenceServerClient,
    InferInput,
    InferRequestedOutput,
)

from function.core.predictions import EmbeddingPrediction
from function.core.types import EmbeddingOptions, Options
from scripts.common.errors import SourceError
from scripts.evaluate.evaluation import open_predictor
from scripts.refresh.import_settings import ImportSettings
from scripts.refresh.sources.directory import Directory
from tests.checkpoints import SHAPE
from tests.integration.test_heads import (
    EXACT,
    FAMILIES,
    POSITIONS,
    SENTENCES,
    TEXTS,
    imported,
    make_tokenizer,
)
from tests.serving import running_server
from tests.tiny import write_artifact

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("quick")]

KINDS = ("Transformer", "Pooling", "Normalize", "Dense")
FLAGS = {"mean": "mean_tokens", "cls": "cls_token", "max": "max_tokens", "lasttoken": "lasttoken"}
BY_HAND = {
    "mean": lambda states: states.mean(0),
    "cls": lambda states: states[0],
    "max": lambda states: states.max(0).values,
    "lasttoken": lambda states: states[-1],
}


def write_encoder(folder, family="bert", scale=5):
    kind, _, special, _ = FAMILIES[family]
    torch.manual_seed(0)
    model = AutoModel.from_config(kind(**SHAPE | special | {"max_position_embeddings": POSITIONS}))
    with torch.inference_mode():
        for name, weights in model.named_parameters():
            if weights.ndim > 1 and "position" not in name:
                weights.mul_(scale)
    model.save_pretrained(folder)
    make_tokenizer(family).save_pretrained(folder)
    return folder


def write_modules(folder, kinds=KINDS[:2], pooling="mean", prompts=None, **own):
    """The files that sentence-transformers writes beside a checkpoint."""
    (folder / "1_Pooling").mkdir(exist_ok=True)
    files = {
        "modules.json": [
            {
                "idx": index,
                "name": str(index),
                "path": f"{index}_{kind}" if index else "",
                "type": f"sentence_transformers.models.{kind}",
            }
            for index, kind in enumerate(kinds)
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": 32}
        | {f"pooling_mode_{flag}": name == pooling for name, flag in FLAGS.items()},
        "sentence_bert_config.json": {"max_seq_length": 64, "do_lower_case": False} | own,
        "config_sentence_transformers.json": prompts or {"prompts": {}},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    return folder


def by_hand(folder, texts, pooling="mean", prompt="", length=64):
    """Return the vectors of transformers' model, pooled here, one text at a time."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    vectors = []
    for text in texts:
        inputs = tokenizer(prompt + text, return_tensors="pt", truncation=True, max_length=length)
        with torch.inference_mode():
            vectors.append(BY_HAND[pooling](model.eval()(**inputs).last_hidden_state[0]))
    return torch.stack(vectors)


def vectors_of(artifact, texts=TEXTS, **wanted):
    options = EmbeddingOptions(**wanted)
    found, _ = open_predictor(artifact.path).predict(texts, Options(embedding=options))
    return np.array([each.embedding for each in found if isinstance(each, EmbeddingPrediction)])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_plain_encoder_is_the_mean_of_its_tokens(tmp_path, family):
    folder = write_encoder(tmp_path / "checkpoint", family)
    artifact = imported(folder, tmp_path / "artifact", precision="fp32")
    decoding = artifact.manifest.decoding
    assert (decoding.pooling, decoding.normalize, decoding.dimensions) == ("mean", False, 32)
    assert vectors_of(artifact) == pytest.approx(by_hand(folder, TEXTS).numpy(), abs=EXACT)


@pytest.mark.parametrize("pooling", FLAGS)
def test_a_model_of_sentence_transformers_is_pooled_as_its_files_say(tmp_path, pooling):
    folder = write_modules(write_encoder(tmp_path / "checkpoint"), KINDS[:3], pooling)
    source = Directory(str(folder))
    (fetched := tmp_path / "fetched").mkdir()
    revision = source.newest()
    assert revision
    source.fetch(revision, fetched)  # only what is imported is copied
    artifact = imported(fetched, tmp_path / "artifact", precision="fp32")
    assert artifact.manifest.tokenization.max_tokens == 64
    exact = normalize(by_hand(folder, TEXTS, pooling), dim=1).numpy()
    assert vectors_of(artifact) == pytest.approx(exact, abs=EXACT)


def test_a_pooling_may_be_named_as_newer_files_name_it(tmp_path):
    folder = write_modules(write_encoder(tmp_path / "checkpoint"))
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode": "cls"}')
    artifact = imported(folder, tmp_path / "artifact", precision="fp32")
    assert artifact.manifest.decoding.pooling == "cls"


def test_eight_bits_change_the_direction_little(tmp_path):
    folder = write_modules(write_encoder(tmp_path / "checkpoint"), KINDS[:3])
    artifact = imported(folder, tmp_path / "artifact", SENTENCES)
    exact = normalize(by_hand(folder, SENTENCES), dim=1).numpy()
    cosine = (vectors_of(artifact, SENTENCES) * exact).sum(axis=1)
    assert cosine.min() > 0.99
    parity = artifact.manifest.provenance["parity"]
    assert parity["mean_difference"] == pytest.approx(1 - cosine.mean(), abs=1e-4)
    assert ImportSettings.of_champion(artifact.manifest.provenance) == ImportSettings()


def test_prompts_are_put_before_texts_as_sentence_transformers_does(tmp_path):
    prompts = {"prompts": {"query": "ahmed: ", "document": ""}, "default_prompt_name": "query"}
    folder = write_modules(write_encoder(tmp_path / "checkpoint"), prompts=prompts)
    artifact = imported(folder, tmp_path / "artifact", precision="fp32")
    exact = by_hand(folder, TEXTS, prompt="ahmed: ").numpy()
    assert vectors_of(artifact) == pytest.approx(exact, abs=EXACT)
    plain = by_hand(folder, TEXTS).numpy()
    assert vectors_of(artifact, prompt="document") == pytest.approx(plain, abs=EXACT)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kinds": KINDS}, "modules.json has Transformer, Pooling, Normalize, Dense; served are"),
        ({"kinds": ["Transformer"]}, "modules.json has Transformer; served are"),
        ({"kinds": ["Transformer", "WordWeights"]}, "has Transformer, WordWeights"),
        ({"pooling": "none"}, "asks for an unknown pooling; served is one of mean, cls"),
        ({"do_lower_case": True}, "lower case before its tokenizer"),
        ({"prompts": {"default_prompt_name": "query"}}, "no prompt 'query', its default one"),
    ],
)
def test_what_cannot_be_served_is_refused_before_any_weight_is_read(tmp_path, change, said):
    folder = write_modules(write_encoder(tmp_path / "checkpoint"), **change)
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(SourceError, match=said):
        Directory(str(folder)).newest()


def test_two_poolings_at_once_are_refused(tmp_path):
    folder = write_modules(write_encoder(tmp_path / "checkpoint"))
    both = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(both))
    with pytest.raises(SourceError, match="asks for cls, mean; served is one of"):
        Directory(str(folder)).newest()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = write_encoder(tmp_path_factory.mktemp("encoder") / "checkpoint")
    return write_modules(folder, KINDS[:3])


@pytest.fixture(scope="module")
def address(checkpoint, tmp_path_factory):
    """A server process with a classifier as its default, and the model of sentence-transformers."""
    models = tmp_path_factory.mktemp("models")
    write_artifact(models / "sentiment")
    artifact = imported(checkpoint, models.parent / "artifact", precision="fp32")
    shutil.copytree(artifact.path, models / "m")
    shutil.rmtree(artifact.path)
    with running_server(models) as server:
        yield server.address


@pytest.fixture(scope="module")
def exact(checkpoint):
    return normalize(by_hand(checkpoint, TEXTS), dim=1).numpy()


def test_openais_client_embeds(address, exact):
    client = openai.OpenAI(base_url=f"http://{address}/v1", api_key="none")
    answer = client.embeddings.create(model="m", input=TEXTS)
    found = np.array([each.embedding for each in answer.data])
    assert found == pytest.approx(exact, abs=EXACT)
    assert answer.usage.prompt_tokens > len(TEXTS)
    floats = client.embeddings.create(model="m", input=TEXTS[0], encoding_format="float")
    assert floats.data[0].embedding == pytest.approx(exact[0], abs=EXACT)
    cut = client.embeddings.create(model="m", input=TEXTS[0], dimensions=8).data[0].embedding
    assert cut == pytest.approx(exact[0, :8] / np.linalg.norm(exact[0, :8]), abs=EXACT)
    with pytest.raises(openai.NotFoundError) as unknown:
        client.embeddings.create(model="other", input="a")
    assert "no model 'other'" in str(unknown.value.body)
    with pytest.raises(openai.UnprocessableEntityError) as wide:
        client.embeddings.create(model="m", input="a", dimensions=33)
    assert "from 1 to 32" in str(wide.value.body)


def test_hugging_faces_client_extracts_features_and_compares_sentences(address, exact):
    client = InferenceClient(f"http://{address}/models/m", token="none")
    assert client.feature_extraction(TEXTS[0]) == pytest.approx(exact[:1], abs=EXACT)
    assert client.feature_extraction(TEXTS) == pytest.approx(exact, abs=EXACT)
    similar = client.sentence_similarity(TEXTS[0], other_sentences=TEXTS[1:])
    assert similar == pytest.approx(exact[1:] @ exact[0], abs=EXACT)
    other = InferenceClient(f"http://{address}/similarity", token="none")
    assert other.sentence_similarity(TEXTS[0], TEXTS[1:]) == pytest.approx(similar)


def test_hugging_faces_client_gets_features_token_by_token(address, checkpoint):
    client = InferenceClient(f"http://{address}/embed_all", token="none")
    tokenizer, model = (kind.from_pretrained(checkpoint) for kind in (AutoTokenizer, AutoModel))
    with torch.inference_mode():
        states = model.eval()(**tokenizer(TEXTS[1], return_tensors="pt")).last_hidden_state
    assert client.feature_extraction(TEXTS[1]) == pytest.approx(states.numpy(), abs=EXACT)


@pytest.mark.parametrize("binary", [True, False])
def test_tritons_client_gets_a_matrix(address, exact, binary):
    client = InferenceServerClient(address)
    texts = InferInput("text", [len(TEXTS)], "BYTES")
    texts.set_data_from_numpy(np.array(TEXTS, dtype=object), binary_data=binary)
    wanted = InferRequestedOutput("embedding", binary_data=binary)
    found = client.infer("m", [texts], outputs=[wanted]).as_numpy("embedding")
    assert (found.dtype, found.shape) == (np.float32, exact.shape)
    assert found == pytest.approx(exact, abs=EXACT)
