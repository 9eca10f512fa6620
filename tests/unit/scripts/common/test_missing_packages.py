"""Commands where only the server's packages are installed."""

import re
import subprocess
import sys
import tomllib

import pytest

from function.core.artifact import open_artifact
from scripts.registry.registry import open_registry
from tests.conftest import REPOSITORY
from tests.golden import write_tagged_golden
from tests.tiny_entities import write_entity_artifact

ALL = "; 'make test' installs all"
RUN = "import runpy, sys; sys.modules[{!r}] = None; runpy.run_module({!r}, None, '__main__')"


def without(package, module, *arguments):
    """What a command says, where a package cannot be imported; wrong usage is its exit code."""
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(package, module), *map(str, arguments)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    return done.stderr.strip()


@pytest.mark.parametrize("missing", ["pyarrow", "sklearn", "seqeval"])
def test_measuring_names_a_package_that_is_not_installed(tmp_path, missing):
    artifact = write_entity_artifact(tmp_path / "ner")
    data = write_tagged_golden(tmp_path / "golden.jsonl")
    reported = without(missing, "scripts.evaluate", "--artifact", artifact, "--data", data)
    needed = "pip install pyarrow scikit-learn seqeval tqdm"
    assert reported == f"error: {missing} is not installed: {needed}{ALL}"


def test_freezing_a_golden_set_names_a_package_that_is_not_installed(tmp_path):
    registry = open_registry(str(tmp_path / "registry"))
    registry.publish(open_artifact(write_entity_artifact(tmp_path / "ner")))
    data = write_tagged_golden(tmp_path / "golden.jsonl")
    arguments = ("--registry", tmp_path / "registry", "--model", "ner", "--data", data)
    reported = without("pyarrow", "scripts.golden", *arguments)
    assert reported == f"error: pyarrow is not installed: pip install pyarrow tqdm{ALL}"


def test_a_golden_set_is_frozen_without_what_measures_models(tmp_path):
    registry = open_registry(str(tmp_path / "registry"))
    registry.publish(open_artifact(write_entity_artifact(tmp_path / "ner")))
    data = write_tagged_golden(tmp_path / "golden.jsonl")
    block = "for name in ('sklearn', 'scipy', 'seqeval', 'onnxruntime'): sys.modules[name] = None"
    code = f"import runpy, sys\n{block}\nrunpy.run_module('scripts.golden', None, '__main__')"
    arguments = ("--registry", tmp_path / "registry", "--model", "ner", "--data", data)
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], cwd=REPOSITORY)
    assert done.returncode == 0


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
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY).returncode == 0
