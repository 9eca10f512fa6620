"""A manifest that can be read makes sense: a model either is refused by name, or answers."""

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, pre_tokenizers

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import describe_files, open_artifact
from function.core.catalog import Catalog
from function.core.errors import ArtifactError, PredictionError
from function.core.heads import ArgmaxDecoding
from function.core.manifest import MANIFEST
from function.core.types import Options
from function.server.warm_up import try_out
from tests.tiny import CASCADE, FILES, write_artifact
from tests.tiny_entities import write_entity_artifact

INTEGERS = st.sampled_from([-1, 0, 1, 2, 3, 4, 5, 8, 16, 1_000_000])
TEMPERATURES = st.sampled_from([0, 1e-320, -1, 1e-3, 0.5, 1, 1e3, 1e9, 1e300])
LABELS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=4)


def rewritten(folder, change):
    path = folder / MANIFEST
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    return folder


def opened(folder):
    """The loaded model, tried as the server does before it is ready."""
    catalog = Catalog(
        folder.parent, folder.name, lambda a: OnnxBackend(a, 1), max_windows=64, prepare=try_out
    )
    return catalog.load()


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    return write_artifact(tmp_path_factory.mktemp("models") / "sentiment")


@settings(
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    max_tokens=INTEGERS,
    stride=INTEGERS,
    max_windows=INTEGERS,
    temperature=TEMPERATURES,
    labels=st.just(["negative", "positive"]) | LABELS,
)
def test_a_model_is_refused_or_answers(
    artifact, max_tokens, stride, max_windows, temperature, labels
):
    original = (artifact / MANIFEST).read_text()

    def change(manifest):
        manifest["tokenization"] |= {
            "max_tokens": max_tokens,
            "stride": stride,
            "max_windows": max_windows,
        }
        manifest["decoding"]["temperature"] = temperature
        manifest["labels"] = labels

    try:
        predictor = opened(rewritten(artifact, change))
    except ArtifactError:
        return
    finally:
        (artifact / MANIFEST).write_text(original)
    for long_text in ("window", "truncate", "head_tail"):
        for text in ("good", "good film " * 40):
            (prediction,) = predictor.classify([text], Options(long_text=long_text))
            assert prediction.windows >= 1
            assert math.isclose(sum(each.score for each in prediction.scores), 1, abs_tol=1e-6)
            # A window of one token holds only the text's last word, "film", which says nothing.
            assert prediction.label == labels[1] or long_text == "head_tail"


@pytest.mark.parametrize("labels", [["a"], ["a", "b", "c"]])
def test_a_graph_with_another_number_of_logits_is_refused_at_load(tmp_path, labels):
    def change(manifest):
        manifest["labels"] = labels
        manifest["decoding"] = {"kind": "crf", "tags": labels}  # which may be one

    folder = rewritten(write_artifact(tmp_path / "models" / "sentiment"), change)
    with pytest.raises(ArtifactError, match=r"model\.onnx: 2 logits, the manifest has [13] labels"):
        opened(folder)


def test_tags_are_compared_with_the_graph_too(tmp_path):
    def change(manifest):
        manifest["decoding"]["tags"].append("S-ODD")
        manifest["labels"].append("ODD")

    folder = rewritten(write_entity_artifact(tmp_path / "models" / "ner"), change)
    with pytest.raises(ArtifactError, match=r"ner/model\.onnx"):
        opened(folder)


def test_casings_that_the_graph_does_not_read_are_found_before_a_request_is(tmp_path):
    folder = write_artifact(tmp_path / "models" / "sentiment")
    rewritten(folder, lambda manifest: manifest["tokenization"].update(casing=True))
    with pytest.raises(ArtifactError, match="sentiment: it cannot predict"):
        opened(folder)


def test_a_tag_of_no_label_is_refused(tmp_path):
    folder = write_entity_artifact(tmp_path / "models" / "ner")
    rewritten(folder, lambda manifest: manifest["labels"].remove("PER"))
    with pytest.raises(ArtifactError, match=r"tag '.-PER' is of no label"):
        opened(folder)


def test_a_plain_tag_may_have_a_dash(tmp_path):
    folder = write_artifact(
        tmp_path / "models" / "art",
        model="art",
        labels=["of-art", "place"],
        decoding=ArgmaxDecoding(tags=["O", "work-of-art", "place"]),
    )
    assert open_artifact(folder).manifest.labels == ["of-art", "place"]


def test_a_tokenizer_that_panics_when_it_is_loaded_is_refused(tmp_path, capfd):
    folder = write_artifact(tmp_path / "models" / "sentiment")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    del tokenizer["post_processor"]["special_tokens"]["[SEP]"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    entries = {name: entry.model_dump() for name, entry in describe_files(folder, FILES).items()}
    rewritten(folder, lambda manifest: manifest.update(files=entries))
    with pytest.raises(ArtifactError, match="not a tokenizer that can be read"):
        opened(folder)
    capfd.readouterr()


def test_a_vocabulary_beyond_the_graph_s_is_found_before_a_request_is(tmp_path):
    folder = write_artifact(tmp_path / "models" / "sentiment")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_tokens(["zeppelin"])
    tokenizer.save(str(folder / "tokenizer.json"))
    entries = {name: entry.model_dump() for name, entry in describe_files(folder, FILES).items()}
    rewritten(folder, lambda manifest: manifest.update(files=entries))
    with pytest.raises(ArtifactError, match="sentiment: it cannot predict"):
        opened(folder)


def test_sound_models_of_both_tasks_and_a_cascade_are_tried_and_loaded(tmp_path):
    models = tmp_path / "models"
    for folder in (
        write_artifact(models / "sentiment"),
        write_artifact(models / "cascaded", model="cascaded", cascade=CASCADE),
        write_entity_artifact(models / "ner"),
    ):
        assert opened(folder).artifact.path == folder


def test_a_panic_of_the_tokenizer_is_an_error_of_the_model(make_predictor, capfd):
    predictor = make_predictor()
    fast = predictor._tokenizer._fast
    fast.pre_tokenizer = pre_tokenizers.Split(Regex("(a+)+$"), "isolated")
    for texts in (["a" * 60 + "!"], ["good", "a" * 60 + "!"]):
        with pytest.raises(PredictionError, match="the tokenizer panicked"):
            predictor.classify(texts)
    assert predictor.classify(["good"])[0].windows == 1
    capfd.readouterr()
