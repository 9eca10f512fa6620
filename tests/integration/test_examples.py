"""Every example as its reader runs it, against a real server of the tiny model."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from scripts.common.processes import LOOPBACK, free_port
from tests.serving import running_server, wanting
from tests.stand_ins.json_server import serving
from tests.tiny import write_artifact
from tests.tiny_entities import write_entity_artifact

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
SECONDS = 120
KEY = "correct-horse-battery-staple"
CLIENTS = {
    "curl": ["bash", str(EXAMPLES / "curl.sh")],
    # Isolated and without site-packages: the standard library is all that it may need.
    "python": [sys.executable, "-I", "-S", str(EXAMPLES / "python_client.py")],
    "javascript": ["node", str(EXAMPLES / "javascript_client.mjs")],
}
PROGRAMS = ["python", "javascript"]
LIBRARIES = {
    name: [sys.executable, str(EXAMPLES / f"{name}_client.py")]
    for name in ("hugging_face", "triton")
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("models") / "sentiment").parent


@pytest.fixture(scope="module")
def open_service(models: Path) -> Iterator[str]:
    with running_server(models) as server:
        yield server.url


@pytest.fixture(scope="module")
def service_of_both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with a model that finds entities and one that classifies."""
    folder = tmp_path_factory.mktemp("both")
    write_artifact(folder / "sentiment")
    write_entity_artifact(folder / "ner")
    with running_server(folder) as server:
        yield server.url


@pytest.fixture(scope="module")
def locked_service(models: Path) -> Iterator[str]:
    with running_server(models, **wanting(KEY)) as server:
        yield server.url


@contextmanager
def busy_at_first(service: str, status: int, refusals: int) -> Iterator[tuple[str, list[float]]]:
    """A front of a service that refuses some requests; gives its address and when it was asked."""
    asked: list[float] = []

    class Front(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(time.monotonic())
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if len(asked) <= refusals:
                problem = {"title": "Busy", "status": status, "detail": "the queue is full"}
                self.answer(status, json.dumps(problem).encode())
                return
            headers = {"Content-Type": "application/json"}
            self.forward(urllib.request.Request(service + self.path, body, headers))

        def do_GET(self) -> None:
            self.forward(urllib.request.Request(service + self.path))

        def forward(self, request: urllib.request.Request) -> None:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(request, timeout=SECONDS) as answer:
                self.answer(200, answer.read())

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if status != 200:
                self.send_header("Retry-After", "1")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            pass

    with serving(ThreadingHTTPServer((LOOPBACK, 0), Front)) as url:
        yield url, asked


def require(program: str) -> None:
    """Skip where a program is missing, but not where everything should be tested."""
    if shutil.which(program) is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs {program}")


def environment(url: str, key: str | None) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name != "EVERGREEN_API_KEY"}
    key_given = {"EVERGREEN_API_KEY": key} if key else {}
    return {**own, **key_given, "EVERGREEN_URL": url, "no_proxy": "*", "NO_PROXY": "*"}


def run(
    client: str, url: str, *arguments: str, key: str | None = None
) -> subprocess.CompletedProcess[str]:
    command = (CLIENTS | LIBRARIES)[client]
    for program in {command[0], "curl"} if client == "curl" else {command[0]}:
        require(program)
    return subprocess.run(
        [*command, *arguments],
        env=environment(url, key),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )


def run_notebook(url: str, key: str | None = None) -> str:
    """Execute the notebook in a kernel of its own; the HTML that it shows."""
    notebook = nbformat.read(EXAMPLES / "notebook.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=SECONDS, startup_timeout=SECONDS)
    client.execute(env=environment(url, key))
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(output["data"]["text/html"] for output in outputs)


def sections(output: str) -> list[str]:
    return [section.partition("\n")[2] for section in output.split("── ")[1:]]


def test_curl_shows_every_call(open_service: str) -> None:
    ran = run("curl", open_service)
    assert ran.returncode == 0, ran.stderr
    ready, models, one, address, several, why, naming, problem = sections(ran.stdout)
    assert json.loads(ready) == {"status": "ready"}
    assert json.loads(models)["models"][0]["name"] == "sentiment"
    assert json.loads(one)["predictions"][0]["label"] == "positive"
    assert json.loads(address)["predictions"][0]["label"] == "negative"
    predictions = json.loads(several)["predictions"]
    assert [p["label"] for p in predictions] == ["positive", "negative"]
    assert [len(p["scores"]) for p in predictions] == [1, 1]
    assert predictions[0]["truncated"]
    assert any(h["weight"] > 0.5 for h in json.loads(why)["predictions"][0]["highlights"])
    assert naming == "This service has no model of the name ner.\n\n"
    assert '"detail": "no model \'no-such-model\' here; served: sentiment"' in problem
    assert "curl's exit status: 22" in problem


@pytest.mark.parametrize("client", PROGRAMS)
def test_a_client_shows_labels_and_words(client: str, open_service: str) -> None:
    ran = run(client, open_service)
    assert (ran.returncode, ran.stderr) == (0, "")
    one, several, why, answered = ran.stdout.split("\n\n")
    assert one.split()[2] == "positive"
    assert [line.split()[0] for line in several.splitlines()[1:]] == ["positive", "negative"]
    assert re.search(r"film is \[good \+0\.\d\d\], and the cast is \[fine \+0\.\d\d\]\.", why)
    assert re.search(r"A \[dull \+0\.\d\d\] film and a \[bad \+0\.\d\d\] ending\.", why)
    assert re.fullmatch(r"Answered by sentiment 20260102-[0-9a-f]{8} in [\d.]+ ms\.\n", answered)


def test_curl_shows_what_a_text_names(service_of_both: str) -> None:
    ran = run("curl", service_of_both)
    assert ran.returncode == 0, ran.stderr
    (prediction,) = json.loads(sections(ran.stdout)[6])["predictions"]
    found = [(each["label"], each["text"], each["start"]) for each in prediction["entities"]]
    assert found == [("PER", "Ada Lovelace", 0), ("ORG", "Reuters", 20), ("LOC", "New York", 31)]


@pytest.mark.parametrize("client", PROGRAMS)
def test_a_client_shows_what_a_text_names(client: str, service_of_both: str) -> None:
    ran = run(client, service_of_both)
    assert (ran.returncode, ran.stderr) == (0, "")
    *_, naming, answered = ran.stdout.split("\n\n")
    title, *lines = naming.splitlines()
    assert title == "What a text names"
    assert [line.split(None, 2)[::2] for line in lines] == [
        ["PER", "Ada Lovelace"],
        ["ORG", "Reuters"],
        ["LOC", "New York"],
    ]
    assert answered.startswith("Answered by sentiment")


@pytest.mark.model
def test_the_bundled_models_are_right_about_the_texts_that_are_shown(
    bundled_models: Path,
) -> None:
    with running_server(bundled_models) as server:
        shown = run("python", server.url).stdout
        table, *_ = run_notebook(server.url).split("\n")
    _, all_, _, naming, _ = shown.split("\n\n")
    assert [line.split()[0] for line in all_.splitlines()[1:]] == ["positive", "negative"]
    assert [re.split(r"\s+[\d.]+%\s+", line.strip()) for line in naming.splitlines()[1:]] == [
        ["PER", "Ada Lovelace"],
        ["ORG", "Reuters"],
        ["LOC", "New York"],
    ]
    assert re.findall(r"<td>(\w+)</td>", table) == ["positive", "negative", "positive"]


@pytest.mark.parametrize("client", PROGRAMS)
def test_a_client_takes_texts_and_counts_code_points(client: str, open_service: str) -> None:
    ran = run(client, open_service, "🐈🍿 good é film", "it is bad 🍿")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert re.search(r"🐈🍿 \[good \+0\.\d\d\] é film\n", ran.stdout)
    assert re.search(r"it is \[bad \+0\.\d\d\] 🍿\n", ran.stdout)


@pytest.mark.parametrize("client", PROGRAMS)
def test_words_against_the_label_are_distinguished(client: str, open_service: str) -> None:
    ran = run(client, open_service, "good fine bad")
    assert re.search(r"\[good \+0\.\d\d\] \[fine \+0\.\d\d\] \[bad -0\.\d\d\]", ran.stdout)


def test_both_programs_show_the_same(open_service: str) -> None:
    python, javascript = (run(name, open_service).stdout for name in PROGRAMS)
    assert python.rpartition(" in ")[0] == javascript.rpartition(" in ")[0]


@pytest.mark.parametrize("client", PROGRAMS)
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_asked_again(client: str, status: int, open_service: str) -> None:
    with busy_at_first(open_service, status, refusals=2) as (url, asked):
        ran = run(client, url)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(asked) == 5
    assert all(later - earlier >= 1 for earlier, later in pairwise(asked[:3]))


@pytest.mark.parametrize("client", PROGRAMS)
def test_a_service_that_stays_busy_is_given_up(client: str, open_service: str) -> None:
    with busy_at_first(open_service, 429, refusals=99) as (url, asked):
        ran = run(client, url)
    assert (ran.returncode, ran.stdout) == (1, "One text\n")
    assert ran.stderr == "error: the queue is full (HTTP 429)\n"
    assert len(asked) == 5


@pytest.mark.parametrize("client", CLIENTS)
def test_the_right_key_opens(client: str, locked_service: str) -> None:
    ran = run(client, locked_service, key=KEY)
    assert ran.returncode == 0, ran.stderr
    assert "positive" in ran.stdout
    assert KEY not in ran.stdout + ran.stderr


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("key", "status", "message"),
    [("wrong", 403, "that key is not known here"), (None, 401, "this service wants a key")],
)
def test_no_right_key_is_said_clearly(
    client: str, key: str | None, status: int, message: str, locked_service: str
) -> None:
    ran = run(client, locked_service, key=key)
    assert ran.returncode == (22 if client == "curl" else 1)
    assert message in (ran.stdout if client == "curl" else ran.stderr)
    assert str(status) in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize("client", CLIENTS)
def test_no_service_is_said_clearly(client: str) -> None:
    ran = run(client, f"http://127.0.0.1:{free_port()}")
    assert ran.returncode == (7 if client == "curl" else 1)
    assert re.search(r"connect|refused", ran.stderr, re.IGNORECASE)
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize("client", LIBRARIES)
def test_an_example_of_a_library_shows_labels(client: str, service_of_both: str) -> None:
    ran = run(client, service_of_both)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [line.split()[0] for line in ran.stdout.splitlines()] == ["positive", "negative"]


@pytest.mark.parametrize(
    ("client", "text", "key", "message"),
    [
        ("hugging_face", "good", None, "that key is not known here"),
        ("hugging_face", " ", KEY, "text 0 is empty: send at least one word"),
        (
            "triton",
            "good",
            None,
            "[401] this service wants a key: send 'Authorization: Bearer KEY'",
        ),
    ],
)
def test_an_example_of_a_library_says_why_it_was_refused(
    client: str, text: str, key: str | None, message: str, locked_service: str
) -> None:
    ran = run(client, locked_service, text, key=key)
    assert (ran.returncode, ran.stderr) == (1, f"error: {message}\n")


@pytest.mark.parametrize("client", LIBRARIES)
def test_an_example_of_a_library_sends_its_key(client: str, locked_service: str) -> None:
    assert run(client, locked_service, "good", key=KEY).stdout.startswith("positive")


@pytest.mark.parametrize("client", LIBRARIES)
def test_an_example_of_a_library_says_that_no_service_is_there(client: str) -> None:
    ran = run(client, f"http://127.0.0.1:{free_port()}")
    assert (ran.returncode, len(ran.stderr.splitlines())) == (1, 1)
    assert "refused" in ran.stderr


@pytest.mark.parametrize("client", PROGRAMS)
def test_a_text_that_is_refused_is_said_clearly(client: str, open_service: str) -> None:
    ran = run(client, open_service, " ")
    assert ran.returncode == 1
    assert ran.stderr == "error: text 0 is empty: send at least one word (HTTP 422)\n"


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("hugging_face_client.py", "huggingface_hub"),
        ("triton_client.py", "'tritonclient[http]'"),
    ],
)
def test_a_missing_package_is_one_line_with_the_command_that_installs_it(
    name: str, package: str
) -> None:
    without_packages = [sys.executable, "-I", "-S", str(EXAMPLES / name)]
    ran = subprocess.run(without_packages, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (1, "", 1)
    assert ran.stderr.endswith(f" -m pip install {package}\n")


def test_the_notebook_shows_a_table_and_marked_words(open_service: str) -> None:
    table, good, bad, *_ = (shown := run_notebook(open_service)).split("\n")
    assert re.search(r"<caption>sentiment 20260102-[0-9a-f]{8}</caption>", table)
    assert table.count("<tr>") == 4
    assert "<td>positive</td>" in table
    assert "<td>negative</td>" in table
    assert re.search(r"rgba\(46, 160, 67, 0\.60\)[^>]*>good</mark>", good)
    assert re.search(r"rgba\(46, 160, 67, 0\.\d\d\)[^>]*>bad</mark>", bad)
    assert "<script" not in shown


def test_the_notebook_sends_the_key(locked_service: str) -> None:
    assert "<td>positive</td>" in run_notebook(locked_service, KEY)
    with pytest.raises(CellExecutionError, match="that key is not known here"):
        run_notebook(locked_service, "wrong")


def test_the_notebook_is_committed_without_outputs() -> None:
    notebook = nbformat.read(EXAMPLES / "notebook.ipynb", as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [(cell.outputs, cell.execution_count) for cell in code] == [([], None)] * len(code)


@pytest.mark.parametrize(
    "name",
    [
        *("curl.sh", "python_client.py", "javascript_client.mjs"),
        *("hugging_face_client.py", "triton_client.py"),
    ],
)
def test_scripts_can_be_run_as_they_are(name: str) -> None:
    assert os.access(EXAMPLES / name, os.X_OK)
