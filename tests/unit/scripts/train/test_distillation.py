"""Distillation: a teacher's answers, asked for once, move a student, whatever its architecture."""

import json
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from function.core.tokenization import TextTokenizer
from scripts.common.errors import UsageError
from scripts.data.labelled_texts import LabelledTexts
from scripts.data.tagged_texts import TaggedTexts
from scripts.train import teacher_answers as teachers
from scripts.train.architectures import lstm
from scripts.train.architectures.architecture import TrainingRun
from scripts.train.assemble import start
from scripts.train.batches import SoftTargets, Teaching
from scripts.train.cascade import add_sure
from scripts.train.config import load_config
from scripts.train.distillation import teach as maybe_teach
from scripts.train.tagged_batches import TaggedExamples
from scripts.train.tags import tags_of
from scripts.train.teacher import open_teacher
from scripts.train.teacher_answers import ask_teacher
from tests.commands import run_python
from tests.tiny import CASCADE, write_artifact
from tests.tiny import _tokenizer as tiny_tokenizer

CONFIG = """
model = "toy"
architecture = "lstm"
labels = ["positive", "negative"]
[[datasets]]
name = "toy"
path = "train.jsonl"
[finetuning]
epoch_max_tokens = [32]
[tracking]
to = "none"
[distillation]
teacher = "{teacher}"
{more}
"""
WORDS = ("good", "fine", "bad", "dull", "the", "film", "is")


def write_texts(path, count, seed, labels=True):
    draw = np.random.default_rng(seed)
    with path.open("w", encoding="utf-8") as lines:
        for row in range(count):
            text = " ".join([f"t{row}", *draw.choice(WORDS, 4)])
            lines.write(json.dumps({"text": text} | ({"label": row % 2} if labels else {})) + "\n")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.train.cache.CACHE", tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def counted(monkeypatch):
    """The number of texts that teachers were asked."""
    asked = []
    answers = teachers._answers

    def counting(texts, *rest):
        asked.extend(texts)
        return answers(texts, *rest)

    monkeypatch.setattr(teachers, "_answers", counting)
    return asked


def settings(tmp_path, teacher, more=""):
    path = tmp_path / "my.toml"
    path.write_text(CONFIG.format(teacher=teacher, more=more), encoding="utf-8")
    return load_config(path)


def opened(tmp_path, folder, more=""):
    config = settings(tmp_path, folder, more)
    return open_teacher(folder, config, config.distillation)


def teach(run):
    teaching = maybe_teach(run)
    assert teaching
    return teaching


def started(tmp_path, teacher, more="") -> TrainingRun:
    write_texts(tmp_path / "train.jsonl", 60, 1)
    return start(settings(tmp_path, teacher, more), tmp_path, tmp_path, lambda record: None)


def write_checkpoint(folder, labels):
    PreTrainedTokenizerFast(
        tokenizer_object=tiny_tokenizer(), pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)
    torch.manual_seed(3)
    shape = BertConfig(
        vocab_size=11,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        max_position_embeddings=16,
        initializer_range=1.0,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={name: code for code, name in enumerate(labels)},
    )
    BertForSequenceClassification(shape).save_pretrained(folder)
    return folder


def test_answers_come_in_the_order_of_the_models_own_labels(tmp_path):
    run = started(tmp_path, write_artifact(tmp_path / "teacher"))
    teaching = teach(run)
    text = run.corpus.train.texts[0].split()
    value = 2 * (text.count("good") + text.count("fine") - text.count("bad") - text.count("dull"))
    log_odds = teaching.logits[0][0] - teaching.logits[0][1]  # of positive, which comes first here
    assert log_odds == pytest.approx(2 * value, abs=0.01)
    assert set(teaching.weights) == {0.5}
    assert teaching.origin[0]["name"] == "teacher"


def test_a_cascade_teaches_its_blend(tmp_path):
    folder = write_artifact(tmp_path / "teacher", cascade=CASCADE)
    found = ask_teacher(opened(tmp_path, folder), ["the good film is"])["the good film is"]
    # The graph's log-odds, 4, and half of the first stage's, 8/3 (`tests/tiny.py`).
    assert found[0, 1] - found[0, 0] == pytest.approx(4 + 4 / 3, abs=0.01)


def test_the_probabilities_of_several_teachers_are_averaged(tmp_path):
    one = write_artifact(tmp_path / "one", values={"good": 1.0})
    other = write_artifact(tmp_path / "other", values={"good": -0.5})
    run = started(tmp_path, one, "unlabelled = [{path = 'more.jsonl'}]")
    both = load_config(tmp_path / "my.toml", [f"distillation.teacher=['{one}', '{other}']"])
    (tmp_path / "more.jsonl").write_text('{"text": "good is"}\n')
    teaching = teach(replace(run, config=both))
    mean = (1 / (1 + np.exp(-2.0)) + 1 / (1 + np.exp(1.0))) / 2
    assert np.exp(teaching.logits[-1][0]) == pytest.approx(mean, abs=0.001)
    assert [each["name"] for each in teaching.origin] == ["one", "other"]


def test_texts_are_asked_once_and_others_only_are_asked_later(tmp_path, counted):
    teacher = opened(tmp_path, write_artifact(tmp_path / "teacher"))
    first = ask_teacher(teacher, ["good", "bad film", "good"])
    assert sorted(counted) == ["bad film", "good"]
    again = ask_teacher(opened(tmp_path, tmp_path / "teacher"), ["good", "dull", "bad film"])
    assert counted[2:] == ["dull"]
    assert again["good"].tolist() == first["good"].tolist()


def test_another_teacher_does_not_get_the_answers_of_the_first(tmp_path, counted):
    ask_teacher(opened(tmp_path, write_artifact(tmp_path / "one")), ["good"])
    other = opened(tmp_path, write_artifact(tmp_path / "two", values={"good": -1.0}))
    assert ask_teacher(other, ["good"])["good"][0, 1] == -1.0
    assert len(counted) == 2


def test_the_cache_holds_no_text_and_half_precision(tmp_path, cache):
    teacher = opened(tmp_path, write_artifact(tmp_path / "teacher"))
    ask_teacher(teacher, ["good unmistakable film"])
    (file,) = cache.rglob("*.npz")
    assert b"unmistakable" not in file.read_bytes()
    with np.load(file) as parts:
        assert parts["values"].dtype == np.float16


@pytest.mark.parametrize("damage", ["cut", "changed", "emptied"])
def test_a_half_written_file_of_the_cache_is_noticed_and_made_again(
    tmp_path, cache, counted, damage, capsys
):
    teacher = opened(tmp_path, write_artifact(tmp_path / "teacher"))
    before = ask_teacher(teacher, ["good", "bad"])
    (file,) = cache.rglob("*.npz")
    content = bytearray(file.read_bytes())
    if damage == "changed":
        content[content.rindex(b"NUMPY") + 130] ^= 255
    file.write_bytes({"cut": content[: len(content) // 2], "emptied": b""}.get(damage, content))
    after = ask_teacher(teacher, ["good", "bad"])
    assert {text: each.tolist() for text, each in after.items()} == {
        text: each.tolist() for text, each in before.items()
    }
    assert "damaged" in capsys.readouterr().err
    assert len(counted) == 4


KILLED = """
import os, signal, sys
from pathlib import Path
from scripts.train import teacher_answers as teachers
from scripts.train.config import load_config
from scripts.train.teacher import open_teacher
teachers.CHUNK = teachers.BATCH = 4
answers, asked = teachers._answers, []
def dying(texts, *rest):
    asked.extend(texts)
    if len(asked) > {limit}:
        os.kill(os.getpid(), signal.SIGKILL)
    return answers(texts, *rest)
teachers._answers = dying
config = load_config(Path(sys.argv[1]))
found = teachers.ask_teacher(
    open_teacher(Path(config.distillation.teacher[0]), config, config.distillation),
    [f"good film {{row}}" for row in range(20)],
)
print(len(asked), len(found))
"""


def test_a_teachers_pass_that_was_killed_goes_on_where_it_was(tmp_path):
    write_artifact(tmp_path / "teacher")
    settings(tmp_path, tmp_path / "teacher")

    def asked(limit):
        program = KILLED.format(limit=limit)
        cache = str(tmp_path / "cache")
        return run_python("-c", program, tmp_path / "my.toml", EVERGREEN_CACHE=cache)

    assert asked(10).returncode == -signal.SIGKILL
    again = asked(99)
    assert again.stdout.split() == ["12", "20"], again.stderr  # eight were kept
    assert "20 texts, 12 not in the cache" in again.stderr


def test_other_labels_are_refused_in_words(tmp_path):
    folder = write_checkpoint(tmp_path / "teacher", ["bad", "good"])
    with pytest.raises(UsageError, match="its labels are bad, good; the model's are positive, neg"):
        opened(tmp_path, folder)


def test_a_checkpoint_teaches_by_its_own_labels_and_reads_start_and_end(tmp_path):
    folder = write_checkpoint(tmp_path / "teacher", ["negative", "positive"])
    teacher = opened(tmp_path, folder)
    texts = ["good film", "good " * 40 + "bad dull the film is"]
    found = ask_teacher(teacher, texts)
    model = BertForSequenceClassification.from_pretrained(folder)
    # Of 16 positions 14 are left for content: a quarter of the start, the rest of the end.
    windows = [2, 4, 9, 3], [2, *[4] * 9, 6, 7, 8, 9, 10, 3]
    for text, window in zip(texts, windows, strict=True):
        with torch.inference_mode():
            wanted = model(input_ids=torch.tensor([window])).logits[0].numpy()
        assert found[text][0] == pytest.approx(wanted, abs=0.01)
    with torch.inference_mode():
        start = model(input_ids=torch.tensor([[2, *[4] * 14, 3]])).logits[0].numpy()
    assert found[texts[1]][0] != pytest.approx(start, abs=0.01)


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(UsageError, match="neither an artifact"):
        opened(tmp_path, tmp_path)


def test_a_checkpoint_without_a_head_is_refused(tmp_path):
    folder = write_checkpoint(tmp_path / "teacher", ["negative", "positive"])
    described = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(described | {"architectures": ["BertModel"]}))
    with pytest.raises(UsageError, match="checkpoint of BertModel"):
        opened(tmp_path, folder)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("temperature = 0", "distillation.temperature: must be greater than 0, not 0"),
        ("temperature = inf", "distillation.temperature: must be a finite number"),
        ("weight = 1.5", "distillation.weight: must be at most 1, not 1.5"),
        ("weight = -0.1", "distillation.weight: must be at least 0"),
        ("unlabeled = []", "distillation.unlabeled: there is no such setting; there are teacher"),
        ("unlabelled = [{text = 'a'}]", "distillation.unlabelled.0.path: is missing"),
        ("unlabelled = [{path = 'a', max_texts = 0}]", "max_texts: must be at least 1"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, given, said):
    with pytest.raises(UsageError, match=said):
        settings(tmp_path, "teacher", given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("[distillation]\nunlabelled = [{path = 'a'}]", "distillation.teacher: is missing"),
        ("[distillation]\nteacher = []", "distillation.teacher: needs 1 or more"),
        ("[counterfactuals]\nfills = 3", "counterfactuals: needs a teacher"),
    ],
)
def test_texts_without_labels_need_a_teacher(tmp_path, given, said):
    path = tmp_path / "my.toml"
    path.write_text(CONFIG.split("[distillation]")[0] + given)
    with pytest.raises(UsageError, match=said):
        load_config(path)


def test_unlabelled_texts_have_the_teachers_loss_alone_and_known_ones_are_left_out(tmp_path):
    write_texts(tmp_path / "more.jsonl", 80, 1)  # of which 60 are the labelled ones
    more = "weight = 0.3\nunlabelled = [{path = 'more.jsonl', max_texts = 70}]"
    run = started(tmp_path, write_artifact(tmp_path / "teacher"), more)
    teaching = teach(run)
    held_out = {text for rows in run.corpus.validation.values() for text in rows.texts}
    assert [text.split()[0] for text in teaching.texts] == [f"t{row}" for row in range(60, 70)]
    assert held_out
    assert not held_out & set(teaching.texts)
    assert teaching.weights == [0.3] * len(run.corpus.train) + [1.0] * 10


def test_a_data_set_that_is_not_taught_keeps_its_labels_alone(tmp_path, counted):
    write_texts(tmp_path / "known.jsonl", 50, 5)
    more = "[[datasets]]\nname = 'known'\npath = 'known.jsonl'\ntaught = false"
    run = started(tmp_path, write_artifact(tmp_path / "teacher"), more)
    teaching = teach(run)
    taught = np.array(run.corpus.taught)
    assert 0 < taught.sum() < len(taught)
    assert np.array(teaching.weights).tolist() == np.where(taught, 0.5, 0.0).tolist()
    assert len(counted) == taught.sum()
    assert len(teaching.logits) == len(run.corpus.train)


def test_texts_of_the_evaluation_are_not_learnt(tmp_path):
    for name in ("more", "test"):
        write_texts(tmp_path / f"{name}.jsonl", 5, 9)
    more = "unlabelled = [{path = 'more.jsonl'}]\n[evaluation]\ntest = 'test.jsonl'"
    run = started(tmp_path, write_artifact(tmp_path / "teacher"), more)
    assert not teach(run).texts


def test_a_text_without_tokens_keeps_its_label_alone(tmp_path):
    run = started(tmp_path, write_artifact(tmp_path / "teacher"))
    run.corpus.train.texts[0] = "<br />"
    assert teach(run).weights[:2] == [0.0, 0.5]


def test_the_loss_mixes_labels_and_teacher_by_weight():
    teacher = torch.tensor([[2.0, 0.0], [0.0, 0.0]])
    soft = SoftTargets(teacher, torch.tensor([0.25, 1.0]), 2.0)
    student = torch.tensor([[0.0, 0.0], [4.0, 0.0]])
    divergence = soft.divergence(student, teacher)
    p = 1 / (1 + np.exp(-1.0))
    assert divergence[0] == pytest.approx(
        4 * (p * np.log(p / 0.5) + (1 - p) * np.log((1 - p) / 0.5))
    )
    q = 1 / (1 + np.exp(-2.0))
    assert divergence[1] == pytest.approx(4 * 0.5 * (np.log(0.5 / q) + np.log(0.5 / (1 - q))))
    mixed = soft.mix(torch.tensor([3.0, 7.0]), torch.tensor([1.0, 2.0]))
    assert mixed == pytest.approx((0.75 * 3 + 0.25 * 1 + 2) / 2)


def test_without_a_teacher_there_are_no_answers(tmp_path):
    run = started(tmp_path, write_artifact(tmp_path / "teacher"))
    assert (
        maybe_teach(replace(run, config=run.config.model_copy(update={"distillation": None})))
        is None
    )


def test_the_texts_of_a_counterfactual_group_get_the_mean_of_its_answers(tmp_path):
    """The teacher takes a name for praise, which its mean over names does not."""
    (tmp_path / "words.toml").write_text(
        'templates = ["{name} is in the film"]\ncountries = ["France", "Peru"]\n'
        'people = ["man", "girl"]\n[names]\none = ["good"]\nother = ["bad"]\nthird = ["is"]\n'
    )
    more = f"[counterfactuals]\nwords = '{tmp_path / 'words.toml'}'\nfills = 40"
    teaching = teach(started(tmp_path, write_artifact(tmp_path / "teacher"), more))
    assert sorted(teaching.texts) == [f"{name} is in the film" for name in ("bad", "good", "is")]
    chances = [np.exp(each[0]) for each in teaching.logits[-3:]]
    assert chances == pytest.approx([0.5, 0.5, 0.5], abs=0.001)
    assert teaching.weights[-3:] == [1.0, 1.0, 1.0]


def test_words_that_differ_from_the_teachers_are_named(tmp_path):
    file = tmp_path / "tokenizer.json"
    tiny_tokenizer().save(str(file))
    teaching = Teaching([], [np.zeros((3, 5), np.float32)], [1.0], 1.0)
    rows = TaggedTexts(["good film"], [[]], ["a"])
    with pytest.raises(UsageError, match="“good film” into 3 words, the model into 2"):
        TaggedExamples.of(rows, TextTokenizer(file), tags_of(["PER"]), 1, teaching)


def test_words_without_an_answer_are_learnt_from_their_labels(tmp_path):
    file = tmp_path / "tokenizer.json"
    tiny_tokenizer().save(str(file))
    teaching = Teaching([], [np.zeros((0, 5), np.float32)], [0.0], 1.0)
    rows = TaggedTexts(["good film"], [[]], ["a"])
    examples = TaggedExamples.of(rows, TextTokenizer(file), tags_of(["PER"]), 1, teaching)
    batch = examples.collate([0], 64, None)
    assert batch.soft is not None
    assert (batch.soft.logits.shape, batch.soft.weights.tolist()) == ((1, 4, 5), [0.0])


def test_a_passage_keeps_each_sentences_answers_and_unlabelled_texts_stay_alone(tmp_path):
    file = tmp_path / "tokenizer.json"
    tiny_tokenizer().save(str(file))
    logits = [np.full((2, 5), row, np.float32) for row in range(4)]
    teaching = Teaching(["bad film", "dull film"], logits, [0.5, 0.5, 1.0, 1.0], 1.0)
    rows = TaggedTexts(["good film", "fine film"], [[], []], ["a", "a"])
    examples = TaggedExamples.of(rows, TextTokenizer(file), tags_of(["PER"]), 2, teaching)
    joined = next(
        epoch for epoch in map(examples.of_epoch, range(20)) if len(epoch.lengths(64)) == 3
    )
    batch = joined.collate([0, 1, 2], 64, None)
    assert batch.soft is not None
    # Between the special tokens, which have no answer.
    assert batch.soft.logits[:, :, 0].tolist() == [
        [0, 0, 0, 1, 1, 0],
        [0, 2, 2, 0, 0, 0],
        [0, 3, 3, 0, 0, 0],
    ]
    assert batch.soft.weights.tolist() == [0.5, 1.0, 1.0]
    cut = joined.collate([0], 5, None)
    assert cut.soft is not None
    assert cut.soft.logits[0, :, 0].tolist() == [0, 0, 0, 1, 0]


def test_the_first_stage_of_a_cascade_learns_the_sure_answers_alone():
    training = LabelledTexts(["a"], [0], [])
    logits = [np.log([0.05, 0.95]), np.log([0.4, 0.6]), np.log([0.92, 0.08])]
    taught = add_sure(training, ["b", "c", "d"], logits, 0.9)
    assert (taught.texts, taught.labels) == (["a", "b", "d"], [0, 1, 0])


def test_an_lstm_learns_a_teachers_answers_to_labelled_texts_alone(tmp_path):
    run = started(tmp_path, write_artifact(tmp_path / "teacher"), "weight = 1.0")
    logged: list[dict[str, float]] = []
    settings = {"vocabulary": 120, "embedding": 4, "hidden": 4}
    config = run.config.model_copy(update={"network": settings})
    lstm.train(replace(run, config=config, teaching=teach(run), log=logged.append))
    # Cross-entropy of labels would be log 2 before anything is learnt; this is a divergence from
    # answers that are often sure, at temperature 2.
    assert logged[0]["loss"] > 1
