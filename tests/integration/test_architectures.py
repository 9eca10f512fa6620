"""Each architecture from data to answers: trained small, exported, published, served over HTTP."""

import itertools
import json

import httpx
import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from function.core.heads import ArgmaxDecoding, SigmoidDecoding
from function.core.predictions import EntityPrediction, LabelsPrediction
from function.core.tokenization import TextTokenizer
from function.core.types import Options
from scripts.common.errors import UsageError
from scripts.data.multi_labelled import read_multi_labelled
from scripts.evaluate.evaluation import open_predictor
from scripts.gate.decision import run_gate
from scripts.gate.golden import parse_golden
from scripts.gate.settings import GateSettings
from scripts.train.architectures.architecture import TrainingRun, load_architecture
from scripts.train.architectures.bilstm_crf import PackedEmbedding
from scripts.train.architectures.lstm import LstmClassifier, LstmSettings
from scripts.train.assemble import start
from scripts.train.config import load_config
from scripts.train.corpus import Corpus
from scripts.train.parity import run_torch
from scripts.train.word_pieces import learn_word_pieces, tokenize_cached
from tests.commands import run_python
from tests.serving import running_server
from tests.tiny_entities import tokenizer_of_words

pytestmark = pytest.mark.integration

GOOD, BAD = ("lovely", "bright", "warm", "tender"), ("dull", "stale", "clumsy", "grey")
PEOPLE, PLACES = ("ada", "love", "lovelace"), ("paris", "york")
CLASSIFIER = """
model = "{model}"
architecture = "{architecture}"
labels = ["negative", "positive"]
dropout = 0.0
{more}
[[datasets]]
name = "toy"
path = "train.jsonl"
[finetuning]
epoch_max_tokens = [32, 32]
learning_rate = 2e-2
batch_texts = 16
[serving]
max_tokens = 32
stride = 8
[tracking]
to = "none"
"""
ENTITIES = """
model = "names"
task = "token-classification"
architecture = "bilstm_crf"
base = "{base}"
labels = ["LOC", "PER"]
dropout = 0.0
[network]
layers = 1
hidden = 8
passage = 3
rate = 5.0
[[datasets]]
name = "toy"
path = "train.conll"
split_by = "group"
[finetuning]
epoch_max_tokens = [64, 64, 64, 64, 64, 64, 64, 64]
learning_rate = 3e-3
batch_texts = 8
patience = 8
[serving]
max_tokens = 32
stride = 8
[evaluation]
other = "other.conll"
[renamed_labels]
person = "PER"
[tracking]
to = "none"
"""


def write_reviews(folder):
    """Texts that four words of each side decide."""
    generator = np.random.default_rng(5)
    with (folder / "train.jsonl").open("w", encoding="utf-8") as lines:
        for row in range(400):
            side = (BAD, GOOD)[row % 2]
            words = [*generator.choice(side, 3), *generator.choice(["the", "film", "is", "a"], 9)]
            text = " ".join(generator.permutation(words))
            lines.write(json.dumps({"text": text, "label": row % 2}) + "\n")


def write_names(folder):
    """Sentences of five words, of which names are capitalised: others spelt alike are no names."""
    generator = np.random.default_rng(6)
    sentences = []
    for row in range(240):
        tagged = [("in", "O"), ("met", "O"), (".", "O")]
        tagged.append((str(generator.choice(PEOPLE)).title(), "B-PER"))
        tagged.append((str(generator.choice(PLACES)).title(), "B-LOC"))
        tagged.append((str(generator.choice(PEOPLE + PLACES)), "O"))
        order = generator.permutation(len(tagged))
        lines = [f"{tagged[place][0]} {tagged[place][1]}" for place in order]
        if row % 4 == 0:
            lines.insert(0, "-DOCSTART- O")
        sentences.append("\n".join(lines))
    (folder / "train.conll").write_text("\n\n".join(sentences) + "\n", encoding="utf-8")
    (folder / "other.conll").write_text("Ada B-person\nmet O\nParis B-LOC\n", encoding="utf-8")


def write_base(folder, spread=0.02):
    """A random encoder of the tokenizer whose words are known; `spread` is its weights'."""
    tokenizer = tokenizer_of_words()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder / "base")
    torch.manual_seed(0)
    shape = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=spread,
    )
    BertModel(shape).save_pretrained(folder / "base")


def trained(folder, content, *words):
    """Train by the command; returns its report."""
    (folder / "my.toml").write_text(content, encoding="utf-8")
    run(
        *("scripts.train", "--config", folder / "my.toml", "--data", folder),
        *("--output", folder / "out", *words),
        EVERGREEN_CACHE=str(folder / "cache"),
    )
    return json.loads((folder / "out" / "report.json").read_text(encoding="utf-8"))


def run(*words, **environment):
    done = run_python("-m", *words, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_lstm_learns_from_scratch(tmp_path):
    write_reviews(tmp_path)
    pairs = itertools.product(GOOD, BAD)
    lines = [json.dumps({"text": f"{good} {bad} the"}) + "\n" for good, bad in pairs]
    (tmp_path / "more.jsonl").write_text("".join(lines), encoding="utf-8")
    network = "[network]\nvocabulary = 60\nembedding = 8\nhidden = 8\n"
    content = CLASSIFIER.format(model="toy", architecture="lstm", more=network)
    changes = ("--set", "unlabelled.path=more.jsonl", "--set", "network.forget=0.05")
    report = trained(tmp_path, content, *changes)
    assert report["after_calibration"]["toy-validation"]["accuracy"] > 0.95
    assert report["parity"]["agreement"] > 0.99
    evaluations = (tmp_path / "out" / "log.jsonl").read_text(encoding="utf-8").count('"toy"')
    assert evaluations == 2  # one after each epoch
    config = json.loads((tmp_path / "out/artifact/config.json").read_text(encoding="utf-8"))
    assert (config["model_type"], config["forget"]) == ("lstm", 0.05)
    kept = {file.parent.name for file in (tmp_path / "cache").rglob("*.*")}
    assert kept == {"tokenizers", "tokens", "vectors"}


def test_padding_changes_nothing_that_an_lstm_answers():
    torch.manual_seed(1)
    settings = LstmSettings(vocabulary=20, embedding=6, hidden=5)
    model = LstmClassifier(20, 2, 0.0, settings).eval()
    ids = np.array([[4, 5, 6, 0, 0], [7, 8, 9, 10, 11]])
    mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    alone = run_torch(model, ids[:1, :3], mask[:1, :3])
    assert run_torch(model, ids, mask)[0] == pytest.approx(alone[0], abs=1e-5)


def test_the_same_texts_are_cut_into_pieces_once(tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.train.cache.CACHE", tmp_path)
    texts = ["a dull film", "a lovely film", "grey"]
    file = learn_word_pieces(texts, 40)
    tokenizer = TextTokenizer(file)
    first = tokenize_cached(texts, tokenizer, file)
    monkeypatch.setattr(TextTokenizer, "encode", None)  # nothing is read a second time
    again = tokenize_cached(texts, tokenizer, learn_word_pieces(texts, 40))
    assert [each.tolist() for each in again] == [each.tolist() for each in first]
    assert learn_word_pieces(texts, 30) != file
    assert learn_word_pieces([*texts, "more"], 40) != file


def test_packed_vectors_are_near_those_that_they_were_made_of():
    torch.manual_seed(2)
    table = torch.randn(50, 16)
    packed = PackedEmbedding(table)
    assert packed.packed.shape == (50, 8)
    error = (packed(torch.arange(50)) - table).square().mean() / table.square().mean()
    assert error < 0.03


def test_a_crf_learns_names_that_only_capitals_distinguish(tmp_path):
    write_names(tmp_path)
    write_base(tmp_path)
    report = trained(tmp_path, ENTITIES.format(base=tmp_path / "base"))
    figures = report["after_calibration"]
    assert set(figures) == {"toy-validation", "toy-validation-documents", "other"}
    # Blind to capitals it could not distinguish half of the names from words that are spelt alike.
    assert figures["toy-validation"]["f1"] > 0.7
    assert figures["toy-validation-documents"]["f1"] > 0.7
    assert report["parity"]["same"] >= 0.99
    predictor = open_predictor(tmp_path / "out" / "artifact")
    (prediction,), _ = predictor.predict(["met Ada in Paris . paris ada"], Options())
    assert isinstance(prediction, EntityPrediction)
    assert {each.label for each in prediction.entities} <= {"LOC", "PER"}
    assert sum(predictor.artifact.manifest.profile["entities"]["counts"])


def write_people_and_places(folder):
    """CSV files with a column of 0 and 1 a label: a text names a person, a place, both or none."""
    generator = np.random.default_rng(7)
    for name, count in (("train.csv", 400), ("test.csv", 200)):
        lines = ["text,id,person,place"]
        for row in range(count):
            person, place = generator.integers(2, size=2).tolist()
            words = ["in", "met", "new", "reuters"]
            words += ["ada"] * 3 * person + ["paris"] * 3 * place
            lines.append(f"{' '.join(generator.permutation(words))} . {row},{row},{person},{place}")
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("architecture", "more", "rate"),
    [
        ("transformer", 'base = "{base}"', "1e-2"),
        ("lstm", "[network]\nvocabulary = 60\nembedding = 8\nhidden = 8", "2e-2"),
    ],
)
def test_several_labels_a_text_are_learnt_served_and_judged(tmp_path, architecture, more, rate):
    write_people_and_places(tmp_path)
    write_base(tmp_path, spread=0.3)
    more = 'head = "sigmoid"\n' + more.format(base=tmp_path / "base")
    content = CLASSIFIER.format(model="names", architecture=architecture, more=more)
    content = content.replace('"negative", "positive"', '"place", "person"')
    content = content.replace("train.jsonl", "train.csv") + '[evaluation]\nother = "test.csv"\n'
    changes = [f"finetuning.epoch_max_tokens={[32] * 4}", f"finetuning.learning_rate={rate}"]
    report = trained(tmp_path, content, *itertools.chain(*(("--set", each) for each in changes)))
    assert set(report["after_calibration"]) == {"toy-validation", "other"}
    assert report["after_calibration"]["other"]["f1"] > 0.95
    assert report["parity"]["agreement"] > 0.95
    artifact = tmp_path / "out" / "artifact"
    predictor = open_predictor(artifact)
    decoding = predictor.artifact.manifest.decoding
    assert isinstance(decoding, SigmoidDecoding)
    assert decoding.temperature == report["temperature"]
    assert dict(zip(predictor.labels, decoding.thresholds, strict=True)) == report["thresholds"]
    texts = [f"{3 * 'ada '}met {3 * 'paris '}.", f"in new {3 * 'paris '}.", "met reuters in new ."]
    predictions, _ = predictor.predict(texts, Options())
    found = [set(each.labels) for each in predictions if isinstance(each, LabelsPrediction)]
    assert found == [{"person", "place"}, {"place"}, set()]
    profile = predictor.artifact.manifest.profile
    assert set(profile["labels"]) == {"person", "place"}
    assert sum(profile["labels"].values()) == pytest.approx(1)
    assert sum(profile["tokens"]["counts"]) == profile["texts"] > 20
    assert "exact texts" in (artifact / "README.md").read_text(encoding="utf-8")
    rows = read_multi_labelled(tmp_path / "test.csv", predictor.labels)
    truth = dict(zip(rows.texts, rows.truth, strict=True))
    lines = [json.dumps({"text": text, "labels": labels}) for text, labels in truth.items()]
    judged = run_gate(
        predictor.artifact, None, parse_golden("\n".join(lines).encode()), GateSettings()
    )
    assert judged.outcome == "passed", judged.reasons


def test_a_transformer_tags_the_first_tokens_of_words(tmp_path):
    write_names(tmp_path)
    text = (tmp_path / "train.conll").read_text(encoding="utf-8")
    # Without casing, words that are spelt like names are names.
    lines = [
        f"{word} B-{'PER' if word in PEOPLE else 'LOC'}" if word in PEOPLE + PLACES else line
        for line, word in ((line, line.partition(" ")[0].lower()) for line in text.split("\n"))
    ]
    (tmp_path / "train.conll").write_text("\n".join(lines), encoding="utf-8")
    write_base(tmp_path)
    content = ENTITIES.format(base=tmp_path / "base").replace("bilstm_crf", "transformer")
    network = content[content.index("[network]") : content.index("[[datasets]]")]
    content = content.replace(network, "").replace('task = "', 'head = "argmax"\ntask = "')
    figures = trained(tmp_path, content, "--set", "finetuning.learning_rate=1e-2")
    figures = figures["after_calibration"]
    assert set(figures) == {"toy-validation", "toy-validation-documents", "other"}
    assert figures["toy-validation"]["f1"] > 0.95
    predictor = open_predictor(tmp_path / "out" / "artifact")
    decoding = predictor.artifact.manifest.decoding
    tags = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
    assert decoding == ArgmaxDecoding(
        tags=tags, aggregation="first", temperature=decoding.temperature
    )
    (prediction,), _ = predictor.predict(["met lovelace in paris ."], Options())
    assert isinstance(prediction, EntityPrediction)
    found = [(each.text, each.label) for each in prediction.entities]
    assert found == [("lovelace", "PER"), ("paris", "LOC")]


@pytest.mark.parametrize(
    ("architecture", "changes"),
    [
        ("transformer", ["task=token-classification"]),
        ("lstm", ["task=token-classification", "head=argmax"]),
        ("bilstm_crf", ["head=sigmoid"]),
    ],
)
def test_a_head_that_an_architecture_does_not_have_is_named(tmp_path, architecture, changes):
    content = CLASSIFIER.format(model="toy", architecture=architecture, more="")
    (tmp_path / "my.toml").write_text(content, encoding="utf-8")
    config = load_config(tmp_path / "my.toml", changes)
    started = TrainingRun(config, Corpus([], {}, {}), tmp_path, tmp_path, lambda record: None)
    with pytest.raises(UsageError, match=f"head: the architecture '{architecture}' has"):
        load_architecture(architecture).train(started)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("nothing_here", "no module scripts.train.architectures.nothing_here"),
        ("no.such.module", "no module no.such.module"),
        ("scripts.evaluate.metrics", "has no function 'train'"),
    ],
)
def test_an_architecture_that_is_none_is_named(name, complaint):
    with pytest.raises(UsageError, match=complaint):
        load_architecture(name)


def test_a_wrong_setting_of_a_network_is_named(tmp_path):
    write_reviews(tmp_path)
    content = CLASSIFIER.format(model="toy", architecture="lstm", more="[network]\nhiden = 3\n")
    (tmp_path / "my.toml").write_text(content, encoding="utf-8")
    started = start(load_config(tmp_path / "my.toml"), tmp_path, tmp_path, lambda record: None)
    with pytest.raises(UsageError, match=r"network\.hiden"):
        started.settings(LstmSettings)


@pytest.mark.parametrize("change", ["learning_rate", "model.name=x"])
def test_a_change_that_is_none_is_refused(tmp_path, change):
    (tmp_path / "my.toml").write_text('model = "toy"\n', encoding="utf-8")
    with pytest.raises(UsageError, match="--set"):
        load_config(tmp_path / "my.toml", [change])


def asked(models, body):
    """What a server of these models answers; its default is the only one there."""
    with running_server(models) as server:
        response = httpx.post(f"{server.url}/v1/predict", json=body, timeout=30)
        assert response.status_code == 200, response.text
        return response.json()


def test_an_architecture_of_ones_own_is_served_by_the_unchanged_application(tmp_path):
    """The steps of docs/own-model.md: configuration, training, publishing, promoting, serving."""
    write_reviews(tmp_path)
    architecture = "tests.integration.own_architecture.bag_of_vectors"
    more = "[network]\nwidth = 8\nvocabulary = 60\n"
    content = CLASSIFIER.format(model="mine", architecture=architecture, more=more)
    trained(tmp_path, content, "--set", "network.width=12")
    registry, artifact = tmp_path / "registry", tmp_path / "out" / "artifact"
    version = run("scripts.publish", "--registry", registry, "--artifact", artifact)
    run("scripts.promote", "--registry", registry, "--model", "mine", "--version", version)
    run("scripts.pull", "--registry", registry, "--output", tmp_path / "models")
    texts = ["a lovely and tender film", "a dull and grey film"]
    answer = asked(tmp_path / "models", {"inputs": texts})
    assert answer["model"]["version"] == version
    assert [each["label"] for each in answer["predictions"]] == ["positive", "negative"]
