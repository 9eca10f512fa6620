"""Packages of the function's image are compiled without what nobody reads there."""

import subprocess
import sys

import pytest

from scripts import compile as compiling
from tests.commands import run_python

MODULE = '''"""Of the module, Grüße."""
from __future__ import annotations

from typing import Annotated


def Doc(text):
    return text


def only_documented():
    """Of a function."""


class Kind:
    """Of a class."""

    async def method(self, size: Annotated[int, Doc("Of a parameter.")]):
        """Of a method."""
        return "kept"


def checked(size):
    assert size, "no size"
    return "Of a result."
'''
TEXTS = (b"Of the module", b"Of a function", b"Of a class", b"Of a method", b"Of a parameter")


@pytest.fixture
def package(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "module.py").write_text(MODULE)
    done = run_python("-X", "no_debug_ranges", "scripts/compile.py", tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path


def run(package, program):
    command = [sys.executable, "-S", "-c", f"from inner import module\n{program}"]
    done = subprocess.run(
        command, cwd=package, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_documentation_is_left_out_and_everything_else_stays(package):
    [compiled] = package.rglob("*.pyc")
    assert not [text for text in TEXTS if text in compiled.read_bytes()]
    assert b"Of a result." in compiled.read_bytes()
    assert run(package, "print(module.__doc__, module.only_documented(), module.checked(1))") == (
        "None None Of a result."
    )
    program = "print(module.Kind.method.__annotations__)"
    assert run(package, program) == """{'size': "Annotated[int, Doc('')]"}"""


def test_checks_still_hold_and_tracebacks_name_the_line(package):
    program = """
import traceback
try:
    module.checked(0)
except AssertionError:
    print(traceback.format_exc())
"""
    lines = [number for number, line in enumerate(MODULE.splitlines(), 1) if "assert" in line]
    assert f'{package}/inner/module.py", line {lines[0]}' in run(package, program)


def test_a_start_does_not_look_at_sources(package):
    (package / "inner" / "module.py").write_text("raise SystemExit(1)")
    assert run(package, "print(module.checked(1))") == "Of a result."


def test_what_is_no_python_is_not_compiled_silently(tmp_path):
    (tmp_path / "broken.py").write_text("def")
    with pytest.raises(SyntaxError, match=r"broken\.py"):
        compiling.compile_packages(tmp_path)
