"""Students of every architecture, trained small with and without a teacher, by the command."""

import json

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from function.core.types import Options
from scripts.evaluate.evaluation import open_predictor
from tests.integration.test_architectures import (
    CLASSIFIER,
    ENTITIES,
    run,
    write_base,
    write_names,
)
from tests.tiny import WORDS, _tokenizer, write_artifact

pytestmark = pytest.mark.integration

TAUGHT = """
[distillation]
teacher = "teacher"
temperature = 1.0
weight = 1.0
[[distillation.unlabelled]]
path = "more.jsonl"
"""


def write_films(folder):
    """Labels by the words "good" and "bad"; of "fine" and "dull" the teacher alone knows."""
    draw = np.random.default_rng(5)
    for name, sides in (("train", ("bad", "good")), ("more", ("dull", "fine"))):
        with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as lines:
            for row in range(300):
                words = [sides[row % 2], *draw.choice(["the", "film", "is", "it"], 6), f"n{row}"]
                text = " ".join(draw.permutation(words))
                lines.write(json.dumps({"text": text} | _label(name, row)) + "\n")


def _label(name, row):
    return {"label": row % 2} if name == "train" else {}


def write_encoder(folder):
    PreTrainedTokenizerFast(
        tokenizer_object=_tokenizer(), pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    shape = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    BertModel(shape).save_pretrained(folder)


def trained(folder, content, output):
    (folder / "my.toml").write_text(content, encoding="utf-8")
    words = ("--config", folder / "my.toml", "--data", folder, "--output", folder / output)
    run("scripts.train", *words, EVERGREEN_CACHE=str(folder / "cache"))
    return open_predictor(folder / output / "artifact")


def log_odds(predictor, texts):
    found = predictor.classify(texts, Options(activation="none"))
    scores = [{each.label: each.score for each in one.scores} for one in found]
    # Calibration on labels that are always right makes a student's answers surer than it learnt.
    temperature = predictor.artifact.manifest.decoding.temperature
    return temperature * np.array([one["positive"] - one["negative"] for one in scores])


@pytest.mark.parametrize("architecture", ["lstm", "transformer"])
def test_a_classifier_moves_towards_its_teacher(tmp_path, architecture):
    write_films(tmp_path)
    write_encoder(tmp_path / "base")
    write_artifact(tmp_path / "teacher", values={"good": 0.3, "fine": 0.7, "dull": -0.7})
    more = {
        "lstm": "[network]\nvocabulary = 400\nembedding = 8\nhidden = 8\n",
        "transformer": f'base = "{tmp_path / "base"}"\n',
    }
    content = CLASSIFIER.format(model="toy", architecture=architecture, more=more[architecture])
    content = content.replace(
        "[32, 32]",
        "[32, 32, 32, 32, 32]\nevaluate_every = 9999",  # once: labels are soon right
    )
    alone = trained(tmp_path, content, "alone")
    taught_by = TAUGHT.replace('"teacher"', f'"{tmp_path / "teacher"}"')
    taught = trained(tmp_path, content + taught_by, "taught")
    texts = ["the fine film is it", "the dull film is it", "the good film is it"]
    teacher = log_odds(open_predictor(tmp_path / "teacher"), texts)
    before, after = (abs(log_odds(each, texts) - teacher).mean() for each in (alone, taught))
    assert after < 0.5 * before
    manifest = taught.artifact.manifest
    (named,) = manifest.provenance["teachers"]
    assert (named["name"], len(named["sha256"])) == ("teacher", 64)
    assert str(tmp_path / "teacher") not in manifest.model_dump_json()
    card = (taught.artifact.path / "README.md").read_text(encoding="utf-8")
    assert "Taught by `teacher`" in card
    spread = manifest.provenance["spread"]["neutral, differs in country"]
    assert 0 <= spread["mean"] <= spread["widest"] <= 1
    assert f"- neutral, differs in country: {spread['widest']:.2f} ({spread['mean']:.2f})" in card


def test_a_crf_learns_the_tags_of_its_teacher(tmp_path):
    """Against its own labels, which have people and places mixed up and a weight of 0."""
    write_names(tmp_path)
    write_base(tmp_path)
    content = ENTITIES.format(base=tmp_path / "base").replace(
        "batch_texts", "evaluate_every = 9999\nbatch_texts"
    )
    teacher = trained(tmp_path, content, "teacher")
    rows = (tmp_path / "train.conll").read_text(encoding="utf-8")
    mixed_up = rows.replace("B-PER", "B-?").replace("B-LOC", "B-PER").replace("B-?", "B-LOC")
    (tmp_path / "train.conll").write_text(mixed_up, encoding="utf-8")
    texts = [
        f"in {first} met {second} ." for first in ("Ada", "york") for second in ("York", "Love")
    ]
    (tmp_path / "more.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8"
    )
    section = TAUGHT.replace('"teacher"', f'"{tmp_path / "teacher" / "artifact"}"')
    student = trained(tmp_path, content + section, "student")
    texts += ["met Paris . ada in Lovelace", "Ada met love in Paris ."]
    answers = [_entities(each, texts) for each in (teacher, student)]
    assert len(answers[0]) >= 6
    assert len(answers[0] & answers[1]) > 0.8 * len(answers[0])


def _entities(predictor, texts):
    answers, _ = predictor.predict(texts, Options())
    return {
        (row, each.label, each.start, each.end)
        for row, answer in enumerate(answers)
        for each in answer.entities
    }
