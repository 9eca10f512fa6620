"""Settings of models that embed texts: those of sentence-transformers, or a plain encoder's.

A model of sentence-transformers is a list of modules. A transformer, then a pooling, then perhaps a
normalisation can be served; all others are refused.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, get_args

from function.core.heads import EmbeddingDecoding, Pooling
from scripts.common.errors import SourceError

MODULES = "modules.json"
POOLING = "1_Pooling/config.json"
TRANSFORMER = "sentence_bert_config.json"
PROMPTS = "config_sentence_transformers.json"
FILES = (MODULES, POOLING, TRANSFORMER, PROMPTS)
SERVED = (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
# Of `modules.json`'s predecessor: a flag for each pooling.
FLAGS: Mapping[str, Pooling] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
WIDTHS = ("hidden_size", "d_model", "dim", "n_embd")  # names of the dimensions, by architecture


def read(
    folder: Path, names: Collection[str], config: Mapping[str, Any], source: str
) -> tuple[EmbeddingDecoding, int | None]:
    """Return an encoder's head, and the tokens that it reads, None where it does not say.

    `config` is that of transformers. Without files of sentence-transformers the head is the mean of
    the tokens. Raises SourceError for what cannot be served.
    """
    dimensions = next((config[name] for name in WIDTHS if name in config), None)
    if not isinstance(dimensions, int):
        raise SourceError(f"{source}: its config.json has no {WIDTHS[0]}")
    if MODULES not in names:
        return EmbeddingDecoding(dimensions=dimensions), None
    modules = read_json(folder / MODULES, source, list)
    kinds = [str(module.get("type", "")).rpartition(".")[2] for module in modules]
    if kinds not in SERVED:
        raise SourceError(
            f"{source}: its {MODULES} has {', '.join(kinds)}; served are "
            f"{' or '.join(', '.join(each) for each in SERVED)}, and no Dense or other modules"
        )
    paths = [module.get("path", "") for module in modules[:2]]
    if paths != ["", POOLING.partition("/")[0]] or POOLING not in names:
        raise SourceError(
            f"{source}: its {MODULES} puts transformer and pooling into '{paths[0]}' and "
            f"'{paths[1]}', not into the folder itself and {POOLING}: save it again with a current "
            "sentence-transformers"
        )
    own = read_json(folder / TRANSFORMER, source) if TRANSFORMER in names else {}
    if own.get("do_lower_case"):
        raise SourceError(
            f"{source}: its {TRANSFORMER} has texts in lower case before its tokenizer reads them "
            "(do_lower_case): set that in the tokenizer instead"
        )
    pooling = read_json(folder / POOLING, source)
    asked = read_json(folder / PROMPTS, source) if PROMPTS in names else {}
    prompts = {str(name): str(text) for name, text in (asked.get("prompts") or {}).items()}
    if any(prompts.values()) and not pooling.get("include_prompt", True):
        raise SourceError(
            f"{source}: its {POOLING} leaves prompts out of the pooling (include_prompt), which is "
            "not done here"
        )
    default = asked.get("default_prompt_name")
    if default not in (None, *prompts):
        raise SourceError(f"{source}: its {PROMPTS} has no prompt '{default}', its default one")
    longest = own.get("max_seq_length")
    decoding = EmbeddingDecoding(
        pooling=_pooling(pooling, source),
        normalize=kinds[-1] == "Normalize",
        dimensions=dimensions,
        prompts=prompts,
        default_prompt=default,
    )
    return decoding, longest if isinstance(longest, int) else None


def _pooling(config: Mapping[str, Any], source: str) -> Pooling:
    named = config.get("pooling_mode")
    found = [pooling for flag, pooling in FLAGS.items() if config.get(flag)]
    if named is not None:
        given = [named] if isinstance(named, str) else list(named)
        found = [pooling for pooling in get_args(Pooling) if pooling in given]
        found *= len(found) == len(given)  # an unknown one beside it is not left out
    if len(found) != 1:
        raise SourceError(
            f"{source}: its {POOLING} asks for {', '.join(found) or 'an unknown pooling'}; served "
            f"is one of {', '.join(get_args(Pooling))}"
        )
    return found[0]


def read_json(path: Path, source: str, kind: type = dict) -> Any:
    """Return the object, or list, of a JSON file. Raises SourceError where it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SourceError(f"{source}: {path.name}: {error}") from error
    if not isinstance(content, kind):
        what = "object" if kind is dict else "list"
        raise SourceError(f"{source}: {path.name} is not a JSON {what}")
    return content
