"""Where in a download the model lies: trackers put folders of their own around it."""

from pathlib import Path

from function.core.artifact import MANIFEST
from scripts.common.errors import SourceError
from scripts.lifecycle.checkpoint import CONFIG


def find_model(folder: Path, source: str) -> Path:
    """The one folder, this or below, of an artifact or else of a checkpoint.

    Raises SourceError where there is none, or more than one.
    """
    found = _folders_of(folder, MANIFEST) or [
        path for path in _folders_of(folder, CONFIG) if any(path.glob("*.safetensors"))
    ]
    # Without weights it cannot be imported, and what refuses it says why.
    found = found or _folders_of(folder, CONFIG)
    if not found:
        raise SourceError(f"{source}: holds neither a {MANIFEST} nor a {CONFIG}")
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found)
        raise SourceError(f"{source}: holds several models ({names}); keep one in each version")
    return found[0]


def _folders_of(folder: Path, name: str) -> list[Path]:
    return sorted(path.parent for path in folder.rglob(name))
