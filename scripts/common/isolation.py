"""Calls of functions that open strangers' models: in a child with limits, without credentials.

A hostile graph, tokenizer or checkpoint may run without an end, fill the memory, or end its
process. Each becomes an error here. The child is no sandbox: code that breaks out of a native
library has the rights of the user who runs it.
"""

import json
import math
import os
import pickle
import re
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from function.core import errors as core_errors
from function.core.errors import EvergreenError
from scripts.common import errors
from scripts.common.errors import SourceError, UsageError, one_line

SECONDS, GIGABYTES = "ISOLATED_SECONDS", "ISOLATED_GIGABYTES"
MOST_SECONDS = 3600.0
SHARE = 7 / 8  # of the machine's memory that a child may have
# All that a child inherits: where programs and libraries are, and how they run.
KEPT = re.compile(
    r"PATH|LD_LIBRARY_PATH|VIRTUAL_ENV|LANG|LC_\w+|TZ|TMPDIR|(PYTHON|OMP_|MKL_|CUDA_)\w*"
)
ERRORS = {
    kind.__name__: kind
    for kind in (*vars(core_errors).values(), *vars(errors).values())
    if isinstance(kind, type) and issubclass(kind, EvergreenError)
}


def call_isolated(subject: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what an importable function returns, which is read as JSON: it is a stranger's.

    Raises the function's own error, or SourceError, which begins with the subject, where the child
    breaks a limit, dies or panics.
    """
    seconds = _limit(SECONDS, MOST_SECONDS)
    kept = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    kept |= {"PYTHONPATH": os.pathsep.join(sys.path), "HF_HUB_OFFLINE": "1"}
    with TemporaryDirectory() as home:  # the user's own holds tokens, too
        answer = Path(home, "answer.json")
        child = subprocess.Popen(
            [sys.executable, "-m", __name__, subject, str(answer), str(_most_bytes())],
            stdin=subprocess.PIPE,
            stdout=2,  # the parent's stdout is for its result
            env={**kept, "HOME": home},
            start_new_session=True,
        )
        try:
            child.communicate(pickle.dumps((function, arguments)), seconds)
        except subprocess.TimeoutExpired as error:
            raise SourceError(
                f"{subject}: was not done within {seconds:.0f} s; {SECONDS} sets another limit"
            ) from error
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        if not answer.exists():
            raise SourceError(f"{subject}: the process that opened it {_death(child.returncode)}")
        document = json.loads(answer.read_bytes())
    if "error" in document:
        raise ERRORS.get(str(document["error"]), SourceError)(str(document["message"]))
    return document["result"]


def _most_bytes() -> int:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return int(_limit(GIGABYTES, SHARE * memory / 1e9) * 1e9)


def _limit(name: str, default: float) -> float:
    given = os.environ.get(name) or str(default)
    with suppress(ValueError):
        if 0 < (limit := float(given)) < math.inf:
            return limit
    raise UsageError(f"{name}={given}: must be a number above 0")


def _death(code: int) -> str:
    if code == -signal.SIGKILL:
        return f"was killed, most likely for its memory; {GIGABYTES} sets a lower limit"
    return f"died: {signal.strsignal(-code)}" if code < 0 else f"ended with {code}"


def main() -> None:
    """Call the function that stdin names, and write its result or its error to a file."""
    subject, answer, most_bytes = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Not the address space: libraries reserve and map far more of it than they ever fill.
    resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, most_bytes))
    with suppress(OSError):  # where memory runs out all the same, this process is killed first
        Path("/proc/self/oom_score_adj").write_text("1000")
    try:
        function, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301 -- the parent's own
        document = {"result": function(*arguments)}
    except EvergreenError as error:
        document = {"error": type(error).__name__, "message": str(error)}
    except BaseException as error:  # a panic is no Exception
        traceback.print_exc()
        message = f"{subject}: {type(error).__name__}: {one_line(error)}"
        document = {"error": SourceError.__name__, "message": message}
    answer.write_text(json.dumps(document), encoding="utf-8")


if __name__ == "__main__":
    main()
