"""Every command where packages are missing: it works, or names the make target to run."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions

import pytest

from function.core.artifact import open_artifact
from scripts.registry.registry import open_registry
from tests.commands import REPOSITORY, run_python
from tests.golden import write_tagged_golden
from tests.tiny_entities import write_entity_artifact

FILES = [path for folder in ("scripts", "tests") for path in (REPOSITORY / folder).rglob("*.py")]
COMMANDS = sorted(
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__main__")
    for path in FILES
    if '__name__ == "__main__":\n    run(main)' in path.read_text()
)
TARGETS = re.findall(r"^([\w-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
# What each environment was installed from.
LOCKS = {
    "python alone": [],
    "make run": ["function/requirements-server.txt"],
    "make data": ["function/requirements-server.txt", "scripts/requirements-data.txt"],
    "make synth": ["function/requirements-server.txt", "infra/requirements.txt"],
}
BARE, SERVER = "python alone", "make run"
# Finds all but the modules of packages that are not installed.
HIDE = """
import sys
finders, hidden = sys.meta_path[:], frozenset({hidden!r}.split())
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name not in hidden:
            found = (finder.find_spec(name, path, target) for finder in finders)
            return next(filter(None, found), None)
sys.meta_path[:] = [Finder()]
"""
NAMED = re.compile(r"error: .* (?:not installed|has no awslambdaric): run 'make ([\w-]+)', .*")


def distribution(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def hidden(environment):
    locks = "\n".join((REPOSITORY / lock).read_text() for lock in LOCKS[environment])
    installed = set(map(distribution, re.findall(r"^([\w.-]+)==", locks, re.MULTILINE)))
    modules = packages_distributions().items()
    return " ".join(
        module for module, names in modules if not installed.intersection(map(distribution, names))
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the code, which a command may write into, with nothing built."""
    copy = tmp_path_factory.mktemp("copy")
    for folder in ("function", "infra", "scripts", "tests", "docs"):
        shutil.copytree(REPOSITORY / folder, copy / folder, ignore=shutil.ignore_patterns("*.pyc"))
    return copy


@pytest.fixture
def call(tree, tmp_path):
    """Call a command in an environment."""

    def called(environment, module, *arguments):
        (tmp_path / "sitecustomize.py").write_text(HIDE.format(hidden=hidden(environment)))
        variables = {"PYTHONPATH": str(tmp_path), "PATH": os.environ["PATH"], "COLUMNS": "1000"}
        return subprocess.run(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=tree,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return called


def required(usage):
    """Return the arguments that a command cannot do without, each with a value."""
    line = usage.split("\n\n")[0].partition("[-h]")[2]
    while "[" in line:
        line = re.sub(r"\[[^\[\]]*\]", "", line)
    line = re.sub(r"\((.*?) \| .*?\)", r"\1", line)
    return ["x" if not word.startswith("--") else word for word in line.split()]


@pytest.mark.parametrize("environment", [BARE, SERVER])
@pytest.mark.parametrize("module", COMMANDS)
def test_a_command_helps_and_works_or_names_a_target(call, module, environment):
    help_ = call(environment, module, "--help")
    assert help_.returncode == 0, help_.stderr
    usage = help_.stdout
    assert usage.startswith(f"usage: python -m {module} [-h]")
    for arguments in {(), tuple(required(usage))}:
        done = call(environment, module, *arguments)
        assert done.returncode in (0, 1, 2), done.stderr
        lines = done.stderr.splitlines()
        assert "Traceback" not in done.stderr
        if not done.returncode:
            continue
        assert re.match(rf"usage: python -m {module} |error: ", lines[0]), done.stderr
        if "not installed" in done.stderr or "make " in done.stderr:
            assert done.returncode == 2
            (line,) = lines
            named = NAMED.fullmatch(line)
            assert named, line
            target = named[1]
            assert target in TARGETS
            if f"make {target}" in LOCKS:
                again = call(f"make {target}", module, *arguments).stderr
                assert not re.match(r"error: \w+ is not installed", again)


def test_the_commands_are_found():
    assert {"scripts.train", "scripts.workflow.plan", "scripts.prune", "tests.soak"} < {*COMMANDS}
    assert len(COMMANDS) > 35


@pytest.mark.parametrize(
    ("environment", "module", "arguments", "reported"),
    [
        (BARE, "scripts.train", "--config x --output x", "run 'make tools'"),
        (SERVER, "scripts.train", "--config x --output x", "run 'make tools'"),
        (SERVER, "scripts.feedback", "--model x --log x --output x", "pyarrow .* run 'make data'"),
        (SERVER, "scripts.score", "--input x --output x.parquet", "pyarrow .* run 'make data'"),
        (SERVER, "scripts.versions", "--registry s3://x", "boto3 .* run 'make synth'"),
        (SERVER, "scripts.deploy", "--stage dev", "boto3 .* run 'make synth'"),
        (SERVER, "scripts.synth", "", "the CDK .* run 'make synth'"),
        (SERVER, "scripts.doctor", "", "boto3 .* run 'make doctor'"),
        (BARE, "scripts.versions", "--registry x", "run 'make run'"),
        (BARE, "scripts.emulate", "--port 0", ".* has no awslambdaric: run 'make lambda'"),
    ],
)
def test_the_target_is_the_one_that_installs_what_is_missing(
    call, environment, module, arguments, reported
):
    done = call(environment, module, *arguments.split())
    assert done.returncode == 2
    assert re.fullmatch(rf"error: .*{reported}, .*\n", done.stderr), done.stderr


def test_wrong_arguments_come_before_missing_packages(call):
    done = call(BARE, "scripts.train", "--config", "x")
    assert done.stderr.splitlines()[-1].endswith("arguments are required: --output")


@pytest.mark.parametrize("missing", ["scripts.gone", "json.gone"])
def test_a_part_of_our_own_or_of_a_package_that_is_missing_stays_a_traceback(call, tree, missing):
    (tree / "scripts/broken.py").write_text(
        "from scripts.common.command_line import command_parser, needing, run\n"
        f"with needing('make run'):\n    import {missing}\n"
        "if __name__ == '__main__':\n    run(command_parser('scripts.broken', '').parse_args)\n"
    )
    done = call(BARE, "scripts.broken")
    assert done.returncode == 1
    assert f"ModuleNotFoundError: No module named '{missing}'" in done.stderr


def test_a_golden_set_is_frozen_with_the_servers_packages(call, tmp_path):
    registry = open_registry(str(tmp_path / "registry"))
    registry.publish(open_artifact(write_entity_artifact(tmp_path / "ner")))
    data = write_tagged_golden(tmp_path / "golden.jsonl")
    arguments = ("--registry", tmp_path / "registry", "--model", "ner", "--data", data)
    done = call(SERVER, "scripts.golden", *arguments)
    assert done.returncode == 0, done.stderr


def test_a_classifier_trains_in_a_notebook():
    """Everything that training declares and a notebook lacks is in its requirements."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    listed = (REPOSITORY / "scripts" / "requirements-notebook.txt").read_text()
    names = [
        re.split("[=[;]", each)[0] for each in project["project"]["optional-dependencies"]["train"]
    ]
    lacking = [name for name in names if f"\n{name}==" not in listed]
    assert "gensim" in lacking
    imports = "import scripts.train.assemble, scripts.train.architectures.transformer"
    code = f"import sys\nfor name in {lacking}: sys.modules[name] = None\n{imports}"
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
