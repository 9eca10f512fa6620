"""Section 4: peak memory of each process, and bytes of what has to be installed."""

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import psutil
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from scripts.benchmark.cold_start import emulator
from scripts.benchmark.figures import Installed
from scripts.benchmark.plan import REPOSITORY, Plan, Subject
from scripts.benchmark.processes import Running, handler_event, work
from scripts.benchmark.worker import peak_bytes
from scripts.common.errors import CommandError

HANDLER = "our Lambda handler, in a fresh Python process"
EMULATED = "our Lambda handler under Lambda's runtime client"
SERVER = "our server, after all of the load above"
BASELINE = "plain transformers pipeline behind FastAPI, after the same load"

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==")
BASELINE_PACKAGES = ("torch", "transformers", "fastapi", "uvicorn")


def of_handler(subject: Subject, plan: Plan, reviews: Sequence[str]) -> dict[str, int]:
    """Return the peaks of fresh processes that answer reviews and nothing else."""
    events = [handler_event(text) for text in memory_texts(plan, reviews)]
    peaks = {HANDLER: work("memory", {"events": events}, subject.image_environment())}
    try:
        with emulator(subject) as function:
            for event in events:
                function.invoke(event)
            peaks[EMULATED] = max(map(peak_bytes, _runtimes()))
    except CommandError as error:
        print(f"Without the emulator: {error}", file=sys.stderr)
    return peaks


def memory_texts(plan: Plan, reviews: Sequence[str]) -> list[str]:
    """Return the texts that a process answers before its memory is read."""
    return [reviews[index % len(reviews)] for index in range(plan.memory_requests)]


def _runtimes() -> list[int]:
    """Return the processes below this one that run Lambda's runtime client."""
    return [
        child.pid
        for child in psutil.Process().children(recursive=True)
        if child.cmdline()[1:3] == ["-m", "awslambdaric"]
    ]


def of_servers(ours: Running, baseline: Running) -> dict[str, int]:
    """Return the peaks of both servers; nothing where the kernel keeps no record of them."""
    peaks = {SERVER: peak_bytes(ours.pid), BASELINE: peak_bytes(baseline.pid)}
    return {row: peak for row, peak in peaks.items() if peak}


def installed_packages(subject: Subject) -> Installed:
    """Return the bytes of what is installed here, and would be in an image."""
    sizes = {name: size_of([name]) for name in function_packages()}
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:5]
    return Installed(
        packages=sum(sizes.values()),
        function=folder_bytes(REPOSITORY / "function"),
        models=folder_bytes(subject.model.parent),
        largest={name: sizes[name] for name in largest},
        baseline_packages=size_of(needed(BASELINE_PACKAGES)),
        checkpoint=folder_bytes(subject.checkpoint),
    )


def function_packages() -> list[str]:
    """Return the names of the function's packages."""
    requirements = (REPOSITORY / "function" / "requirements.txt").read_text(encoding="utf-8")
    return pinned_versions(requirements.splitlines())


def pinned_versions(lines: Iterable[str]) -> list[str]:
    """Return the names of a lock file that are installed here; markers may exclude some."""
    names = [match["name"] for line in lines if (match := PIN.match(line))]
    return [name for name in names if _distribution(name)]


def needed(names: Iterable[str]) -> set[str]:
    """Return packages and all that they require on this machine, without extras."""
    found: set[str] = set()
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        package = _distribution(name)
        if name not in found and package:
            found.add(name)
            waiting += _requirements(package)
    return found


def size_of(names: Collection[str]) -> int:
    """Return bytes of packages' files and their bytecode, which a container carries too."""
    return sum(
        Path(str(file.locate())).stat().st_size
        for name in names
        for file in distribution(name).files or []
        if Path(str(file.locate())).is_file()
    )


def folder_bytes(folder: Path) -> int:
    """Return bytes of a folder's files, without those that Python wrote there itself."""
    return sum(
        file.stat().st_size
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    )


def _distribution(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _requirements(package: Distribution) -> Iterator[NormalizedName]:
    for line in package.requires or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)
