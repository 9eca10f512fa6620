"""Messages of `make synth` for a wrong configuration."""

import sys
from importlib import import_module

import pytest

from scripts import synth
from scripts.common.command_line import run
from tests.commands import REPOSITORY

STAGES = (REPOSITORY / "infra/stages.py").read_text()
DEV_API = "api=ApiConfiguration(rate=10, burst=20),"


@pytest.fixture
def stages(tmp_path, monkeypatch):
    """Put another file in the place of infra/stages.py."""

    def changed(old, new):
        assert old in STAGES
        (tmp_path / "stages.py").write_text(STAGES.replace(old, new))
        package = import_module("infra")
        monkeypatch.setattr(package, "__path__", [str(tmp_path), *package.__path__])
        monkeypatch.delitem(sys.modules, "infra.stages", raising=False)
        monkeypatch.delattr(package, "stages", raising=False)

    yield changed
    sys.modules.pop("infra.stages", None)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (DEV_API, 'api=ApiConfiguration(auth="jwt"),', "api.jwt_issuer: auth 'jwt' needs the"),
        (
            'rollout="AllAtOnce"',
            "memory_megabytes=64",
            "function.memory_megabytes: 64 is not between 128 and 10,240 MB",
        ),
        (DEV_API, "network=NetworkConfiguration(),", "name 'NetworkConfiguration' is not defined"),
        ('rollout="AllAtOnce"', "memory=1769", "function.memory: no such key"),
    ],
)
@pytest.mark.parametrize("arguments", [[], ["--stage", "dev"]])
def test_wrong_configuration_is_one_line(stages, monkeypatch, capfd, arguments, old, new, says):
    stages(old, new)
    monkeypatch.setattr(sys, "argv", ["synth", *arguments])
    with pytest.raises(SystemExit) as ended:
        run(synth.main)
    said = capfd.readouterr()
    assert ended.value.code == 2
    assert said.err.startswith(f"error: infra/stages.py: {says}")
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_an_unknown_stage_is_one_line(monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["synth", "--stage", "staging"])
    with pytest.raises(SystemExit) as ended:
        run(synth.main)
    assert ended.value.code == 2
    said = capfd.readouterr().err
    assert said == "error: which stage? say STAGE=NAME, one of dev, prod, full; not 'staging'\n"
