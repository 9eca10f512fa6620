"""Which source each of several models has, as one word of a variable or an argument says it."""

import re
from collections.abc import Collection

from scripts.common.errors import UsageError

REGISTRY = "registry"
OF_A_MODEL = re.compile(r"(?P<model>[^=:]+)=(?P<source>.+)")


def sources_by_model(given: str, served: Collection[str], pins: Collection[str]) -> dict[str, str]:
    """Model to source, of those that are served and not pinned, out of `MODEL=SOURCE,...`.

    Where none is named it is `registry`. A SOURCE without a model is that of the one that is not
    named. Raises UsageError where a source is nobody's, or a model has two.
    """
    named: dict[str, str] = {}
    unnamed: list[str] = []
    for part in filter(None, given.split(",")):
        found = OF_A_MODEL.fullmatch(part)
        if found is None:
            unnamed.append(part)
        elif found["model"] in named:
            raise UsageError(f"'{given}' names {found['model']} twice")
        else:
            named[found["model"]] = found["source"]
    if unknown := named.keys() - set(served):
        raise UsageError(
            f"'{given}' names {', '.join(sorted(unknown))}; served are {', '.join(served)}"
        )
    models = [model for model in served if model not in pins]
    rest = [model for model in models if model not in named]
    if unnamed not in ([], [REGISTRY]) and (len(unnamed) > 1 or len(rest) != 1):
        raise UsageError(
            f"'{given}': whose is {unnamed[-1]}? Say MODEL={unnamed[-1]}, with one of "
            f"{', '.join(rest or models)}"
        )
    alone = unnamed[0] if unnamed else REGISTRY
    return {model: named.get(model, alone) for model in models}
