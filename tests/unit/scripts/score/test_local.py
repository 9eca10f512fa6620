"""Scoring on this machine, by a model whose answers can be worked out by hand."""

import csv
import json

import numpy as np
import pytest

from function.core.heads import EmbeddingDecoding, ScoreDecoding, SigmoidDecoding
from function.core.types import Options
from scripts.common.errors import UsageError
from scripts.data.rows import RowError
from scripts.score.local import BATCH_TOKENS, LocalModel, open_local
from scripts.score.rows import Row
from scripts.score.run import Files, open_files, score_file
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact
from tests.unit.scripts.score.doubles import LengthScorer

WORDS = ["good", "bad", "the", "film", "is", "dull", "fine"]


def rows(texts):
    return (Row(number, text) for number, text in enumerate(texts))


def texts_of(count, seed=1):
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, random.integers(1, 60))) for _ in range(count)]


def results(model, texts):
    finished: list[int] = []
    found = [each for chunk in model.score(rows(texts), "run", finished.append) for each in chunk]
    assert sum(finished) == len(texts), "the bar ends full"
    return found


def test_every_row_gets_what_the_predictor_answers_in_the_inputs_order(make_predictor):
    predictor = make_predictor()
    texts = texts_of(1500)
    found = results(LocalModel(predictor, cores=3), texts)
    alone = [predictor.predict([text], Options())[0][0] for text in texts[::50]]
    for outcome, prediction in zip(found[::50], alone, strict=True):
        assert outcome["label"] == prediction.label
        assert outcome["score"] == pytest.approx(prediction.score, abs=1e-6)
    assert len(found) == len(texts)
    assert {each["model_version"] for each in found} == {predictor.artifact.version}


def test_the_number_of_cores_changes_nothing(make_predictor):
    predictor, texts = make_predictor(), texts_of(200)
    assert results(LocalModel(predictor, 1), texts) == results(LocalModel(predictor, 4), texts)


def test_batches_hold_neighbours_by_length_and_never_too_many_tokens(make_predictor):
    predictor = make_predictor(max_tokens=64)
    shapes = []
    run = predictor._backend.run

    class Watched:
        def run(self, input_ids, attention_mask):
            shapes.append((input_ids.shape, int(attention_mask.sum())))
            return run(input_ids, attention_mask)

    predictor._backend = Watched()
    results(LocalModel(predictor, 1), texts_of(256) * 2)
    assert all(windows * tokens <= BATCH_TOKENS for (windows, tokens), _ in shapes)
    padded = sum(windows * tokens for (windows, tokens), _ in shapes)
    assert sum(read for _, read in shapes) / padded > 0.95
    widths = [tokens for (_, tokens), _ in shapes[: len(shapes) // 2]]
    assert widths == sorted(widths, reverse=True), "no core begins a long one at the end"


def test_texts_that_cannot_be_read_cost_no_other(make_predictor):
    texts = ["good", RowError("has no text"), "<br>", "bad", "<br /><br/>", *["fine"] * 20, "<BR>"]
    found = results(LocalModel(make_predictor(), 2), texts)
    assert [place for place, each in enumerate(found) if "reason" in each] == [1, 2, 4, 25]
    assert found[1]["reason"] == "has no text"
    assert found[2]["reason"].startswith("is empty")
    assert [found[place]["label"] for place in (0, 3, 5)] == ["positive", "negative", "positive"]


def test_an_answer_that_is_no_number_costs_its_row_alone(make_predictor):
    predictor = make_predictor()
    run = predictor._backend.run

    class Broken:
        def run(self, input_ids, attention_mask):
            logits = run(input_ids, attention_mask)
            logits[(input_ids == 7).any(axis=1)] = np.nan  # "dull"
            return logits

    predictor._backend = Broken()
    found = results(LocalModel(predictor, 2), ["good", "dull", "bad", "fine"])
    assert [each.get("label") for each in found] == ["positive", None, "negative", "positive"]
    assert "finite" in found[1]["reason"] or "number" in found[1]["reason"]


def test_a_model_is_found_by_name_or_by_folder(tmp_path, monkeypatch):
    artifact = write_artifact(tmp_path / "models" / "sentiment")
    monkeypatch.setenv("MODELS_DIR", str(artifact.parent))
    by_name, by_default, by_folder = (
        open_local(name).identity for name in ("sentiment", None, str(artifact))
    )
    assert by_name == by_default == by_folder
    assert by_name["version"].startswith("20260102-")
    with pytest.raises(UsageError, match=r"no model 'other'.*make models"):
        open_local("other")


def test_entities_are_found_where_the_model_finds_them(tmp_path):
    artifact = write_entity_artifact(tmp_path / "ner")
    model = open_local(str(artifact))
    found = results(model, ["Ada Lovelace met Acme in Paris.", "in , ."] * 20)
    named = [(each["label"], each["text"], each["start"]) for each in found[0]["entities"]]
    assert named == [("PER", "Ada Lovelace", 0), ("ORG", "Acme", 17), ("LOC", "Paris", 25)]
    assert all(0.5 < each["score"] <= 1 for each in found[0]["entities"])
    assert found[1]["entities"] == []
    assert list(found[0]) == ["entities", "model_version"]
    assert found[::2] == [found[0]] * 20


def test_several_labels_are_columns_of_lists_and_an_input_may_not_have_them(tmp_path):
    folder = write_artifact(tmp_path / "topics", decoding=SigmoidDecoding(thresholds=[0.5, 0.5]))
    model = open_local(str(folder))
    files = Files(tmp_path / "in.csv", tmp_path / "out.csv")
    files.source.write_text("text\ngood film\nfilm\n")
    tally = score_file(files, open_files(files), model)
    assert tally.columns == ("labels", "scores", "model_version")
    header, good, neither = csv.reader(files.output.open(newline=""))
    assert header == ["text", "labels", "scores", "model_version"]
    assert json.loads(good[1]) == ["positive"]
    assert [each["label"] for each in json.loads(good[2])] == ["positive", "negative"]
    assert json.loads(neither[1]) == []
    taken = Files(tmp_path / "taken.csv", tmp_path / "other.csv")
    taken.source.write_text("text,labels\ngood,x\n")
    source = open_files(taken)  # no model is known yet, and most add no such column
    with pytest.raises(UsageError, match="has a column 'labels' already"):
        score_file(taken, source, model)
    unknown = LengthScorer(answer_key=None)  # a stage's, which shows only by its results
    with pytest.raises(UsageError, match="has a column 'labels' already"):
        score_file(taken, source, unknown)
    assert unknown.seen == []


def test_a_number_is_a_column_of_its_own(tmp_path):
    decoding = ScoreDecoding(activation="none")
    folder = write_artifact(tmp_path / "stars", decoding=decoding, labels=["stars"])
    (found,) = results(open_local(str(folder)), ["good film"])
    assert {name: found[name] for name in found if name != "model_version"} == {"score": 2.0}


def test_an_embedding_is_a_column_with_a_list_in_json(tmp_path):
    folder = write_artifact(tmp_path / "vectors", decoding=EmbeddingDecoding(dimensions=3))
    files = Files(tmp_path / "in.csv", tmp_path / "out.csv")
    files.source.write_text("text\ngood film\n")
    score_file(files, open_files(files), open_local(str(folder)))
    header, row = csv.reader(files.output.open(newline=""))
    assert header == ["text", "embedding", "model_version"]
    assert json.loads(row[1]) == [-0.5, 0.5, 1]
