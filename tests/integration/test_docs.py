"""The documentation is held to the code: links, commands with their flags, snippets, clients."""

import ast
import doctest
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from function.core.heads import EmbeddingDecoding, ScoreDecoding
from scripts.train.config import TrainConfig
from tests.commands import REPOSITORY, run_python
from tests.serving import running_server
from tests.tiny import write_artifact

pytestmark = [pytest.mark.integration, pytest.mark.model]

PAGES = sorted(
    [
        REPOSITORY / "README.md",
        *(REPOSITORY / "docs").rglob("*.md"),
        REPOSITORY / "examples/README.md",
    ]
)
MAKEFILE = (REPOSITORY / "Makefile").read_text()
TARGETS = set(re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE))
VARIABLES = set(re.findall(r"\b([A-Z][A-Z_]+)\b", MAKEFILE))
LINK = re.compile(r"\[[^\]\[]*\]\(([^)\s]+)\)")
MODULE = re.compile(r"python3? -m ((?:scripts|tests|function)\.[\w.]+)(.*)")
# Output of a command is printed below it; a line that begins a command begins with one of these.
COMMAND = re.compile(
    r"^(?:\$ )?(?:[A-Z_]+=(?:\S+|\$\(.*)\s+)*(?:\.venv/bin/)?(?:python3? -m|make|curl)\b"
)


def _page(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield language and content of fenced and of indented blocks of code."""
    yield from re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    blocks = re.findall(r"(?:^    .*\n)+", rest, re.MULTILINE)
    yield from (("", re.sub(r"^    ", "", block, flags=re.MULTILINE)) for block in blocks)


def _commands(path: Path) -> Iterator[str]:
    """Yield every command of a page on one line, without comments."""
    for language, content in _blocks(path.read_text()):
        if language not in ("", "sh", "console"):
            continue
        for line in re.sub(r"\\\n\s*", " ", content).splitlines():
            for command in re.split(r" && | \| ", line):
                if COMMAND.match(command):
                    yield re.split(r"\s+# |\s{4,}", command.removeprefix("$ "))[0].strip()


COMMANDS = sorted({(_page(path), command) for path in PAGES for command in _commands(path)})


def _anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.replace("`", "")).strip() for heading in headings)
    return {heading.lower().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("path", PAGES, ids=_page)
def test_every_link_leads_somewhere(path: Path) -> None:
    broken = []
    for link in LINK.findall(path.read_text()):
        if re.match(r"\w+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("path", [path for path in PAGES if path.parent.name == "docs"], ids=_page)
def test_every_page_of_the_docs_is_in_the_contents(path: Path) -> None:
    contents = (REPOSITORY / "docs/README.md").read_text()
    assert path.name == "README.md" or f"({path.name}" in contents


@pytest.mark.parametrize(("page", "command"), [c for c in COMMANDS if " make " in f" {c[1]}"])
def test_make_has_every_target_and_variable_that_a_page_names(page: str, command: str) -> None:
    words = shlex.split(command, comments=True)
    words = words[words.index("make") + 1 :]
    targets = [word for word in words if re.fullmatch(r"[a-z][\w-]*", word)]
    variables = [word.partition("=")[0] for word in words if re.match(r"[A-Z_]+=", word)]
    assert set(targets) <= TARGETS
    assert set(variables) <= VARIABLES


@cache
def _help(module: str) -> str:
    done = run_python("-m", module, "--help")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("page", "module", "arguments"),
    [
        (page, *found.groups())
        for page, command in COMMANDS
        if (found := MODULE.search(command)) and found[1] != "function.server"
    ],
)
def test_commands_have_every_flag_that_a_page_gives(page: str, module: str, arguments: str) -> None:
    flags = set(re.findall(r"(?<!\S)(--[a-z][\w-]*)", arguments))
    assert flags <= set(re.findall(r"--[a-z][\w-]*", _help(module)))


BUNDLED = "scripts/train/configs/sentiment.toml"
SNIPPETS = [
    (_page(path), language, content)
    for path in PAGES
    for language, content in _blocks(path.read_text())
    if language in ("python", "toml", "json")
]


@pytest.mark.parametrize(("page", "language", "content"), SNIPPETS)
def test_every_snippet_runs_as_printed(page: str, language: str, content: str) -> None:
    if language == "python":
        ast.parse(content)
        done = run_python("-c", content)
        assert done.returncode == 0, done.stderr
    elif language == "toml":
        read = tomllib.loads(content)
        if "model" in read:
            TrainConfig.model_validate(read)
        elif read.keys() <= TrainConfig.model_fields.keys():  # a section of one
            whole = tomllib.loads((REPOSITORY / BUNDLED).read_text())
            plain = whole.keys() - {"distillation", "counterfactuals"}  # not of every head
            TrainConfig.model_validate({key: whole[key] for key in plain} | read)
    else:
        json.loads(content)


@pytest.fixture(scope="module")
def server(bundled_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bundled models, and those that a reader may have: one that embeds, and a reranker."""
    models = tmp_path_factory.mktemp("models")
    for bundled in bundled_models.iterdir():
        (models / bundled.name).symlink_to(bundled)
    write_artifact(models / "mine", model="mine", decoding=EmbeddingDecoding(dimensions=3))
    rank: dict[str, Any] = {"decoding": ScoreDecoding(activation="sigmoid"), "labels": ["score"]}
    write_artifact(models / "ranker", model="ranker", pairs=True, max_tokens=64, **rank)
    with running_server(models, PREDICTION_LOG="true", FEEDBACK_TEXT="true") as server:
        yield server.url


CURLS = [(page, command) for page, command in COMMANDS if command.startswith("curl")]


@pytest.mark.parametrize(("page", "command"), CURLS)
def test_every_curl_is_answered(server: str, page: str, command: str) -> None:
    address = r"(?:http://)?localhost:8080|https://ID\.execute-api\.REGION\.amazonaws\.com"
    words = shlex.split(re.sub(address, server, command))
    done = subprocess.run([*words, "--fail-with-body"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SESSIONS = [path for path in PAGES if ">>> " in path.read_text()]


@pytest.mark.parametrize("path", SESSIONS, ids=_page)
def test_every_session_with_a_client_answers_as_printed(server: str, path: Path) -> None:
    page = path.read_text().replace("127.0.0.1:8080", server.removeprefix("http://"))
    session = doctest.DocTestParser().get_doctest(page, {}, path.name, str(path), 0)
    printed: list[str] = []
    failed, tried = doctest.DocTestRunner(optionflags=FLAGS).run(session, out=printed.append)
    assert (failed, tried > 0) == (0, True), "".join(printed)


def test_every_client_of_the_page_has_a_session() -> None:
    page = (REPOSITORY / "docs/clients.md").read_text()
    for client in ("openai", "huggingface_hub", "tritonclient.http"):
        assert f">>> from {client} import" in page
