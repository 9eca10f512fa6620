import numpy as np
import pytest
import torch
from torch import nn

from function.backends import torch_model
from function.backends.torch_model import load_model
from function.core.artifact import open_artifact
from function.core.backend import pad
from function.core.errors import ArtifactError, UnsupportedArchitectureError
from tests.tiny import write_artifact
from tests.unit.backends.conftest import opened, reconfigured, reweighted, rewritten
from tests.unit.backends.exported import windows


def logits(model):
    ids, mask = map(torch.from_numpy, pad(windows([4, 9]), 0))
    return model(input_ids=ids, attention_mask=mask).logits.numpy()


def drop(name):
    return lambda tensors: tensors.pop(name)


def put(name, values):
    return lambda tensors: tensors.update({name: np.asarray(values, dtype=np.float32)})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (drop("classifier.bias"), r"lacks classifier\.bias$"),
        (drop("bert.embeddings.word_embeddings.weight_scale"), "word_embeddings.* has no .*_scale"),
        (put("bert.extra.bias", [1]), r"has, and the model has not: bert\.extra\.bias$"),
        (put("classifier.bias", [1, 2]), r"in another shape than the model: classifier\.bias$"),
        (lambda tensors: tensors.clear(), r"lacks .*, .*, .* and \d+ more$"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(copy, change, said):
    artifact = reweighted(copy, change)
    with pytest.raises(ArtifactError, match=rf"^tiny/model\.safetensors: .*{said}") as raised:
        load_model(artifact)
    assert not isinstance(raised.value, UnsupportedArchitectureError)


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_an_artifact_without_what_torch_reads_is_for_another_backend(copy, missing):
    (copy / missing).unlink()
    with pytest.raises(UnsupportedArchitectureError, match="torch needs a file of role"):
        load_model(opened(copy))


def test_an_artifact_that_is_no_transformer_is_for_another_backend(tmp_path):
    artifact = open_artifact(write_artifact(tmp_path / "bag-of-words"))
    with pytest.raises(UnsupportedArchitectureError, match="bag-of-words"):
        load_model(artifact)


@pytest.mark.parametrize(
    ("kind", "said"),
    [("lstm-crf", "no model type 'lstm-crf'"), ("clip", "no 'clip' for text-class")],
)
def test_an_architecture_that_transformers_has_not_is_for_another_backend(copy, kind, said):
    artifact = reconfigured(copy, lambda config: config.update(model_type=kind))
    with pytest.raises(UnsupportedArchitectureError, match=rf"tiny/config\.json: .*{said}"):
        load_model(artifact)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda config: config.pop("model_type"), "no 'model_type'"),
        (lambda config: config.update(num_attention_heads=5), "cannot build it"),
        (lambda config: config.update(hidden_size="wide"), "cannot build it"),
    ],
)
def test_a_configuration_that_makes_no_model_is_an_error(copy, change, said):
    artifact = reconfigured(copy, change)
    with pytest.raises(ArtifactError, match=rf"^tiny/config\.json: .*{said}") as raised:
        load_model(artifact)
    assert not isinstance(raised.value, UnsupportedArchitectureError)
    assert "\n" not in str(raised.value)


def test_a_configuration_that_is_no_json_is_an_error(copy):
    (copy / "config.json").write_text("{")
    with pytest.raises(ArtifactError, match=r"^tiny/config\.json: cannot be read as JSON"):
        load_model(opened(copy))


def test_a_configuration_cannot_say_how_to_compute_or_whose_code_to_run(bert, copy, tmp_path):
    touched = tmp_path / "touched"
    (copy.parent / "evil.py").write_text(f"open({str(touched)!r}, 'w')")
    artifact = reconfigured(
        copy,
        lambda config: config.update(
            torch_dtype="float16",
            dtype="bfloat16",
            attn_implementation="eager",
            _attn_implementation="eager",
            output_attentions=True,
            output_hidden_states=True,
            return_dict=False,
            auto_map={"AutoModelForSequenceClassification": "evil.Model"},
            quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True},
        ),
    )
    model = load_model(artifact)
    np.testing.assert_array_equal(logits(model), logits(load_model(bert.artifact)))
    assert model.config._attn_implementation == "sdpa"
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert not touched.exists()


def test_a_window_longer_than_the_model_reads_is_found_at_load(copy):
    artifact = rewritten(copy, lambda m: m["tokenization"].update(max_tokens=41))
    with pytest.raises(ArtifactError, match=r"tiny/config\.json: cannot read 41 tokens"):
        load_model(artifact)


def test_a_manifest_with_other_labels_is_found_at_load(copy):
    artifact = rewritten(copy, lambda m: m.update(labels=["bad", "good"]))
    with pytest.raises(ArtifactError, match=r"3 outputs, the manifest has 2"):
        load_model(artifact)


def test_tied_parameters_are_stored_once(tmp_path):
    model = nn.ModuleDict({"a": nn.Linear(2, 2, bias=False), "b": nn.Linear(2, 2, bias=False)})
    model["b"].weight = model["a"].weight
    file = tmp_path / "model.safetensors"
    torch_model._fill(model, file, {"a.weight": np.eye(2, dtype=np.float32)})
    assert model.state_dict()["b.weight"].tolist() == [[1, 0], [0, 1]]
