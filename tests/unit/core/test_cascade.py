"""The first stage answers what it is sure of; a table that does not fit is refused by name."""

import json
import math
import random

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from function.backends.onnx_backend import OnnxBackend
from function.core.artifact import describe_files, open_artifact, verify
from function.core.cascade import BIAS, SCALE, TABLE, FirstAnswer, hash_ngrams, open_first_stage
from function.core.errors import ArtifactError, BatchTooLargeError, InputError
from function.core.manifest import MANIFEST
from function.core.predictor import load_predictor
from function.core.types import Options
from tests.tiny import CASCADE, FIRST_STAGE, WORDS, write_artifact
from tests.tiny_entities import write_entity_artifact

SURE, UNSURE = "good film", "the good film is"
OFF, EXPLAINED = Options(cascade="off"), Options(explain=True)
HEADER = 8  # bytes before a safetensors header
# Buckets of a table of 2^21, one for each n-gram, in ascending order.
GOLDEN = {
    (0,): [1445665],
    (30521,): [1560434],
    (101, 7592, 2088, 102, 2088): [
        *(219122, 252581, 583852, 639189, 690946, 763519),
        *(1091820, 1391094, 1689243, 2006807, 2088406),
    ],
}


@pytest.fixture
def cascaded(tmp_path):
    """A tiny artifact with a cascade, free to be damaged."""
    return write_artifact(tmp_path / "sentiment", cascade=CASCADE)


@pytest.fixture
def predictor(make_predictor):
    return make_predictor(cascade=CASCADE)


@pytest.fixture
def make_table(cascaded):
    """Replace the artifact's table: tensors by name, or the bytes of the file."""
    path = cascaded / FIRST_STAGE[0]

    def make(content=None, **tensors):
        if content is None:
            save_file({**load_file(path), **tensors}, path)
        else:
            path.write_bytes(content)
        return cascaded

    return make


def probability(log_odds):
    return 1 / (1 + math.exp(-log_odds))


def count_rows(predictor):
    """Return a list that gets the number of windows of each call of the backend."""
    rows, run = [], predictor._backend.run

    def counted(input_ids, attention_mask):
        rows.append(len(input_ids))
        return run(input_ids, attention_mask)

    predictor._backend.run = counted
    return rows


def edit(folder, **settings):
    """Change the manifest's cascade."""
    path = folder / MANIFEST
    manifest = json.loads(path.read_text())
    manifest["cascade"] |= settings
    path.write_text(json.dumps(manifest))
    return folder


# Answers


def test_a_text_of_which_it_is_sure_is_answered_without_the_model(predictor):
    rows = count_rows(predictor)
    (answer,) = predictor.classify([SURE])
    assert (answer.label, answer.stage, answer.windows) == ("positive", "first", 0)
    assert answer.score == pytest.approx(probability(8 / math.sqrt(3)))
    assert answer.margin == pytest.approx(2 * answer.score - 1)
    assert rows == []


def test_a_text_of_which_it_is_not_sure_is_answered_by_both_stages(predictor):
    (answer,) = predictor.classify([UNSURE])
    assert (answer.stage, answer.windows) == ("full", 1)
    assert answer.score == pytest.approx(probability(4 + 0.5 * 8 / math.sqrt(9)))


def test_with_the_cascade_off_the_model_answers_by_itself(predictor):
    answers = predictor.classify([SURE, UNSURE], OFF)
    assert [answer.stage for answer in answers] == ["full", "full"]
    assert [answer.score for answer in answers] == pytest.approx([probability(4)] * 2)


def test_a_mixed_request_keeps_its_order_and_runs_the_rest_alone(predictor):
    rows = count_rows(predictor)
    answers = predictor.classify(["bad", "dull", SURE, UNSURE, "film bad"])
    assert [answer.stage for answer in answers] == ["first", "full", "first", "full", "first"]
    assert [answer.label for answer in answers] == ["negative"] * 2 + ["positive"] * 2 + [
        "negative"
    ]
    assert sum(rows) == 2


def test_a_text_answered_first_has_the_same_answer_alone_and_in_company(predictor):
    together = predictor.classify(["dull", SURE, "good " * 50, "fine", "bad"])
    assert together[1] == predictor.classify([SURE])[0]
    assert together[4] == predictor.classify(["bad"])[0]


def test_texts_answered_first_do_not_count_against_what_a_request_may_take(make_predictor):
    predictor = make_predictor(max_request_windows=1, cascade=CASCADE)
    answers = predictor.classify([SURE] * 9 + ["dull"])
    assert len(answers) == 10


def test_texts_that_are_too_short_for_it_are_answered_as_if_there_were_no_first_stage(
    make_predictor,
):
    predictor = make_predictor(cascade=CASCADE.model_copy(update={"least_tokens": 3}))
    short, long = predictor.classify([SURE, "good good film"])
    assert (short.stage, long.stage) == ("full", "first")
    assert short == predictor.classify([SURE], OFF)[0]


def test_the_start_of_a_long_text_is_read_by_the_model_alone(predictor):
    (answer,) = predictor.classify(["good " + "bad " * 20], Options(long_text="truncate"))
    assert (answer.stage, answer.truncated) == ("full", True)


def test_a_text_of_one_token_and_one_of_a_hundred_thousand_are_answered(predictor):
    one, many = predictor.classify(["good", "good " * 100_000])
    assert (one.stage, one.tokens, many.stage, many.tokens) == ("first", 1, "first", 100_000)
    assert many.score == pytest.approx(probability(8 / math.sqrt(3))), "each n-gram counts once"
    assert not many.truncated


def test_long_texts_of_many_words_are_answered_in_the_time_of_their_tokens(predictor):
    ids = np.random.default_rng(7).integers(0, 30_000, 100_000)
    answer = predictor._first_stage.answer(ids)
    assert np.isfinite(answer.logits).all()
    assert not answer.sure


def test_other_labels_share_what_the_best_one_leaves_in_proportion(predictor):
    logits = np.log([0.5, 0.3, 0.1])
    probabilities = np.exp(FirstAnswer(predictor._first_stage, logits, 0.8, sure=True).calibrated)
    assert probabilities == pytest.approx([0.8, 0.15, 0.05])


def test_certainty_itself_leaves_finite_logits(predictor):
    calibrated = FirstAnswer(
        predictor._first_stage, np.array([0.0, 800.0]), 1.0, sure=True
    ).calibrated
    assert np.isfinite(calibrated).all()
    assert calibrated[1] > calibrated[0]


# Explanations


def test_highlights_of_a_text_answered_first_are_its_log_odds_and_cost_no_call(predictor):
    rows = count_rows(predictor)
    (answer,) = predictor.classify([SURE], EXPLAINED)
    assert answer.stage == "first"
    weights = {SURE[h.start : h.end]: h.weight for h in answer.highlights}
    # Without "good" nothing remains; without "film" one n-gram, which then counts fully.
    assert weights["good"] == pytest.approx(math.tanh(8 / math.sqrt(3) / 2))
    assert weights["film"] == pytest.approx(math.tanh((8 / math.sqrt(3) - 8) / 2))
    assert rows == []


@pytest.mark.parametrize("activation", ["sigmoid", "none"])
def test_logits_and_what_is_made_of_them_are_of_the_model(predictor, activation):
    (answer,) = predictor.classify([SURE], Options(activation=activation))
    assert answer.stage == "full"
    logits = 4 + 0.5 * 8 / math.sqrt(3)
    scores = {each.label: each.score for each in answer.scores}
    if activation == "none":
        assert scores["positive"] - scores["negative"] == pytest.approx(logits)
    else:
        assert scores["positive"] > 0.5


def test_explaining_long_texts_counts_though_the_first_stage_answers_them(make_predictor):
    predictor = make_predictor(max_request_windows=5, cascade=CASCADE)
    long = "good " * 6000
    (answer,) = predictor.classify([long])
    assert answer.stage == "first"
    with pytest.raises(BatchTooLargeError, match="explaining these texts takes 13 windows"):
        predictor.classify([long], EXPLAINED)
    assert len(predictor.classify([SURE] * 9, EXPLAINED)) == 9


def test_the_only_word_of_a_text_is_all_that_its_answer_rests_on(predictor):
    (answer,) = predictor.classify(["good"], EXPLAINED)
    (highlight,) = answer.highlights
    assert highlight.weight == pytest.approx(math.tanh(8 / 2))


def test_a_blended_text_is_explained_through_both_stages(predictor):
    rows = count_rows(predictor)
    (answer,) = predictor.classify([UNSURE], EXPLAINED)
    weights = {UNSURE[h.start : h.end]: h.weight for h in answer.highlights}
    both = 4 + 0.5 * 8 / math.sqrt(9)
    assert weights["good"] == pytest.approx(math.tanh(both / 2))
    # Without "film" three words remain, of six n-grams: the first stage's share grows.
    assert weights["film"] == pytest.approx(math.tanh((both - 4 - 0.5 * 8 / math.sqrt(6)) / 2))
    assert sum(rows) == 1 + 1 + 4


# The table


@pytest.mark.parametrize("ids", GOLDEN)
@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint16])
def test_token_ids_have_the_buckets_that_they_had_when_tables_were_learnt(ids, kind):
    assert sorted(hash_ngrams(np.array(ids, kind), 1 << 21)) == GOLDEN[ids]


@pytest.mark.parametrize(("ids", "count"), [([], 0), ([4], 1), ([4, 5], 3), ([4, 4, 4, 4], 3)])
def test_each_ngram_counts_once(ids, count):
    assert len(hash_ngrams(np.array(ids, np.int64), 1 << 21)) == count


def test_buckets_lie_in_the_table():
    ids = np.random.default_rng(7).integers(0, 1 << 20, 20_000)
    for buckets in (1 << 10, 1 << 16, 1 << 24):
        found = hash_ngrams(ids, buckets)
        assert found.min() >= 0
        assert found.max() < buckets
        assert len(found) > min(buckets, len(ids)) / 2, "they are spread over it"


def reshaped(header, **entries):
    """Return a header whose tensors are described otherwise."""
    return {key: {**entry, **entries} if key == TABLE else entry for key, entry in header.items()}


SHORT = np.zeros((CASCADE.buckets // 2, 1), np.int8)
WIDE = np.zeros((CASCADE.buckets, 2), np.int8)
DAMAGED_TENSORS = {
    "a table of another type": {TABLE: np.zeros((CASCADE.buckets, 1), np.float32)},
    "a table of fewer buckets": {TABLE: SHORT},
    "a table of more columns": {TABLE: WIDE},
    "a scale of another type": {SCALE: np.ones(1, np.int8)},
    "a scale of more columns": {SCALE: np.ones(2, np.float32)},
    "a scale that is no number": {SCALE: np.array([np.nan], np.float32)},
    "a bias without end": {BIAS: np.array([np.inf], np.float32)},
    "a tensor of something else": {"transitions": np.zeros((3, 3), np.float32)},
}


@pytest.mark.parametrize("tensors", DAMAGED_TENSORS.values(), ids=DAMAGED_TENSORS)
def test_a_table_of_other_tensors_is_refused_by_name(make_table, tensors):
    artifact = make_table(**tensors)
    with pytest.raises(ArtifactError, match=r"^sentiment/first_stage\.safetensors: "):
        open_first_stage(opened_without_sizes(artifact))


DAMAGED_HEADERS = {
    "offsets beyond the file": {"data_offsets": [0, 1 << 40]},
    "offsets of other lengths": {"data_offsets": [8, 12]},
    "offsets that are text": {"data_offsets": "0, 8"},
    "one offset": {"data_offsets": [0]},
    "no offsets": {"data_offsets": None},
    "an unknown type": {"dtype": "BF16"},
    "a type of other sizes": {"dtype": "F32"},
    "a shape of other sizes": {"shape": [7, 7]},
    "a shape of no numbers": {"shape": ["many"]},
    "no shape": {"shape": None},
}


@pytest.mark.parametrize("entries", DAMAGED_HEADERS.values(), ids=DAMAGED_HEADERS)
def test_a_header_that_does_not_fit_its_file_is_refused_by_name(cascaded, make_table, entries):
    header, data = parts(cascaded)
    changed = json.dumps(reshaped(header, **entries)).encode()
    artifact = make_table(len(changed).to_bytes(HEADER, "little") + changed + data)
    with pytest.raises(ArtifactError, match=r"^sentiment/first_stage\.safetensors: "):
        open_first_stage(opened_without_sizes(artifact))


@pytest.mark.parametrize(
    "content",
    [b"", b"\1", b"\xff" * 64, bytes(8), (3).to_bytes(8, "little") + b"[1]", b"\x80\x04pickle!"],
)
def test_a_file_that_is_no_table_is_refused_by_name(make_table, content):
    artifact = make_table(content)
    with pytest.raises(ArtifactError, match=r"^sentiment/first_stage\.safetensors: cannot be read"):
        open_first_stage(opened_without_sizes(artifact))


def test_a_header_with_random_damage_is_refused_by_name_or_harmless(tmp_path):
    small = CASCADE.model_copy(update={"buckets": 1 << 10})
    folder = write_artifact(tmp_path / "sentiment", cascade=small)
    artifact, path = open_artifact(folder), folder / FIRST_STAGE[0]
    header, whole, draw = len(path.read_bytes()) - (1 << 10), path.read_bytes(), random.Random(7)
    refusals = []
    for _ in range(500):
        start = draw.randrange(header)
        put = draw.choice([b"", b"0", b"-", b"[", b"null", b"1e400", b"9" * 30, b"\xff"])
        path.write_bytes(whole[:start] + put + whole[start + draw.randrange(9) :])
        try:
            first_stage = open_first_stage(artifact)
        except ArtifactError as error:
            refusals.append(str(error))
        else:
            assert first_stage is not None
            assert np.isfinite(first_stage.logits(np.array([4]))).all()
    assert len(refusals) > 400
    assert all(each.startswith("sentiment/first_stage.safetensors: ") for each in refusals)


@pytest.mark.parametrize("kept", [4, 40, -1])
def test_a_file_that_was_cut_is_refused_by_name(cascaded, make_table, kept):
    artifact = make_table((cascaded / FIRST_STAGE[0]).read_bytes()[:kept])
    with pytest.raises(ArtifactError, match=r"^sentiment/first_stage\.safetensors: \d+ bytes"):
        open_artifact(artifact)
    with pytest.raises(ArtifactError, match=r"^sentiment/first_stage\.safetensors: cannot be read"):
        open_first_stage(opened_without_sizes(artifact))


def test_one_changed_weight_is_found_when_it_is_loaded(cascaded):
    path = cascaded / FIRST_STAGE[0]
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"first_stage\.safetensors: its SHA-256"):
        verify(open_artifact(cascaded))


def parts(folder):
    """Return the header and the tensors of a table."""
    content = (folder / FIRST_STAGE[0]).read_bytes()
    length = int.from_bytes(content[:HEADER], "little")
    return json.loads(content[HEADER:][:length]), content[HEADER + length :]


def opened_without_sizes(folder):
    """Open an artifact whose manifest was written after the damage was done."""
    path = folder / MANIFEST
    manifest = json.loads(path.read_text())
    (entry,) = describe_files(folder, [FIRST_STAGE]).values()
    manifest["files"][FIRST_STAGE[0]] = entry.model_dump()
    path.write_text(json.dumps(manifest))
    return open_artifact(folder)


# The manifest


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kind", "tree"),
        ("buckets", (1 << 16) - 1),
        ("buckets", 1 << 9),
        ("buckets", 1 << 25),
        ("threshold", 0.5),
        ("threshold", 1.01),
        ("threshold", math.nan),
        ("certainty", [1, 2, 3]),
        ("certainty", [0, math.inf, 0, 0]),
        ("blend", {"full": math.nan, "first": 0.5}),
        ("blend", {"full": 1}),
        ("unknown", 1),
    ],
)
def test_a_cascade_with_other_settings_is_refused_naming_the_key(cascaded, key, value):
    with pytest.raises(ArtifactError, match=rf"^sentiment/manifest\.json: cascade\.{key}"):
        open_artifact(edit(cascaded, **{key: value}))


def test_a_table_of_another_size_than_the_manifest_says_is_refused(cascaded):
    with pytest.raises(ArtifactError, match=r"first_stage\.safetensors: its tensors are"):
        open_first_stage(open_artifact(edit(cascaded, buckets=1 << 17)))


def test_a_cascade_without_a_table_is_refused(cascaded):
    manifest = json.loads((cascaded / MANIFEST).read_text())
    del manifest["files"][FIRST_STAGE[0]]
    (cascaded / FIRST_STAGE[0]).unlink()
    (cascaded / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="no file of role 'first_stage'"):
        open_first_stage(open_artifact(cascaded))


def test_a_model_of_another_task_has_no_first_stage(tmp_path, cascaded):
    folder = write_entity_artifact(tmp_path / "ner")
    (folder / FIRST_STAGE[0]).write_bytes((cascaded / FIRST_STAGE[0]).read_bytes())
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest |= {"schema_version": 2, "cascade": CASCADE.model_dump()}
    (entry,) = describe_files(folder, [FIRST_STAGE]).values()
    manifest["files"][FIRST_STAGE[0]] = entry.model_dump()
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match=r"ner/.*only text classification"):
        open_first_stage(open_artifact(folder))


def test_a_model_that_finds_entities_takes_no_cascade_off(tmp_path):
    artifact = open_artifact(write_entity_artifact(tmp_path / "ner"))
    predictor = load_predictor(artifact, lambda each: OnnxBackend(each, 1), 100)
    predictor.predict(["Ada"], Options(cascade="auto"))
    with pytest.raises(InputError, match="cascade: this model finds entities"):
        predictor.predict(["Ada"], OFF)


def test_an_artifact_without_a_cascade_says_nothing_of_one_and_answers_by_the_model(make_predictor):
    predictor = make_predictor()
    written = (predictor.artifact.path / MANIFEST).read_text()
    assert "cascade" not in written
    assert json.loads(written)["schema_version"] == 1
    assert open_first_stage(predictor.artifact) is None
    for options in (Options(), OFF):
        (answer,) = predictor.classify([SURE], options)
        assert (answer.stage, answer.score) == ("full", pytest.approx(probability(4)))


def test_the_tiny_table_knows_two_words_of_the_vocabulary(predictor):
    """A collision of two n-grams would change what other tests work out by hand."""
    logits = {
        word: predictor._first_stage.logits(np.array([code])).tolist()
        for code, word in enumerate(WORDS)
    }
    assert {word for word, (_, positive) in logits.items() if positive} == {"good", "bad"}
