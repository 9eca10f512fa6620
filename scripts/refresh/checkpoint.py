"""Requirements of a transformers checkpoint that is imported, checked on its small files alone.

Only these files of a checkpoint are ever read: its settings in JSON, a vocabulary where there is no
tokenizer.json, and its weights in safetensors. A source that downloads asks here before it
downloads the weights.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from function.core.heads import (
    ArgmaxDecoding,
    Decoding,
    ScoreDecoding,
    SigmoidDecoding,
    SoftmaxDecoding,
)
from function.core.tagging import label_of
from function.core.types import OUTSIDE
from scripts.common.errors import SourceError
from scripts.refresh import sentence_transformers
from scripts.refresh.sentence_transformers import read_json

CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
WEIGHTS = "model.safetensors"
SHARDS = "model.safetensors.index.json"
SPECIAL_TOKENS = "special_tokens_map.json"
SETTINGS = (
    *(CONFIG, TOKENIZER, TOKENIZER_CONFIG, SPECIAL_TOKENS, SHARDS),
    *sentence_transformers.FILES,
)
# Forms of a tokenizer that transformers makes a tokenizer.json of, where there is none.
SENTENCE_PIECES = ("sentencepiece.bpe.model", "spiece.model", "spm.model", "tokenizer.model")
VOCABULARIES = ("vocab.txt", "vocab.json", *SENTENCE_PIECES)
TEXTS, TOKENS = "ForSequenceClassification", "ForTokenClassification"
ENCODER = "Model"  # ends the name of an architecture without a head
# Members of a config.json that sentence-transformers writes for a cross-encoder alone.
CROSS_ENCODER = {"sbert_ce_default_activation_function", "sentence_transformers"}
EVEN = 0.5  # probability above which a text has a label, where nobody says otherwise
UNLIMITED = 1e9  # tokens: transformers writes 1e30 where a tokenizer has no limit, others Infinity
PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model.pt")


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that can be imported."""

    architecture: str
    labels: list[str]  # in the order of their codes, or of the tags that name them
    decoding: Decoding  # of its head
    padding: str | int | None  # its padding token or that one's id, None where it names none
    longest: int | None  # tokens that its tokenizer takes, None where it does not say
    files: list[str]  # settings and weights, all that is imported
    pairs: bool = False  # it reads two texts together

    @property
    def outputs(self) -> int:
        """The number of logits of a text, or of a token."""
        return len(getattr(self.decoding, "tags", self.labels))


def file_names(folder: Path) -> set[str]:
    """Return the files of a folder and of those in it, by their paths."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def settings_files(names: Collection[str]) -> list[str]:
    """Return the small files that `read_checkpoint` and tokenizers need, of those there are."""
    more = () if TOKENIZER in names else (*VOCABULARIES, "merges.txt", "added_tokens.json")
    return [name for name in (*SETTINGS, *more) if name in names]


def read_checkpoint(folder: Path, names: Collection[str], source: str) -> Checkpoint:
    """Read its settings, as `_read` does. Raises SourceError for what cannot be imported."""
    try:
        return _read(folder, names, source)
    except (AttributeError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise SourceError(f"{source}: its settings are not of the usual form: {error!r}") from error


def _read(folder: Path, names: Collection[str], source: str) -> Checkpoint:
    """Read a checkpoint's settings, which lie in `folder`; raise SourceError for others.

    `names` are all files that the checkpoint has, downloaded or not.
    """
    if CONFIG not in names:
        raise SourceError(f"{source}: no {CONFIG}: neither an artifact nor a checkpoint")
    config = read_json(folder / CONFIG, source)
    reading = read_json(folder / TOKENIZER_CONFIG, source) if TOKENIZER_CONFIG in names else {}
    for name, settings in ((CONFIG, config), (TOKENIZER_CONFIG, reading)):
        if settings.get("auto_map") is not None:
            raise SourceError(
                f"{source}: its {name} asks for code of its own (auto_map), never run"
            )
    architecture = _architecture(config, names, source)
    labels = _labels(config, source)
    limits = [reading.get("model_max_length")]
    decoding: Decoding
    if not architecture.endswith((TEXTS, TOKENS)):
        labels = []
        decoding, own = sentence_transformers.read(folder, names, config, source)
        limits.append(own)
    elif architecture.endswith(TOKENS):
        decoding = ArgmaxDecoding(tags=labels)
        labels = list(dict.fromkeys(label_of(tag) for tag in labels if tag != OUTSIDE))
    else:
        decoding = _text_decoding(config, labels, source)
    files = settings_files(names)
    if labels:
        files = [name for name in files if name not in sentence_transformers.FILES]
    weights = _weights(folder, names, source)
    if not {TOKENIZER, *VOCABULARIES} & set(names):
        raise SourceError(
            f"{source}: no {TOKENIZER}: make one with "
            f"AutoTokenizer.from_pretrained(...).save_pretrained(...)"
        )
    known = [int(each) for each in limits if isinstance(each, int | float) and 0 < each < UNLIMITED]
    return Checkpoint(
        architecture,
        labels,
        decoding,
        _padding(folder, names, config, source),
        min(known, default=None),
        [*files, *weights],
        _reads_pairs(config, labels),
    )


def _reads_pairs(config: Mapping[str, Any], labels: Sequence[str]) -> bool:
    """Return whether labels of inference, or sentence-transformers' cross-encoder, say so."""
    return not CROSS_ENCODER.isdisjoint(config) or any("entail" in each.lower() for each in labels)


def _padding(
    folder: Path, names: Collection[str], config: dict[str, Any], source: str
) -> str | int | None:
    """Return the padding token as transformers finds it: a vocabulary may have another like it."""
    for name in (TOKENIZER_CONFIG, SPECIAL_TOKENS):
        token = read_json(folder / name, source).get("pad_token") if name in names else None
        content = token.get("content") if isinstance(token, dict) else token
        if isinstance(content, str):
            return content
    number = config.get("pad_token_id")
    return number if isinstance(number, int) else None


def _architecture(config: dict[str, Any], names: Collection[str], source: str) -> str:
    architectures = config.get("architectures") or ["no architecture"]
    for architecture in architectures:
        if str(architecture).endswith((TEXTS, TOKENS, ENCODER)):
            return str(architecture)
    if sentence_transformers.MODULES in names:  # it loads the encoder of any architecture
        return str(architectures[0])
    raise SourceError(
        f"{source}: {architectures[0]} in its {CONFIG}; it must be a …{TEXTS} or "
        f"…{TOKENS}, or to embed texts a …{ENCODER} or a model of sentence-transformers. Models of "
        "other kinds come in as artifacts, which scripts.train makes"
    )


def _labels(config: dict[str, Any], source: str) -> list[str]:
    # transformers leaves its default out of the file: two nameless labels.
    try:
        names = config.get("id2label") or {
            code: f"LABEL_{code}" for code in range(int(config.get("num_labels") or 2))
        }
        labels = {int(code): str(name) for code, name in names.items()}
    except AttributeError as error:
        raise SourceError(f"{source}: id2label in its {CONFIG} is not a JSON object") from error
    except (TypeError, ValueError) as error:
        raise SourceError(f"{source}: id2label in its {CONFIG}: {error}") from error
    if sorted(labels) != list(range(len(labels))) or len(set(labels.values())) < len(labels):
        raise SourceError(
            f"{source}: id2label in its {CONFIG} must number labels from 0, each once"
        )
    return [labels[code] for code in sorted(labels)]


def _text_decoding(config: dict[str, Any], labels: list[str], source: str) -> Decoding:
    """Return the head that transformers' pipeline takes from the same members."""
    problem = config.get("problem_type")
    if problem == "multi_label_classification":
        return SigmoidDecoding(thresholds=[EVEN] * len(labels))
    if problem == "regression" and len(labels) > 1:
        raise SourceError(f"{source}: gives {len(labels)} numbers (regression), not a single one")
    if len(labels) == 1:
        return ScoreDecoding(activation="none" if problem == "regression" else "sigmoid")
    return SoftmaxDecoding()


def _weights(folder: Path, names: Collection[str], source: str) -> list[str]:
    if WEIGHTS in names:
        return [WEIGHTS]
    if SHARDS in names:
        shards = sorted({str(name) for name in _shards(folder / SHARDS, source).values()})
        for name in shards:
            if name not in names or len(PurePosixPath(name).parts) > 1:
                raise SourceError(f"{source}: {SHARDS} names {name}, which is not there")
            if not name.endswith(".safetensors"):
                raise SourceError(f"{source}: {SHARDS} names {name}, which is no safetensors file")
        return shards
    for name in PICKLED:
        if name in names:
            raise SourceError(
                f"{source}: its weights are a pickle ({name}), never loaded: "
                f"save them with save_pretrained of a current transformers, as {WEIGHTS}"
            )
    raise SourceError(f"{source}: no {WEIGHTS}")


def _shards(path: Path, source: str) -> dict[str, Any]:
    shards = read_json(path, source).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise SourceError(f"{source}: {path.name} has no weight_map")
    return shards
