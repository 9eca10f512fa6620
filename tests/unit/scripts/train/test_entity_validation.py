import pytest
import torch
from torch import nn

from function.core.tokenization import TextTokenizer
from scripts.data.spans import Span
from scripts.data.tagged_texts import TaggedTexts
from scripts.train.architectures.crf import LinearChainCrf, f1_scores
from scripts.train.tagged_batches import TaggedExamples
from scripts.train.tags import tags_of
from tests.tiny_entities import WORDS, write_entity_artifact

TAGS = tags_of(["LOC", "PER"])


class Lookup(nn.Module):
    """Emissions that a word's token decides: paris is a place, acme a person."""

    def __init__(self, crf=None):
        super().__init__()
        self.crf = crf
        self.emissions = nn.Embedding(len(WORDS), len(TAGS))
        nn.init.zeros_(self.emissions.weight)
        with torch.no_grad():
            self.emissions.weight[:, TAGS.index("O")] = 1
            self.emissions.weight[WORDS.index("paris"), TAGS.index("S-LOC")] = 5
            self.emissions.weight[WORDS.index("acme"), TAGS.index("S-PER")] = 5

    def forward(self, input_ids, attention_mask):
        return self.emissions(input_ids)


@pytest.fixture
def examples(tmp_path):
    tokenizer = TextTokenizer(write_entity_artifact(tmp_path / "ner") / "tokenizer.json")

    def tagged(*rows):
        texts, spans = zip(*rows, strict=True)
        documents = [str(number) for number in range(len(rows))]
        return TaggedExamples.of(
            TaggedTexts(list(texts), list(spans), documents), tokenizer, TAGS, passage=1
        )

    return tagged


def scores(parts, max_tokens=16):
    return f1_scores(parts, TAGS, max_tokens, Lookup(LinearChainCrf(TAGS)))


PARIS = ("met in paris", [Span(7, 12, "LOC")])


def test_each_data_set_has_the_f1_of_its_entities(examples):
    acme_is_a_place = ("acme", [Span(0, 4, "LOC")])
    missed = ("lovelace", [Span(0, 8, "PER")])
    parts = {"right": examples(PARIS, PARIS), "mixed": examples(PARIS, acme_is_a_place, missed)}
    # Two are found, one of them rightly, of three that are there.
    assert scores(parts) == {"right": 1.0, "mixed": pytest.approx(2 / 5)}


def test_a_text_that_is_cut_is_held_against_what_is_left_of_it(examples):
    long = ("met " * 20 + "paris", [Span(80, 85, "LOC")])
    assert scores({"toy": examples(long, PARIS)}) == {"toy": 1.0}


def test_without_a_crf_each_word_has_its_best_tag(examples):
    model = Lookup()
    with torch.no_grad():  # an end without a beginning, which a CRF forbids
        model.emissions.weight[WORDS.index("paris"), TAGS.index("E-LOC")] = 6
    parts = {"toy": examples(("acme paris", [Span(0, 4, "PER"), Span(5, 10, "LOC")]))}
    assert f1_scores(parts, TAGS, 16, model) == {"toy": 1.0}
    model.emissions.weight.data[WORDS.index("paris"), TAGS.index("O")] = 7
    assert f1_scores(parts, TAGS, 16, model) == {"toy": pytest.approx(2 / 3)}


def test_texts_without_entities_are_no_division_by_zero(examples):
    assert scores({"toy": examples(("met in", []))}) == {"toy": 0.0}
