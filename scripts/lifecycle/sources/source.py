"""What every source of models can do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Revision:
    """One immutable state of a source.

    source: the source as it was named, without its revision. revision: what pins it: a commit, a
    digest, a version.
    """

    source: str
    revision: str

    def __str__(self) -> str:
        return f"{self.source}@{self.revision}"


class Source(Protocol):
    """A place that a model is pulled from."""

    def newest(self) -> Revision | None:
        """The newest revision, None where there is none. Downloads no weights.

        Raises SourceError where the source cannot be read.
        """
        ...

    def fetch(self, revision: Revision, folder: Path) -> Path:
        """Download a revision into an empty folder; returns the folder of the artifact (it has a
        manifest) or of the transformers checkpoint (it has a `config.json`), `folder` or below.

        Raises SourceError.
        """
        ...
