"""Checkpoints that are imported: architecture by head by tokenizer, in docs/refresh.md.

`python -m tests.fuzz.import_matrix` writes the page's table of what test_import_matrix.py tries.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

from transformers import (
    AlbertConfig,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BartConfig,
    BertConfig,
    CamembertConfig,
    DistilBertConfig,
    ElectraConfig,
    FNetConfig,
    FunnelConfig,
    ModernBertConfig,
    MPNetConfig,
    RobertaConfig,
    T5Config,
    XLMRobertaConfig,
    XLNetConfig,
)

from scripts.common.markdown import markdown_table, replace_part
from tests.checkpoints import deberta
from tests.commands import REPOSITORY

PAGE = REPOSITORY / "docs/refresh.md"
PART = "imported architectures"  # of the page
Config = Callable[..., Any]


def renamed(kind: Config, size: str, inner: str, layers: str, heads: str, **more: Any) -> Config:
    """Return a configuration's class, called with BERT's names of its sizes."""
    names = {"hidden_size": size, "intermediate_size": inner}
    names |= {"num_hidden_layers": layers, "num_attention_heads": heads}
    return lambda **given: kind(**{names.get(k, k): v for k, v in given.items()}, **more)


def without(kind: Config, *left_out: str) -> Config:
    return lambda **given: kind(**{k: v for k, v in given.items() if k not in left_out})


ARCHITECTURES: dict[str, Config] = {
    "BERT": BertConfig,
    "DistilBERT": renamed(DistilBertConfig, "dim", "hidden_dim", "n_layers", "n_heads"),
    "RoBERTa": RobertaConfig,
    "XLM-RoBERTa": XLMRobertaConfig,
    "ALBERT": lambda **given: AlbertConfig(**given, embedding_size=16),
    "ELECTRA": lambda **given: ElectraConfig(**given, embedding_size=16),
    "MPNet": MPNetConfig,
    "DeBERTa-v2": deberta,
    "BART": renamed(
        *(BartConfig, "d_model", "encoder_ffn_dim", "encoder_layers", "encoder_attention_heads"),
        decoder_ffn_dim=64,
        decoder_layers=1,
        decoder_attention_heads=4,
        eos_token_id=2,
        decoder_start_token_id=2,
    ),
    "CamemBERT": CamembertConfig,
    "T5": renamed(
        *(T5Config, "d_model", "d_ff", "num_layers", "num_heads"),
        d_kv=8,
        eos_token_id=2,
        decoder_start_token_id=0,
    ),
    "ModernBERT": ModernBertConfig,
}
# Head: its class, its labels, its configuration's own members.
HEADS: dict[str, tuple[Any, list[str], dict[str, str]]] = {
    "one label": (AutoModelForSequenceClassification, ["a", "b", "c"], {}),
    "several labels": (
        AutoModelForSequenceClassification,
        ["a", "b", "c"],
        {"problem_type": "multi_label_classification"},
    ),
    "number": (AutoModelForSequenceClassification, ["stars"], {"problem_type": "regression"}),
    "tags": (AutoModelForTokenClassification, ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"], {}),
}
TOKENIZERS = {"WordPiece": "bert", "byte-level BPE": "roberta", "Unigram": "unigram"}
NO_CLASS = {("BART", "tags")}  # transformers has none
REFUSED: dict[str, tuple[Config, str]] = {
    "XLNet": (
        without(
            renamed(XLNetConfig, "d_model", "d_inner", "n_layer", "n_head"),
            "max_position_embeddings",
        ),
        "reads padding",
    ),
    "FNet": (without(FNetConfig, "num_attention_heads"), "reads padding"),
    "Funnel": (
        without(
            renamed(
                *(FunnelConfig, "d_model", "d_inner", "", "n_head"), block_sizes=[1, 1], d_head=8
            ),
            "num_hidden_layers",
        ),
        "fixed the size",
    ),
}
CELLS = [cell for cell in product(ARCHITECTURES, HEADS, TOKENIZERS) if cell[:2] not in NO_CLASS]
# Each architecture once, and each pair of a head and a tokenizer.
DIAGONAL = [
    (name, [*HEADS][row % len(HEADS)], [*TOKENIZERS][row % len(TOKENIZERS)])
    for row, name in enumerate(ARCHITECTURES)
]


def render() -> str:
    """Return the table: one row for all architectures that have the same heads."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for name in ARCHITECTURES:
        taken = tuple("yes" if (name, head) not in NO_CLASS else "no" for head in HEADS)
        rows.setdefault(taken, []).append(name)
    rows[("refused",) * len(HEADS)] = [*REFUSED]
    lines = [[", ".join(names), *taken] for taken, names in rows.items()]
    return markdown_table(["architecture", *HEADS], lines) + "\n"


def main() -> None:
    PAGE.write_text(replace_part(PAGE, PART, render()))


if __name__ == "__main__":
    main()
