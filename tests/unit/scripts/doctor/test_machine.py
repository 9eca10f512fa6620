"""The doctor's checks of this machine, by what its tools say."""

import json
from dataclasses import replace

import pytest

from infra.configuration.function import FunctionConfiguration
from infra.stages import DEV
from scripts.doctor import machine
from tests.commands import REPOSITORY

SAID = {
    "docker version": "28.2.2",
    "docker buildx": "github.com/docker/buildx v0.30.1",
    "node": "v22.11.0",
    "cdk": f"{machine.wanted_cdk()} (build fcf5e34)",
}


@pytest.fixture
def said(monkeypatch):
    """What each tool says; a test may change it."""
    answers = dict(SAID)

    def answer(command):
        name = command[0].rpartition("/")[2]
        return answers.get(f"{name} {command[1]}", answers.get(name, ""))

    monkeypatch.setattr(machine, "_output", answer)
    return answers


def states():
    return {each.summary.partition(":")[0]: each.state for each in machine.tools()}


def test_a_machine_that_has_everything_is_ok(said):
    assert states() == {"docker": "ok", "docker buildx": "ok", "node": "ok", "cdk": "ok"}


@pytest.mark.parametrize(
    ("tool", "says", "name"),
    [
        ("docker version", "", "docker"),
        ("docker buildx", "", "docker buildx"),
        ("node", "", "node"),
        ("node", "v20.20.2", "node"),
        ("cdk", "", "cdk"),
        ("cdk", "2.1000.0 (build x)", "cdk"),
    ],
)
def test_a_tool_that_is_not_there_or_too_old_is_found(said, tool, says, name):
    said[tool] = says
    found = states()
    assert found.pop(name) == "bad"
    assert set(found.values()) == {"ok"}


@pytest.mark.parametrize(
    ("here", "wanted", "builder", "state"),
    [
        ("x86_64", "x86_64", "", "ok"),
        ("aarch64", "arm64", "", "ok"),
        ("x86_64", "arm64", "", "bad"),
        ("x86_64", "arm64", "Platforms: linux/amd64, linux/arm64", "ok"),
    ],
)
def test_images_must_be_buildable_for_the_stage(said, monkeypatch, here, wanted, builder, state):
    said["docker buildx"] = builder
    monkeypatch.setattr("platform.machine", lambda: here)
    stage = replace(DEV, function=FunctionConfiguration(architecture=wanted))
    (found,) = machine.architecture(stage)
    assert found.state == state


def test_the_cdk_that_is_wanted_is_the_one_that_is_locked():
    locked = json.loads((REPOSITORY / "package-lock.json").read_text())["packages"]
    assert machine.wanted_cdk() == locked["node_modules/aws-cdk"]["version"]
