"""A checkpoint's `config.json`: the model's architecture, without instructions to run it."""

import json
from pathlib import Path
from typing import Any

from function.core.errors import ArtifactError

# Precision, kernels, outputs and remote code are for the code that builds the model to decide.
IGNORED = {
    *("architectures", "auto_map", "quantization_config"),
    *("attn_implementation", "dtype", "experts_implementation", "torch_dtype"),
    *("output_attentions", "output_hidden_states", "return_dict", "use_return_dict"),
}
TYPE = "model_type"


def read_config(file: Path) -> tuple[str, dict[str, Any]]:
    """Return the model's type in transformers, and its settings.

    Raises:
        ArtifactError: The file is not a configuration.
    """
    where = f"{file.parent.name}/{file.name}"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{where}: cannot be read as JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get(TYPE), str):
        raise ArtifactError(f"{where}: not a configuration of transformers: no '{TYPE}'")
    settings = {
        name: value
        for name, value in content.items()
        if name not in IGNORED and name != TYPE and not name.startswith("_")
    }
    return content[TYPE], settings
