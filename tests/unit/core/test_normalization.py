"""Tokens of a text, which are the same whichever way it takes through the tokenizer."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers

from function.core.normalization import NormalizingTokenizer

WORDS = ["good", "film", "##s", "cafe", "bad", "!", "<", "br", "[", "]", "'", "i"]
PIECES = [
    "Good",
    "films",
    "<br />",
    "<BR>",
    "[MASK]",
    "[mask]",
    "caf\u00e9",
    "cafe\u0301",
    "\u6f22",
]
CONTROLS = ["\t", "\n", "\r", "\0", "\x07", "\x7f", "\u00a0", " ", "!", "[", "<", "it's"]
TEXTS = st.lists(st.sampled_from([*PIECES, *CONTROLS])).map("".join)
# What the normalisation of every text has always been.
OURS = [normalizers.Replace(Regex(r"<[bB][rR]\s*/?>"), " "), normalizers.NFC()]


def load(*, lowercase: bool = True, added: AddedToken | None = None) -> Tokenizer:
    vocabulary = {word: code for code, word in enumerate(["[PAD]", "[UNK]", *WORDS, "Good"])}
    settings = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##"}
    model = {**settings, "max_input_chars_per_word": 100, "vocab": vocabulary}
    tokenizer = Tokenizer.from_str(json.dumps({"version": "1.0", "model": model}))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[MASK]"])
    if added:
        tokenizer.add_tokens([added])
    return tokenizer


def normalise_always(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.normalizer = normalizers.Sequence([*OURS, tokenizer.normalizer])
    return tokenizer


def parts(encoding):
    return encoding.ids, encoding.tokens, encoding.offsets, encoding.word_ids


@pytest.mark.parametrize("lowercase", [True, False])
@given(texts=st.lists(TEXTS, max_size=4))
@example(texts=["Good films!"])
@example(texts=["Good [MASK] films", "Good [mask] films"])
def test_plain_texts_are_read_as_normalised_ones_are(lowercase, texts):
    known = normalise_always(load(lowercase=lowercase))
    read = NormalizingTokenizer(load(lowercase=lowercase)).encode(texts, special_tokens=False)
    assert [*map(parts, read)] == [
        parts(known.encode(text, add_special_tokens=False)) for text in texts
    ]


def test_an_added_token_that_is_normalised_is_found_in_every_casing():
    token = AddedToken("Good film", normalized=True)
    (read,) = NormalizingTokenizer(load(added=token)).encode(["gOOD film"], special_tokens=False)
    assert read.tokens == ["good film"]


def test_an_added_token_that_is_not_normalised_is_found_as_it_is_written():
    tokenizer = NormalizingTokenizer(load(added=AddedToken("Q", normalized=False)))
    tokens = [read.tokens for read in tokenizer.encode(["Q", "q"], special_tokens=False)]
    assert tokens == [["Q"], ["[UNK]"]]


def test_plain_texts_get_the_special_tokens_of_the_template(artifact: Path):
    tokenizer = Tokenizer.from_file(str(artifact / "tokenizer.json"))
    read = NormalizingTokenizer(tokenizer).encode(["good", "g\u00f6\u00f6d"], special_tokens=True)
    assert [(each.ids[0], each.ids[-1]) for each in read] == [(2, 3), (2, 3)]


def test_a_tokenizer_of_another_kind_normalises_every_text():
    tokenizer = load()
    tokenizer.normalizer = normalizers.Replace("good", "bad")
    (read,) = NormalizingTokenizer(tokenizer).encode(["good"], special_tokens=False)
    assert read.tokens == ["bad"]
