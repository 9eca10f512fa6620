import json
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import HfApi

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import open_artifact
from function.core.tokenization import TextTokenizer
from scripts.common.errors import UsageError
from scripts.train import base_checkpoint
from scripts.train.base_checkpoint import find_base, load_classifier, loading, save_tokenizer
from scripts.train.classifiers import logits_of
from scripts.train.manifest import recorded_base

BASE = "somebody/a-model"


@pytest.fixture
def unreachable(monkeypatch):
    """A hub that nobody reaches."""

    def refuse(*_, **__):
        raise ConnectionError("Name or service not known\nand more")

    monkeypatch.setattr(HfApi, "model_info", refuse)


def test_a_folder_with_a_checkpoint_is_taken_without_asking_the_hub(tmp_path, unreachable):
    (tmp_path / "config.json").write_text("{}")
    assert find_base(str(tmp_path)) == str(tmp_path)


def test_a_folder_without_a_checkpoint_is_one_line(tmp_path):
    with pytest.raises(UsageError, match=r"no config\.json in it"):
        find_base(str(tmp_path))


def test_an_artifact_is_trained_further_from_its_weights(tmp_path, monkeypatch, bundled_models):
    """Checkpoint and served graph differ by the rounding of activations alone."""
    monkeypatch.setattr("scripts.train.cache.CACHE", tmp_path)
    artifact = open_artifact(bundled_models / "sentiment")
    base = find_base(str(artifact.path))
    assert recorded_base("hub/checkpoint", str(artifact.path)) == f"sentiment {artifact.version}"
    tokenizer = TextTokenizer(save_tokenizer(base, tmp_path))
    assert tokenizer.encode(["A lovely film!"])[0].ids.tolist() == (
        TextTokenizer(artifact.file("tokenizer")).encode(["A lovely film!"])[0].ids.tolist()
    )
    model, missing = load_classifier(Path(base))
    assert missing == []
    ids = tokenizer.with_special_tokens(tokenizer.encode(["A lovely film!"])[0].ids)
    mask = np.ones((1, len(ids)), dtype=np.int64)
    (logits,) = OnnxBackend(artifact, threads=1).run(ids[None], mask)
    found = logits_of(model.eval(), torch.tensor(ids[None]), torch.tensor(mask))
    assert found[0].tolist() == pytest.approx(logits.tolist(), abs=0.1)
    assert find_base(str(artifact.path)) == base


def test_an_id_that_the_hub_knows_is_taken(monkeypatch):
    monkeypatch.setattr(HfApi, "model_info", lambda *_, **__: None)
    assert find_base(BASE) == BASE


def test_without_a_hub_one_line_at_once_says_what_to_give(unreachable):
    began = time.monotonic()
    with pytest.raises(UsageError) as caught:
        find_base(BASE)
    assert time.monotonic() - began < 5
    assert f"base {BASE}: no such folder" in str(caught.value)
    assert "give --base FOLDER" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_a_hub_what_it_gave_before_is_taken(monkeypatch, tmp_path, unreachable):
    kept = tmp_path / "config.json"
    kept.write_text("{}")
    monkeypatch.setattr(base_checkpoint, "try_to_load_from_cache", lambda *_: str(kept))
    assert find_base(BASE) == str(tmp_path)


def test_what_is_no_id_of_the_hub_is_one_line(unreachable):
    with pytest.raises(UsageError, match="no such folder"):
        find_base("a/path/that/is/not/there")


def test_a_checkpoint_that_cannot_be_loaded_is_one_line(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "unheard-of"}))
    with pytest.raises(UsageError, match="cannot be loaded") as caught:
        save_tokenizer(str(tmp_path), tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="many lines"), loading(BASE):
        raise OSError("many\nlines")
