"""Checkpoints whose tokenizer is a SentencePiece model alone, as hubs have many."""

import io
from dataclasses import dataclass
from typing import Any

import pytest
import sentencepiece
import torch
from transformers import (
    AlbertConfig,
    AutoModelForSequenceClassification,
    CamembertConfig,
    T5Config,
    XLMRobertaConfig,
)

from scripts.common.errors import SourceError
from tests.checkpoints import SHAPE, by_label
from tests.fuzz.import_matrix import ARCHITECTURES, renamed
from tests.integration.test_heads import (
    LABELS,
    POSITIONS,
    TEXTS,
    Imported,
    imported,
)

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("quick")]

SCRIPTS = [*TEXTS, "über schön, naïve", "хороший фильм", "電影 很好", "فيلم جميل", "1/10!"]


@dataclass(frozen=True)
class Family:
    """An architecture, the file that its tokenizer is read from, and the ids of its tokens."""

    config: Any
    file: str
    pieces: dict[str, Any]
    special: dict[str, int]


FAMILIES = {
    "XLM-RoBERTa": Family(
        XLMRobertaConfig,
        "sentencepiece.bpe.model",
        {},
        {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2},
    ),
    "CamemBERT": Family(CamembertConfig, "sentencepiece.bpe.model", {}, {"pad_token_id": 1}),
    "ALBERT": Family(
        lambda **given: AlbertConfig(**given, embedding_size=16),
        "spiece.model",
        {
            "pad_id": 0,
            "unk_id": 1,
            "bos_id": -1,
            "eos_id": -1,
            "control_symbols": ["[CLS]", "[SEP]"],
            "user_defined_symbols": ["[MASK]"],
        },
        {"pad_token_id": 0},
    ),
    "T5": Family(
        renamed(
            *(T5Config, "d_model", "d_ff", "num_layers", "num_heads"),
            d_kv=8,
            decoder_start_token_id=0,
        ),
        "spiece.model",
        {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1},
        {"pad_token_id": 0, "eos_token_id": 1},
    ),
    "DeBERTa-v2": Family(
        ARCHITECTURES["DeBERTa-v2"],
        "spm.model",
        {
            "pad_id": 0,
            "bos_id": 1,
            "eos_id": 2,
            "unk_id": 3,
            "pad_piece": "[PAD]",
            "bos_piece": "[CLS]",
            "eos_piece": "[SEP]",
            "unk_piece": "[UNK]",
            "user_defined_symbols": ["[MASK]"],
        },
        {"pad_token_id": 0},
    ),
}


def write_checkpoint(folder, name):
    family = FAMILIES[name]
    folder.mkdir()
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SCRIPTS * 5),
        model_writer=written,
        vocab_size=150,
        hard_vocab_limit=False,
        minloglevel=2,
        **family.pieces,
    )
    (folder / family.file).write_bytes(written.getvalue())
    settings = SHAPE | {"max_position_embeddings": POSITIONS} | family.special
    config = family.config(**settings, id2label=dict(enumerate(LABELS)))
    torch.manual_seed(1)
    model = AutoModelForSequenceClassification.from_config(config).eval()
    with torch.inference_mode():
        for weights in model.parameters():
            if weights.ndim > 1:
                weights.mul_(5)
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("name", FAMILIES)
def test_it_becomes_a_tokenizer_that_reads_as_transformers_does(name, tmp_path):
    checkpoint = write_checkpoint(tmp_path / "checkpoint", name)
    model = Imported(checkpoint, imported(checkpoint, tmp_path / "artifact", precision="fp32"))
    assert (model.artifact.path / "tokenizer.json").is_file()
    exact = model.pipeline("text-classification")(SCRIPTS, top_k=None)
    for answer, expected in zip(model.answers(SCRIPTS), exact, strict=True):
        found = {each.label: each.score for each in answer.scores}
        assert found == pytest.approx(by_label(expected), abs=5e-4)
    assert len({round(max(by_label(each).values()), 3) for each in exact}) > 3


def test_a_model_that_is_none_is_refused_with_what_to_do(tmp_path):
    checkpoint = write_checkpoint(tmp_path / "checkpoint", "T5")
    (checkpoint / "spiece.model").write_bytes(b"\n\x0e")
    with pytest.raises(SourceError, match=r"cannot make one of its vocabulary.*save_pretrained"):
        imported(checkpoint, tmp_path / "artifact", precision="fp32")
