"""The server's log: one JSON object per line, from any library."""

import json

from tests.commands import run_python

PROGRAM = """
import logging, warnings
from function.server import logs

from tests.commands import run_python

logs.configure("info")
logging.getLogger("a.library").info("said")
warnings.warn("this will go\\nin a later version", FutureWarning)
try:
    raise ValueError("broken")
except ValueError:
    logging.getLogger("another").exception("failed")
"""


def test_lines_warnings_and_tracebacks_are_json() -> None:
    """In a process of its own: logging and warnings are the process's, not a test's."""
    done = run_python("-c", PROGRAM)
    assert done.returncode == 0
    said, warned, failed = map(json.loads, done.stdout.splitlines())
    assert done.stderr == ""
    assert said == {"level": "info", "logger": "a.library", "message": "said"}
    assert (warned["level"], warned["logger"]) == ("warning", "py.warnings")
    assert "FutureWarning: this will go\nin a later version" in warned["message"]
    assert failed["traceback"].endswith("ValueError: broken")
