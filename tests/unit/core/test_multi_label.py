"""Several labels a text: of the tiny artifact, whose logits are (-sum, +sum) of its words."""

import json
import math

import pytest

from function.core.artifact import open_artifact
from function.core.errors import ArtifactError, InputError
from function.core.heads import SigmoidDecoding
from function.core.manifest import MANIFEST
from function.core.types import Options
from scripts.evaluate.evaluation import open_predictor
from tests.tiny import CASCADE, write_artifact

HALF = SigmoidDecoding(thresholds=[0.5, 0.5])


def sigmoid(logit):
    return 1 / (1 + math.exp(-logit))


def answer(predictor, text, **options):
    return predictor.predict([text], Options(**options))[0][0]


def scores(prediction):
    return {entry.label: entry.score for entry in prediction.scores}


def test_each_label_has_the_sigmoid_of_its_own_logit(make_predictor):
    found = answer(make_predictor(decoding=HALF), "good film")
    assert scores(found) == pytest.approx({"positive": sigmoid(2), "negative": sigmoid(-2)})
    assert [entry.label for entry in found.scores] == ["positive", "negative"]
    assert found.certainty == pytest.approx(sigmoid(2))


@pytest.mark.parametrize(
    ("thresholds", "text", "labels"),
    [
        ([0.5, 0.5], "good film", ["positive"]),
        ([0.5, 0.5], "the film", []),
        ([0.4, 0.5], "the film", ["negative"]),
        ([0.1, 0.5], "good film", ["positive", "negative"]),
        ([0.1, 0.9], "good film", ["negative"]),
    ],
)
def test_a_text_has_the_labels_above_their_thresholds(make_predictor, thresholds, text, labels):
    predictor = make_predictor(decoding=SigmoidDecoding(thresholds=thresholds))
    assert answer(predictor, text).labels == labels


@pytest.mark.parametrize("activation", ["softmax", "none", "sigmoid"])
def test_other_scores_and_fewer_of_them_change_no_label(make_predictor, activation):
    found = answer(make_predictor(decoding=HALF), "good film", activation=activation, top_k=1)
    expected = {"softmax": sigmoid(4), "none": 2.0, "sigmoid": sigmoid(2)}[activation]
    assert (found.labels, scores(found)) == (["positive"], {"positive": pytest.approx(expected)})


def test_a_temperature_divides_the_logits(make_predictor):
    decoding = SigmoidDecoding(thresholds=[0.5, 0.5], temperature=2.0)
    assert answer(make_predictor(decoding=decoding), "good").certainty == pytest.approx(sigmoid(1))


def test_the_words_that_make_the_best_label_are_highlighted(make_predictor):
    found = answer(make_predictor(decoding=HALF), "the good film", explain=True)
    weights = {(each.start, each.end): each.weight for each in found.highlights}
    assert weights[4, 8] == pytest.approx(math.tanh(1))
    assert weights[0, 3] == pytest.approx(0)


def test_a_model_of_several_labels_does_not_classify_and_tags_no_words(make_predictor):
    predictor = make_predictor(decoding=HALF)
    with pytest.raises(InputError, match="gives a text several labels; name one"):
        predictor.classify(["good"])
    with pytest.raises(InputError, match="labels no words"):
        predictor.predict(["good"], Options(grouping="words"))


def test_there_is_a_threshold_for_each_label(tmp_path):
    folder = write_artifact(tmp_path / "a", decoding=SigmoidDecoding(thresholds=[0.5]))
    with pytest.raises(ArtifactError, match="1 thresholds for 2 labels"):
        open_predictor(folder)


def test_a_cascade_is_for_one_label(tmp_path):
    folder = write_artifact(tmp_path / "a", decoding=HALF, cascade=CASCADE)
    with pytest.raises(ArtifactError, match="only text classification by a softmax"):
        open_predictor(folder)


def test_a_head_of_another_task_is_refused(tmp_path):
    folder = write_artifact(tmp_path / "a", decoding=HALF)
    manifest = json.loads((folder / MANIFEST).read_text()) | {"task": "token-classification"}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="sigmoid is no decoding of token-classification"):
        open_predictor(folder)


def test_an_old_manifest_is_read_as_before(tmp_path):
    manifest = open_artifact(write_artifact(tmp_path / "a")).manifest
    assert manifest.decoding.model_dump() == {"kind": "softmax", "temperature": 1.0}
    assert manifest.decoding.answer_key == "label"
