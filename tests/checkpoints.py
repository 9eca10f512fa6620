"""Tiny checkpoints of five families, and torch's answers, with which imported ones are compared.

Each is random weights that learnt for a second which words belong to which label, so that it is
sure of its answers.
"""

from datetime import UTC, datetime

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import BpeTrainer, UnigramTrainer, WordPieceTrainer
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    XLMRobertaConfig,
)

from function.core.types import Options
from function.core.windows import window_spans
from scripts.evaluate.evaluation import open_predictor
from scripts.refresh.judge import import_model
from scripts.refresh.sources.source import Revision

LABELS = ["awful", "bad", "fair", "good", "great"]
REVISION = Revision("dir:somewhere", "1234")
CREATED = datetime(2026, 3, 4, tzinfo=UTC)
# Words of each label, in its order, and words of none.
WORDS = [
    ["horrid", "unbearable", "disaster"],
    ["dull", "boring", "slow"],
    ["watchable", "average", "middling"],
    ["funny", "charming", "lively"],
    ["masterpiece", "brilliant", "stunning"],
]
OTHERS = "the film was long and its actors told a story with music that went to an end".split()  # noqa: SIM905
POSITIONS = 40
SHAPE = {
    "vocab_size": 1100,  # large enough for the table to be rounded, as real ones are
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": POSITIONS,
}


def sentences(count, longest, seed):
    """Texts of one label's words and neutral ones, in the order of the labels."""
    generator = np.random.default_rng(seed)
    return [
        " ".join(
            generator.choice(WORDS[row % 5] if generator.random() < 0.5 else OTHERS)
            for _ in range(int(generator.integers(2, longest)))
        )
        for row in range(count)
    ]


TEXTS = sentences(100, 12, seed=1)
BERT_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA_TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
DEBERTA_TOKENS = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]


def word_pieces(texts=TEXTS):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(
        texts, WordPieceTrainer(vocab_size=200, special_tokens=BERT_TOKENS)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def byte_pairs(texts=TEXTS):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = BpeTrainer(vocab_size=500, special_tokens=ROBERTA_TOKENS, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


def unigrams(special, start, end, unknown, texts=TEXTS):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = UnigramTrainer(vocab_size=200, special_tokens=special, unk_token=unknown)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        special_tokens=[(start, special.index(start)), (end, special.index(end))],
    )
    return tokenizer


def distilbert(**settings):
    return DistilBertConfig(
        dim=settings["hidden_size"],
        hidden_dim=settings["intermediate_size"],
        n_layers=settings["num_hidden_layers"],
        n_heads=settings["num_attention_heads"],
        vocab_size=settings["vocab_size"],
        max_position_embeddings=POSITIONS,
        id2label=settings["id2label"],
        pad_token_id=0,
    )


def deberta(**settings):
    """Return a configuration as DeBERTa v3's: both halves of its attention share projections."""
    return DebertaV2Config(
        **settings,
        relative_attention=True,
        position_buckets=8,
        pos_att_type=["c2p", "p2c"],
        share_att_key=True,
        norm_rel_ebd="layer_norm",
        position_biased_input=False,
        type_vocab_size=0,
    )


# Family: configuration, tokenizer, padding id, tokens that its positions allow.
FAMILIES = {
    "bert": (BertConfig, word_pieces, 0, POSITIONS),
    "distilbert": (distilbert, word_pieces, 0, POSITIONS),
    "roberta": (
        lambda **s: RobertaConfig(**s, pad_token_id=1, bos_token_id=0, eos_token_id=2),
        byte_pairs,
        1,
        POSITIONS - 2,
    ),
    "xlm-roberta": (
        lambda **s: XLMRobertaConfig(**s, pad_token_id=1, bos_token_id=0, eos_token_id=2),
        lambda: unigrams(ROBERTA_TOKENS, "<s>", "</s>", "<unk>"),
        1,
        POSITIONS - 2,
    ),
    "deberta-v2": (
        deberta,
        lambda: unigrams(DEBERTA_TOKENS, "[CLS]", "[SEP]", "[UNK]"),
        0,
        POSITIONS,
    ),
}


def write_checkpoint(folder, family):
    """A checkpoint as `save_pretrained` writes it."""
    make_config, make_tokenizer, pad_id, _ = FAMILIES[family]
    tokenizer = make_tokenizer()
    torch.manual_seed(0)
    config = make_config(**SHAPE, id2label=dict(enumerate(LABELS)))
    model = AutoModelForSequenceClassification.from_config(config)
    tokenizer.enable_padding(pad_id=pad_id)
    encodings = tokenizer.encode_batch(TEXTS)
    tokenizer.no_padding()
    width = POSITIONS - 2
    inputs = {
        "input_ids": torch.tensor([encoding.ids[:width] for encoding in encodings]),
        "attention_mask": torch.tensor([encoding.attention_mask[:width] for encoding in encodings]),
    }
    assert learn(model, inputs, torch.arange(len(TEXTS)) % len(LABELS), enough=0.05, steps=1000)
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    return folder


def learn(model, inputs, truth, enough=0.01, steps=400):
    """Fit targets until the loss is as low as is enough, and return whether it came so far."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    model.eval()  # dropout would only make it slower to learn
    for _ in range(steps):
        loss = model(**inputs, labels=truth).loss
        if loss < enough:
            return True
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return False


def spread(model, inputs):
    """Enlarge random weights so that answers differ, and spread the logits of inputs around 0."""
    linear = [each for each in model.modules() if isinstance(each, torch.nn.Linear)]
    last = [each for each in linear if each.out_features == model.config.num_labels][-1]
    with torch.inference_mode():
        for name, weights in model.named_parameters():
            if weights.ndim > 1 and "position" not in name:
                weights.mul_(7)
        rows = torch.cat([model(**each).logits.reshape(-1, last.out_features) for each in inputs])
        scale = 2 / rows.std(0)
        last.bias.sub_(rows.mean(0)).mul_(scale)
        last.weight.mul_(scale[:, None])


def by_label(scores):
    """Return what a pipeline of transformers answers as {label: score}."""
    return {entry["label"]: entry["score"] for entry in scores}


def imported(folder, output, texts=TEXTS):
    return import_model(folder, "stars", texts, output, REVISION, created=CREATED)


def torch_logits(checkpoint, texts, max_tokens, stride):
    """Each text alone and unpadded; of a long one the mean over its windows."""
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
    rows = []
    for text in texts:
        first, *content, last = tokenizer.encode(text).ids
        spans = window_spans(len(content), max_tokens - 2, stride, "window", 16)
        windows = [[first, *content[start:stop], last] for ((start, stop),) in spans]
        with torch.inference_mode():
            logits = [model(input_ids=torch.tensor([window])).logits[0] for window in windows]
        rows.append(torch.stack(logits).mean(0))
    return torch.stack(rows)


def answers(predictor, texts):
    """(texts, labels) probabilities in the order of the labels."""
    predictions, _ = predictor.predict(texts, Options())
    return np.array(
        [[{s.label: s.score for s in p.scores}[n] for n in LABELS] for p in predictions]
    )


def compare_with_torch(checkpoint, artifact, texts):
    """Return what is served and what torch says, each (texts, labels)."""
    settings = artifact.manifest.tokenization
    exact = torch_logits(checkpoint, texts, settings.max_tokens, settings.stride).softmax(1)
    return answers(open_predictor(artifact.path), texts), exact.numpy()
