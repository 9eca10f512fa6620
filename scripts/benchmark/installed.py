"""What has to be installed: for our Lambda, and for the baseline."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from scripts.benchmark.plan import REPOSITORY, Subject

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==")
BASELINE = ("torch", "transformers", "fastapi", "uvicorn")


@dataclass(frozen=True)
class Installed:
    """Bytes: packages, our code, all models; and the baseline's packages and checkpoint."""

    packages: int
    function: int
    models: int
    largest: dict[str, int]
    baseline_packages: int
    checkpoint: int

    @property
    def ours(self) -> int:
        return self.packages + self.function + self.models

    @property
    def theirs(self) -> int:
        return self.baseline_packages + self.checkpoint


def measure(subject: Subject) -> Installed:
    """Sum the files that lie here."""
    requirements = (REPOSITORY / "function" / "requirements.txt").read_text(encoding="utf-8")
    sizes = {name: size_of([name]) for name in pinned(requirements.splitlines())}
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:5]
    return Installed(
        packages=sum(sizes.values()),
        function=folder_bytes(REPOSITORY / "function"),
        models=folder_bytes(subject.model.parent),
        largest={name: sizes[name] for name in largest},
        baseline_packages=size_of(needed(BASELINE)),
        checkpoint=folder_bytes(subject.checkpoint),
    )


def pinned(lines: Iterable[str]) -> list[str]:
    """The names of a lock file that are installed here; markers may rule some out."""
    names = [match["name"] for line in lines if (match := PIN.match(line))]
    return [name for name in names if _installed(name)]


def needed(names: Iterable[str]) -> set[str]:
    """Packages and all that they ask for on this machine, and these again; extras left out."""
    found: set[str] = set()
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        package = _installed(name)
        if name not in found and package:
            found.add(name)
            waiting += _asks_for(package)
    return found


def size_of(names: Collection[str]) -> int:
    """Bytes of packages' files, bytecode among them: it is what a container carries too."""
    return sum(
        Path(str(file.locate())).stat().st_size
        for name in names
        for file in distribution(name).files or []
        if Path(str(file.locate())).is_file()
    )


def folder_bytes(folder: Path) -> int:
    """Bytes of a folder's files, less what Python wrote there itself."""
    return sum(
        file.stat().st_size
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    )


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _asks_for(package: Distribution) -> Iterator[NormalizedName]:
    for line in package.requires or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)
