"""The machine and versions of a run: enough to judge it, nothing that names the machine."""

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from scripts.benchmark.plan import REPOSITORY
from scripts.common.git import git
from scripts.common.processes import usable_cores

PACKAGES = ("onnxruntime", "tokenizers", "numpy", "fastapi", "uvicorn", "torch", "transformers")


@dataclass(frozen=True)
class Machine:
    """A machine; `busy` is its load average as the run begins, over a minute."""

    cpu: str
    cores: int
    memory_gb: float
    system: str
    busy: float
    date: str
    commit: str
    versions: dict[str, str]


def describe_machine() -> Machine:
    """Return this machine, now."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        cpu=_cpu_name(),
        cores=usable_cores(),
        memory_gb=round(memory / 1e9, 1),
        system=f"{platform.system()} {platform.machine()}",
        busy=round(os.getloadavg()[0], 1),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        commit=_commit(),
        versions={"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
    )


def _cpu_name() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.exists() else []
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    names = {key.strip(): value.strip() for key, value in fields.items()}
    name = names.get("model name") or platform.processor() or platform.machine()
    # It decides how fast 8-bit products are.
    return f"{name}, with VNNI" if "vnni" in names.get("flags", "") else name


def _commit() -> str:
    here = ("-C", str(REPOSITORY))
    commit = git(*here, "rev-parse", "--short", "HEAD")
    changed = git(*here, "status", "--porcelain", "-uno")
    return f"{commit} and changes not committed" if commit and changed else commit or "unknown"
