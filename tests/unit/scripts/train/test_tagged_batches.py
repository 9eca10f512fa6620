import numpy as np
import pytest
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from function.core.casing import Casing
from function.core.tokenization import TextTokenizer
from scripts.common.errors import UsageError
from scripts.data.spans import Span
from scripts.data.tagged_texts import TaggedTexts
from scripts.train.batches import IGNORED
from scripts.train.tagged_batches import TaggedExamples, hide
from scripts.train.tags import tags_of
from tests.tiny_entities import LABELS, WORDS, write_entity_artifact

TEXT = "Ada Lovelace in Paris"  # "Lovelace" is two pieces


@pytest.fixture
def examples(tmp_path):
    folder = write_entity_artifact(tmp_path / "ner")
    tokenizer = TextTokenizer(folder / "tokenizer.json", casing=True)
    rows = TaggedTexts(
        [TEXT] * 3, [[Span(0, 12, "PER"), Span(16, 21, "LOC")]] * 3, ["one", "one", "two"]
    )
    return TaggedExamples.of(rows, tokenizer, tags_of(LABELS), passage=2)


@pytest.fixture
def base(tmp_path):
    """A checkpoint's tokenizer that has a mask: the id of "york"."""
    folder = tmp_path / "base"
    PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, "[UNK]")),
        mask_token="york",
    ).save_pretrained(folder)
    return str(folder)


def test_a_hidden_word_is_masked_whole_and_keeps_casing_and_tags(examples, base):
    hidden = hide(examples, 0.5, base)
    shown = examples.collate([0], 16, None)
    size = examples.tokenizer.vocabulary_size
    masked = []
    for seed in range(30):
        batch = hidden.collate([0], 16, np.random.default_rng(seed))
        assert batch.labels.tolist() == shown.labels.tolist()
        ids, before = batch.input_ids[0].numpy(), shown.input_ids[0].numpy()
        assert (ids // size == before // size).all()
        changed = ids != before
        assert (ids[changed] % size == WORDS.index("york")).all()
        pieces = [WORDS.index("love"), WORDS.index("##lace")]
        assert len(set(changed[np.isin(before % size, pieces)])) == 1
        assert not changed[[0, -1]].any()
        masked.append(changed.sum())
    assert min(masked) < 2 < max(masked)
    assert ids[1] // size == Casing.INITIAL


def test_texts_that_are_measured_have_no_word_hidden(examples, base):
    hidden = hide(examples, 0.9, base)
    measured = hidden.collate([0, 1], 16, None)
    assert measured.input_ids.tolist() == examples.collate([0, 1], 16, None).input_ids.tolist()


def test_a_text_is_read_in_other_casings_with_the_same_words_and_tags(tmp_path):
    folder = write_entity_artifact(tmp_path / "ner")
    tokenizer = TextTokenizer(folder / "tokenizer.json", casing=True)
    rows = TaggedTexts([TEXT], [[Span(0, 12, "PER")]], ["one"])
    own = TaggedExamples.of(rows, tokenizer, tags_of(LABELS), passage=1)
    recased = TaggedExamples.of(rows, tokenizer, tags_of(LABELS), passage=1, recased=0.5)
    seen = [tuple(recased.of_epoch(seed).ids[0]) for seed in range(60)]
    texts = [TEXT, TEXT.lower(), TEXT.upper(), TEXT.title()]
    expected = {tuple(each.ids) for each in tokenizer.encode(texts)}
    assert set(seen) == expected
    assert 20 < seen.count(tuple(own.ids[0])) < 40
    assert np.array_equal(recased.of_epoch(0).tags[0], own.tags[0])
    assert np.array_equal(recased.ids[0], own.ids[0])


def test_a_text_whose_other_casing_has_other_tokens_is_not_read_in_it(bundled_models):
    tokenizer = TextTokenizer(bundled_models / "ner/tokenizer.json", casing=True)
    street = "Hauptstraße"
    rows = TaggedTexts([street], [[Span(0, 11, "LOC")]], ["one"])
    recased = TaggedExamples.of(rows, tokenizer, tags_of(LABELS), passage=1, recased=0.9)
    own, lower, upper, title = (
        tokenizer.encode([text])[0].ids
        for text in (street, street.lower(), street.upper(), street.title())
    )
    assert len(upper) != len(own)
    assert [each.tolist() for each in recased.casings[0]] == [lower.tolist(), title.tolist()]


def test_a_passage_ends_with_its_document(examples):
    longest = max(max(examples.of_epoch(seed).lengths(100)) for seed in range(20))
    of_one = examples.lengths(100)[0]
    assert longest == 2 * of_one - examples.tokenizer.special_tokens
    for seed in range(20):
        epoch = examples.of_epoch(seed)
        tags = np.concatenate([np.asarray(each) for each in epoch.tags])
        assert (tags != IGNORED).sum() == 12


def test_a_checkpoint_without_a_mask_cannot_hide_words(examples, tmp_path):
    PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({"a": 0}, "a"))
    ).save_pretrained(tmp_path / "none")
    with pytest.raises(UsageError, match=r"hidden_words to 0"):
        hide(examples, 0.1, str(tmp_path / "none"))
    assert hide(examples, 0.0, str(tmp_path / "none")) is examples
