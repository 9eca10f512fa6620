"""Tiny random checkpoints of every head, imported and compared with transformers' pipelines."""

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import WordPieceTrainer
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertConfig,
    MPNetConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    pipeline,
)

from function.core.artifact import Artifact
from function.core.tokenization import TextTokenizer
from function.core.types import Options
from scripts.common.errors import SourceError, UsageError
from scripts.evaluate.evaluation import open_predictor
from scripts.refresh.import_settings import ImportSettings
from scripts.refresh.judge import import_model
from tests.checkpoints import (
    REVISION,
    ROBERTA_TOKENS,
    SHAPE,
    WORDS,
    by_label,
    byte_pairs,
    learn,
    sentences,
    spread,
    unigrams,
    word_pieces,
)
from tests.serving import build_app

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("quick")]

TEXTS = [
    "the film was long",
    "Ada Lovelace met Charles Babbage in London, didn't she?",
    "Мама мыла раму в Москве",
    "ذهب أحمد إلى القاهرة",
    "กรุงเทพมหานครเป็นเมืองหลวง",
    "北京是中国的首都。",
    "👩‍👩‍👧 great 🎉🎉 film ❤️",
    "naïve café — “quoted” naïveté",
]
LABELS = ["toxic", "insult", "threat"]
STARS = ["awful", "bad", "fair", "good", "great"]  # the labels of WORDS
SENTENCES = sentences(100, 12, seed=1)
POSITIONS = 96  # of a window, in tokens
CREATED = datetime(2026, 3, 4, tzinfo=UTC)
EXACT, ROUNDED = 1e-4, 0.05  # of a probability: in full precision, and by eight bits


def xlm_unigrams(texts):
    return unigrams(ROBERTA_TOKENS, "<s>", "</s>", "<unk>", texts)


FAMILIES = {
    "bert": (BertConfig, word_pieces, {"pad_token_id": 0}, ("[PAD]", "[UNK]")),
    "roberta": (RobertaConfig, byte_pairs, {"pad_token_id": 1}, ("<pad>", "<unk>")),
    "unigram": (RobertaConfig, xlm_unigrams, {"pad_token_id": 1}, ("<pad>", "<unk>")),
}


@dataclass
class Imported:
    """A checkpoint's folder and the artifact that was made of it."""

    checkpoint: Any
    artifact: Artifact

    def answers(self, texts=TEXTS, **options):
        return open_predictor(self.artifact.path).predict(texts, Options(**options))[0]

    def pipeline(self, task):
        return pipeline(task, model=str(self.checkpoint))


def make_tokenizer(family: str) -> PreTrainedTokenizerFast:
    _, build, _, (pad, unknown) = FAMILIES[family]
    tokenizer: Tokenizer = build(TEXTS)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=pad, unk_token=unknown)


def write_checkpoint(folder, family, auto, labels, seed=0, **config):
    """Random weights, whose last layer is set so that the texts' logits are spread around 0."""
    kind, _, special, _ = FAMILIES[family]
    torch.manual_seed(seed)
    settings = SHAPE | special | config | {"max_position_embeddings": POSITIONS}
    model = auto.from_config(kind(**settings, id2label=dict(enumerate(labels)))).eval()
    tokenizer = make_tokenizer(family)
    spread(model, [tokenizer(text, return_tensors="pt") for text in TEXTS])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def imported(folder, output, texts=TEXTS, **settings):
    chosen = ImportSettings(**settings)
    return import_model(folder, "m", texts, output, REVISION, settings=chosen, created=CREATED)


def taught(folder, auto, labels, truth, **config):
    """Import by eight bits a checkpoint that learnt sentences: rounding costs sure answers little.

    `truth` are the targets of the loss, (sentences, ...).
    """
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=word_pieces(), pad_token="[PAD]")
    torch.manual_seed(0)
    named = {"id2label": dict(enumerate(labels)), "pad_token_id": 0}
    model = auto.from_config(BertConfig(**SHAPE | named | config)).eval()
    learn(model, tokenizer(SENTENCES, padding=True, return_tensors="pt"), truth)
    model.save_pretrained(folder / "checkpoint")
    tokenizer.save_pretrained(folder / "checkpoint")
    artifact = imported(folder / "checkpoint", folder / "artifact", SENTENCES)
    return Imported(folder / "checkpoint", artifact)


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    return request.param


def fixture_of(auto, labels, **config):
    """Return a fixture of a checkpoint of each family, imported in full precision."""

    @pytest.fixture(scope="module")
    def made(family, tmp_path_factory):
        folder = tmp_path_factory.mktemp(family)
        checkpoint = write_checkpoint(folder / "checkpoint", family, auto, labels, **config)
        return Imported(checkpoint, imported(checkpoint, folder / "artifact", precision="fp32"))

    return made


multi_label = fixture_of(
    AutoModelForSequenceClassification, LABELS, problem_type="multi_label_classification"
)


def test_several_labels_have_the_scores_of_transformers_pipeline(multi_label):
    exact = multi_label.pipeline("text-classification")(TEXTS, top_k=None)
    for answer, expected in zip(multi_label.answers(), exact, strict=True):
        scores = {entry.label: entry.score for entry in answer.scores}
        assert scores == pytest.approx(by_label(expected), abs=EXACT)
        assert answer.labels == [each["label"] for each in expected if each["score"] > 0.5]


def test_the_scores_of_the_tests_texts_differ(multi_label):
    scores = [[each.score for each in answer.scores] for answer in multi_label.answers()]
    assert np.std(scores, axis=0).max() > 2 * ROUNDED


def test_several_labels_by_eight_bits_are_nearly_the_same(tmp_path):
    has = [[any(word in text for word in words) for words in WORDS] for text in SENTENCES]
    model = taught(
        *(tmp_path, AutoModelForSequenceClassification, STARS, torch.tensor(has).float()),
        problem_type="multi_label_classification",
    )
    exact = model.pipeline("text-classification")(SENTENCES, top_k=None)
    answers = model.answers(SENTENCES)
    for answer, expected in zip(answers, exact, strict=True):
        scores = {entry.label: entry.score for entry in answer.scores}
        assert scores == pytest.approx(by_label(expected), abs=ROUNDED)
    assert {len(answer.labels) for answer in answers} == {0, 1}


def test_the_manifest_of_several_labels(multi_label):
    manifest = multi_label.artifact.manifest
    assert (manifest.task, manifest.labels) == ("text-classification", LABELS)
    assert manifest.decoding.model_dump() == {
        "kind": "sigmoid",
        "thresholds": [0.5, 0.5, 0.5],
        "temperature": 1.0,
    }
    assert "thresholds" not in manifest.provenance


def test_thresholds_are_chosen_at_the_import_and_kept_for_later_revisions(tmp_path):
    checkpoint = write_checkpoint(
        *(tmp_path / "checkpoint", "bert", AutoModelForSequenceClassification, LABELS),
        problem_type="multi_label_classification",
    )
    artifact = imported(
        checkpoint, tmp_path / "artifact", precision="fp32", thresholds={"threat": 0.0}
    )
    assert artifact.manifest.decoding.thresholds == [0.5, 0.5, 0.0]
    kept = ImportSettings.of_champion(artifact.manifest.provenance)
    assert kept == ImportSettings({}, "fp32", {"threat": 0.0})
    assert all("threat" in answer.labels for answer in Imported(None, artifact).answers())
    with pytest.raises(UsageError, match="no label kind to have a threshold; it has toxic"):
        imported(checkpoint, tmp_path / "other", thresholds={"kind": 0.1})


def test_a_long_text_has_the_mean_logits_of_its_windows(multi_label):
    text = " ".join(TEXTS) * 4
    (whole,) = multi_label.answers([text])
    assert whole.windows > 1
    (cut,) = multi_label.answers([text], long_text="truncate")
    exact = multi_label.pipeline("text-classification")
    (expected,) = exact(
        [text],
        top_k=None,
        truncation=True,
        max_length=multi_label.artifact.manifest.tokenization.max_tokens,
    )
    assert {e.label: e.score for e in cut.scores} == pytest.approx(by_label(expected), abs=EXACT)
    assert not np.allclose([e.score for e in whole.scores], [e.score for e in cut.scores])


regression = fixture_of(AutoModelForSequenceClassification, ["stars"], problem_type="regression")
single = fixture_of(AutoModelForSequenceClassification, ["relevant"])


def scores_of(model):
    """Return what transformers' pipeline answers, having compared it with what is served."""
    exact = [each["score"] for each in model.pipeline("text-classification")(TEXTS)]
    assert [answer.score for answer in model.answers()] == pytest.approx(exact, abs=EXACT)
    assert np.std(exact) > 0.1
    return exact


def test_a_regression_answers_the_output_of_transformers_pipeline(regression):
    assert min(scores_of(regression)) < 0
    assert regression.artifact.manifest.decoding.activation == "none"


def test_one_label_is_answered_with_its_sigmoid_as_in_transformers_pipeline(single):
    assert min(scores_of(single)) > 0
    assert single.artifact.manifest.decoding.activation == "sigmoid"


def test_a_number_by_eight_bits_is_nearly_the_same(tmp_path):
    counts = [[sum(word in WORDS[4] for word in text.split()) / 2] for text in SENTENCES]
    model = taught(
        *(tmp_path, AutoModelForSequenceClassification, ["stars"], torch.tensor(counts)),
        problem_type="regression",
    )
    exact = [each["score"] for each in model.pipeline("text-classification")(SENTENCES)]
    served = [answer.score for answer in model.answers(SENTENCES)]
    assert served == pytest.approx(exact, abs=3 * ROUNDED)
    assert np.corrcoef(served, exact)[0, 1] > 0.99


TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC"]
STRATEGIES = ["simple", "first", "average", "max"]

tags = fixture_of(AutoModelForTokenClassification, TAGS)


def spans(found):
    """Label and place of the entities that transformers' pipeline finds."""
    return [(each["entity_group"], each["start"], each["end"]) for each in found]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_entities_are_those_of_transformers_pipeline(tags, strategy):
    exact = tags.pipeline("token-classification")(TEXTS, aggregation_strategy=strategy)
    for answer, expected in zip(tags.answers(aggregation=strategy), exact, strict=True):
        found = [(each.label, each.start, each.end) for each in answer.entities]
        assert found == spans(expected)
        scores = [each["score"] for each in expected]
        assert [each.score for each in answer.entities] == pytest.approx(scores, abs=EXACT)
    assert sum(map(len, exact)) > 20


def test_tokens_are_tagged_as_in_transformers_pipeline(tags):
    exact = tags.pipeline("token-classification")(TEXTS, aggregation_strategy="none")
    for answer, expected in zip(tags.answers(grouping="words"), exact, strict=True):
        found = [(each.label, each.start, each.end) for each in answer.entities]
        assert found == [(each["entity"], each["start"], each["end"]) for each in expected]


def test_what_belongs_to_no_entity_is_answered_where_it_is_asked_for(tags):
    exact = tags.pipeline("token-classification")(
        TEXTS, aggregation_strategy="simple", ignore_labels=[]
    )
    for answer, expected in zip(tags.answers(outside=True), exact, strict=True):
        assert [(each.label, each.start, each.end) for each in answer.entities] == spans(expected)


def test_strategies_differ(tags):
    found = [tags.answers(aggregation=strategy) for strategy in STRATEGIES]
    assert len({str(answers) for answers in found}) == 4


def test_a_hugging_face_client_chooses_the_strategy(tags, tmp_path):
    folder = tmp_path / "models"
    shutil.copytree(tags.artifact.path, folder / "m")
    client = TestClient(build_app(folder, "m"))
    served = tags.pipeline("token-classification")
    for strategy in [*STRATEGIES, "none"]:
        parameters = {"aggregation_strategy": strategy}
        answer = client.post("/", json={"inputs": TEXTS[1], "parameters": parameters}).json()
        expected = served(TEXTS[1], aggregation_strategy=strategy)
        kind = "entity" if strategy == "none" else "entity_group"
        assert [(each[kind], each["start"], each["end"], each.get("index")) for each in answer] == [
            (each[kind], each["start"], each["end"], each.get("index")) for each in expected
        ]
    (outputs,) = client.get("/v2/models/m").json()["outputs"]
    assert outputs["name"] == "entities"


def test_the_manifest_of_tags_names_what_they_stand_for(tags):
    manifest = tags.artifact.manifest
    assert (manifest.task, manifest.labels) == ("token-classification", ["PER", "LOC", "MISC"])
    assert (manifest.decoding.tags, manifest.decoding.aggregation) == (TAGS, "simple")


def test_labels_of_tags_are_renamed_and_a_strategy_is_kept_for_later_revisions(tmp_path):
    folder, auto = tmp_path / "checkpoint", AutoModelForTokenClassification
    checkpoint = write_checkpoint(folder, "bert", auto, TAGS)
    settings: dict[str, Any] = {"renamed_labels": {"LOC": "place"}, "precision": "fp32"}
    settings["aggregation"] = "first"
    artifact = imported(checkpoint, tmp_path / "artifact", **settings)
    assert artifact.manifest.labels == ["PER", "place", "MISC"]
    assert artifact.manifest.decoding.tags[3:5] == ["B-place", "I-place"]
    assert artifact.manifest.decoding.aggregation == "first"
    assert ImportSettings.of_champion(artifact.manifest.provenance) == ImportSettings(**settings)


def test_a_long_text_is_tagged_in_windows_as_one(tags):
    text = " ".join(TEXTS) * 4
    (answer,) = tags.answers([text])
    assert answer.windows > 1
    assert not answer.truncated
    assert max(each.end for each in answer.entities) > 0.9 * len(text)


def test_tags_by_eight_bits_are_nearly_the_same(tmp_path):
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=word_pieces(), pad_token="[PAD]")
    inputs = tokenizer(SENTENCES, padding=True, return_offsets_mapping=True)
    names = ["O", "B-good", "B-bad"]
    codes = dict.fromkeys(WORDS[0], 2) | dict.fromkeys(WORDS[4], 1)
    truth = [
        [-100 if start == end else codes.get(_word(text, start), 0) for start, end in offsets]
        for text, offsets in zip(SENTENCES, inputs["offset_mapping"], strict=True)
    ]
    model = taught(tmp_path, AutoModelForTokenClassification, names, torch.tensor(truth))
    exact = model.pipeline("token-classification")(SENTENCES, aggregation_strategy="simple")
    for answer, expected in zip(model.answers(SENTENCES), exact, strict=True):
        assert [(each.label, each.start, each.end) for each in answer.entities] == spans(expected)
    assert sum(map(len, exact)) > 50


def _word(text, start):
    """Return the word of a text around a code point."""
    return text[:start].rpartition(" ")[2] + text[start:].partition(" ")[0]


MPNET_TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "[PAD]", "<mask>"]


@pytest.mark.parametrize("named_in", ["tokenizer_config.json", "special_tokens_map.json", None])
def test_a_vocabulary_with_two_padding_tokens_is_padded_with_the_checkpoints_own(
    tmp_path, named_in
):
    tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = WordPieceTrainer(vocab_size=200, special_tokens=MPNET_TOKENS)
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    torch.manual_seed(0)
    config = MPNetConfig(**SHAPE, pad_token_id=1, id2label=dict(enumerate(LABELS)))
    AutoModelForSequenceClassification.from_config(config).save_pretrained(tmp_path / "mpnet")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(tmp_path / "mpnet")
    if named_in:
        file = tmp_path / "mpnet" / named_in
        before = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(before | {"pad_token": "<pad>"}))
    artifact = imported(tmp_path / "mpnet", tmp_path / "artifact", precision="fp32")
    predictor = open_predictor(artifact.path)
    assert TextTokenizer(artifact.path / "tokenizer.json").pad_id == 1
    (alone,), (padded, _) = (predictor.classify(texts) for texts in (TEXTS[:1], TEXTS[:2]))
    assert padded.score == pytest.approx(alone.score, abs=1e-6)


def test_a_tokenizer_that_transformers_reads_otherwise_is_refused_with_the_cause(tmp_path):
    folder = tmp_path / "checkpoint"
    write_checkpoint(folder, "bert", AutoModelForSequenceClassification, LABELS)
    file = folder / "tokenizer_config.json"
    config = json.loads(file.read_text()) | {"tokenizer_class": "BertTokenizer"}
    file.write_text(json.dumps(config))
    imported(folder, tmp_path / "artifact", precision="fp32")
    file.write_text(json.dumps(config | {"do_lower_case": False}))
    with pytest.raises(SourceError, match=r"reads 'Ein CAFÉ .* its tokenizer_config\.json differs"):
        imported(folder, tmp_path / "other", precision="fp32")
