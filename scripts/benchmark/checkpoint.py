"""The full-precision checkpoint that a plain pipeline opens, rebuilt from the int8 artifact.

What both sides then hold are the same numbers, so that speed is all that differs.
"""

import json
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from function.core.artifact import Artifact
from scripts.common.errors import CommandError

Array = npt.NDArray[Any]
SPECIAL_TOKENS = {
    "pad_token": ("[PAD]", "<pad>"),
    "unk_token": ("[UNK]", "<unk>"),
    "cls_token": ("[CLS]", "<s>"),
    "sep_token": ("[SEP]", "</s>"),
    "mask_token": ("[MASK]", "<mask>"),
}


def rebuild(artifact: Artifact, target: Path) -> None:
    """Write weights, configuration and tokenizer where `transformers` looks for them."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with safe_open(artifact.file("weights"), "numpy") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        transposed = json.loads((file.metadata() or {}).get("transposed", "[]"))
    save_file(
        dequantise(stored, transposed), target / "model.safetensors", metadata={"format": "pt"}
    )
    config = json.loads(artifact.file("config").read_text(encoding="utf-8"))
    config.pop("architectures", None)  # it names what was trained from; the task says the class
    _write(target / "config.json", config)
    tokenizer = artifact.file("tokenizer")
    shutil.copyfile(tokenizer, target / "tokenizer.json")
    known = {token["content"] for token in json.loads(tokenizer.read_bytes())["added_tokens"]}
    _write(
        target / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": artifact.manifest.tokenization.max_tokens,
            **_special_tokens(known),
        },
    )


def dequantise(stored: Mapping[str, Array], transposed: Collection[str]) -> dict[str, Array]:
    """Parameters in float32, as torch keeps them: (out, in).

    stored: int8 with `_scale` and perhaps `_zero_point` beside it; others as they are.
    transposed: the names of those that stand as (in, out), with one scale a column.
    """
    parameters = {}
    for name, values in stored.items():
        if name.removesuffix("_scale").removesuffix("_zero_point") != name:
            continue
        if values.dtype == np.int8:
            if f"{name}_scale" not in stored:
                raise CommandError(f"{name}: int8 without a scale")
            zero = stored.get(f"{name}_zero_point", np.int8(0))
            values = (values.astype(np.float32) - zero) * stored[f"{name}_scale"]
        if name in transposed:
            values = values.T
        parameters[name] = np.ascontiguousarray(values, dtype=np.float32)
    return parameters


def _special_tokens(known: Collection[str]) -> dict[str, str]:
    return {role: name for role, names in SPECIAL_TOKENS.items() for name in names if name in known}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
