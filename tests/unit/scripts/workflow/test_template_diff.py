"""The diff of a pull request's templates, by the CDK's own words."""

import json
import stat
import sys
from pathlib import Path

import pytest

from scripts.common.command_line import run
from scripts.deploy import cdk
from scripts.workflow import template_diff
from scripts.workflow.template_diff import NONE, differences

CDK = """#!{python}
import json, pathlib, sys
command, *rest = sys.argv[1:]
if command == "synth":
    if pathlib.Path("broken").exists():
        sys.exit(1)
    out = pathlib.Path("cdk.out")
    out.mkdir(exist_ok=True)
    for name in ("manifest.json", "a.json"):
        (out / name).write_text(pathlib.Path(name).read_text())
else:
    (before,) = [each[11:] for each in rest if each.startswith("--template=")]
    print("Stack", rest[0])
    print("before", pathlib.Path(before).read_text())
    print("x  Number of stacks with differences: 1")
"""


@pytest.fixture
def checkouts(tmp_path, monkeypatch):
    """The base's checkout and this one, each with a stack `a`, and a program for the CDK's."""
    program = tmp_path / "cdk"
    program.write_text(CDK.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for module in (cdk, template_diff):
        monkeypatch.setattr(module, "EXECUTABLE", program)
    properties = {"templateFile": "a.json", "stackName": "a"}
    manifest = {"artifacts": {"a": {"type": "aws:cloudformation:stack", "properties": properties}}}
    base = tmp_path / "base"
    base.mkdir()
    (base / "manifest.json").write_text(json.dumps(manifest))
    (base / "a.json").write_text(json.dumps({"Is": 1}))
    ours = {"a": {"Is": 2}}

    def synthesised(stage, app=None):
        return cdk.synthesise(stage, app=app) if app else ours

    monkeypatch.setattr(template_diff, "synthesise", synthesised)
    output = tmp_path / "out" / "diff.txt"
    arguments = ["--base", str(base), "--output", str(output)]
    monkeypatch.setattr(sys, "argv", ["template_diff", *arguments])

    def command() -> str:
        run(template_diff.main)
        text: str = output.read_text()
        return text

    return base, ours, command


def test_a_stack_that_differs_is_shown_as_the_cdk_shows_it(checkouts):
    _, _, command = checkouts
    text = command()
    assert text.splitlines()[:2] == ["Stack a", 'before {"Is": 1}']
    assert "Number of stacks" not in text


def test_where_none_differs_that_is_all(checkouts):
    _, ours, command = checkouts
    ours["a"] = {"Is": 1}
    assert command() == NONE


def test_stacks_that_come_and_go_are_named(checkouts):
    found = list(differences({"old": {"Is": 1}}, {"new": {"Is": 2}}))
    assert found[0].startswith("Stack new\nbefore {}\n")
    assert found[1].startswith("Stack old: removed")


def test_a_base_that_cannot_be_synthesised_fails_nothing(checkouts):
    base, _, command = checkouts
    (Path(base) / "broken").touch()
    text = command()
    assert text.startswith("There is no diff: ")
    assert "cannot be synthesised" in text
