"""Peak resident memory of processes."""

import resource
import sys
from pathlib import Path


def peak_bytes(pid: int | None = None) -> int:
    """The most memory that a process (None: this one) ever held.

    Linux tells it of any process; elsewhere only this one knows its own, and 0 stands for others.
    """
    status = Path(f"/proc/{'self' if pid is None else pid}/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if pid is not None:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
