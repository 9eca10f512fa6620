"""Which source each of several models has, as one word of a variable or an argument says it."""

import re
from collections.abc import Collection

from scripts.lifecycle.errors import UsageError

REGISTRY = "registry"
OF_A_MODEL = re.compile(r"(?P<model>[^=:]+)=(?P<source>.+)")


def sources_by_model(
    given: str, served: Collection[str], wanted: Collection[str]
) -> dict[str, str]:
    """Model to source, of the wanted ones, out of `MODEL=SOURCE,...`.

    Where none is named it is `registry`. A SOURCE without a model is that of the one that is not
    named. served: all that may be named. Raises UsageError where a source is nobody's, or would
    be that of several.
    """
    named, alone = {}, REGISTRY
    for part in filter(None, given.split(",")):
        if found := OF_A_MODEL.fullmatch(part):
            named[found["model"]] = found["source"]
        else:
            alone = part
    if unknown := named.keys() - set(served):
        raise UsageError(
            f"'{given}' names {', '.join(sorted(unknown))}; served are {', '.join(served)}"
        )
    rest = [model for model in wanted if model not in named]
    if alone != REGISTRY and len(rest) > 1:
        raise UsageError(
            f"{alone} is the source of one model; say of which: MODEL={alone}, "
            f"with one of {', '.join(rest)}"
        )
    return {model: named.get(model, alone) for model in wanted}
