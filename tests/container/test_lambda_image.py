"""Dockerfile.lambda: what is in the image, and that it answers as Lambda would run it.

AWS's base image cannot be pulled everywhere: tests.container.bases has what stands in.
"""

import json
from contextlib import contextmanager
from pathlib import PurePosixPath

import pytest

from function.core.artifact import open_artifact
from scripts.emulate.protocol import InvocationError, read_answer
from tests.commands import REPOSITORY, run_python
from tests.container.podman import PodmanError
from tests.tiny import write_artifact

pytestmark = pytest.mark.container

BUDGET_BYTES = 250_000_000
EVENT = json.loads((REPOSITORY / "tests" / "events" / "http_api_v2.json").read_text())
INVOKE = """
import sys, time, urllib.error, urllib.request
address = "http://127.0.0.1:8080/2015-03-31/functions/function/invocations"
event = sys.stdin.buffer.read()
for _ in range(100):
    try:
        answer = urllib.request.urlopen(urllib.request.Request(address, event), timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    except urllib.error.URLError:
        time.sleep(0.1)
        continue
    print(answer.status, answer.read().decode())
    break
"""
# As Lambda: nothing can be written but /tmp, no capabilities, not root, no more memory than paid
# for. And no network, which nothing here needs.
AS_LAMBDA = [
    "--read-only",
    "--tmpfs=/tmp:size=512m",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--user=993:990",
    "--network=none",
]
HUNGRY = """
from function.lambda_handler import handler as real

def handler(event, context):
    if event.get("hungry"):
        b"x" * 1_000_000_000
    return real(event, context)
"""


@contextmanager
def function(podman, image, emulator, *options, memory=1769, handler=""):
    limits = [f"--memory={memory}m", f"--memory-swap={memory}m"]
    mount = f"--volume={emulator}:/usr/local/bin/aws-lambda-rie:ro"
    with podman.running(image, *AS_LAMBDA, *limits, mount, *options, command=handler) as container:
        yield container


def ask(container, text):
    answer = invoke(container, {**EVENT, "body": json.dumps({"inputs": text})})
    assert answer["statusCode"] == 200, answer["body"]
    return json.loads(answer["body"])


def invoke(container, event):
    status, _, body = container.python(INVOKE, json.dumps(event)).partition(" ")
    return read_answer(int(status), body.strip().encode())


@pytest.fixture(scope="module")
def running(podman, lambda_image, emulator):
    with function(podman, lambda_image, emulator) as container:
        yield container


@pytest.fixture(scope="module")
def added(podman, lambda_image, lambda_stand_in):
    """The files of the image that its base does not have."""
    base = podman.files(lambda_stand_in)
    return {name: entry for name, entry in podman.files(lambda_image).items() if name not in base}


def test_an_event_of_api_gateway_is_answered(running):
    answer = ask(running, "A warm, funny and moving film.")
    assert answer["predictions"][0]["label"] == "positive"
    assert ask(running, "A dull, lazy waste.")["predictions"][0]["label"] == "negative"
    pointer = json.loads((REPOSITORY / "registry/sentiment/aliases/production.json").read_text())
    assert answer["model"]["version"] == pointer["version"]
    assert answer["model"]["digest"] == pointer["digest"]
    assert running.logs().count("INIT RTDONE(status: success)") == 1


def test_the_log_has_metrics_and_no_word_of_telemetry(running):
    """ONNX Runtime complains in the log when it cannot keep an id for what it sends home."""
    ask(running, "A lovely film.")
    assert "CloudWatchMetrics" in running.logs()
    assert "telemetry" not in running.logs().lower()


def test_a_call_that_takes_too_much_memory_fails_alone(podman, lambda_image, emulator, tmp_path):
    (tmp_path / "hungry.py").write_text(HUNGRY)
    tmp_path.chmod(0o755)
    options = [f"--volume={tmp_path}:/mnt/handler:ro", "--env=PYTHONPATH=/mnt/handler"]
    with function(
        podman, lambda_image, emulator, *options, memory=400, handler="hungry.handler"
    ) as container:
        ask(container, "A lovely film.")
        with pytest.raises(InvocationError):
            invoke(container, {"hungry": True})
        assert ask(container, "A lovely film.")["predictions"][0]["label"] == "positive"
        assert "signal: killed" in container.logs()


def test_it_stays_within_its_size(podman, lambda_image, lambda_stand_in):
    size = podman.inspect(lambda_image)["Size"] - podman.inspect(lambda_stand_in)["Size"]
    print(f"{size / 1e6:.1f} MB above the base")
    assert 0 < size <= BUDGET_BYTES


def test_it_holds_packages_models_and_function_and_nothing_else(added):
    places = {PurePosixPath(name).parts[:2] for name in added}
    assert places == {("var", "task"), ("opt", "models")}
    top = {PurePosixPath(name).parts[2] for name in added if name.startswith("var/task/")}
    assert "function" in top
    unwanted = {"torch", "transformers", "boto3", "botocore", "pip", "uvicorn", "awslambdaric"}
    unwanted |= {"tests", "scripts", "registry", "bin"}
    assert not top & unwanted
    assert not [name for name in added if name.startswith("var/task/function/requirements")]


def test_every_module_is_compiled_for_files_that_never_change(
    podman, lambda_image, added, tmp_path
):
    modules = {name for name in added if name.endswith(".py")}
    compiled = {
        str(PurePosixPath(name).parent.parent / f"{PurePosixPath(name).name.split('.')[0]}.py")
        for name in added
        if name.endswith(".pyc")
    }
    assert modules
    assert modules <= compiled
    headers = podman(
        *("run", "--rm", "--network=none", "--entrypoint=python3", lambda_image, "-c"),
        "import function.core.types as m; c = open(m.__cached__, 'rb').read(); "
        "print(c[4], m.__loader__.get_code(m.__name__).co_filename)",
    )
    assert headers.split() == ["1", "/var/task/function/core/types.py"]


def test_everybody_may_read_it_and_nobody_write_models_or_code(added):
    for name, entry in added.items():
        assert entry.mode & 0o444 == 0o444, name
        assert entry.uid == 0, name
        if name.startswith(("opt/models/", "var/task/function/")):
            assert not entry.mode & 0o222, name


@pytest.fixture
def pulled(tmp_path):
    """A folder as scripts.pull writes it, with a model that registry/ does not have."""
    write_artifact(tmp_path / "models" / "tiny", model="tiny")
    return tmp_path / "models"


def build(podman, base, *arguments):
    return podman.build(
        REPOSITORY / "Dockerfile.lambda",
        "localhost/evergreen-test:other",
        REPOSITORY,
        f"--build-arg=BASE_IMAGE={base}",
        *arguments,
    )


def arguments_of(models):
    done = run_python("-m", "scripts.image", models)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_models_of_another_registry_come_in_by_a_context(podman, lambda_stand_in, pulled):
    version = open_artifact(pulled / "tiny").version
    image = build(podman, lambda_stand_in, *arguments_of(pulled))
    models = {n for n in podman.files(image) if n.startswith("opt/models/")}
    assert {PurePosixPath(name).parts[2] for name in models} == {"tiny"}
    labels = podman.inspect(image)["Labels"]
    assert labels["evergreen.models"] == f"tiny={version}"
    assert labels["evergreen.model-digests"].startswith(f"tiny=sha256:{version.split('-')[1]}")


def test_other_models_than_were_asked_for_are_refused(podman, lambda_stand_in, pulled):
    asked = "--build-arg=MODELS=tiny=20200101-00000000"
    with pytest.raises(PodmanError, match="the image is to hold tiny=20200101-00000000"):
        build(podman, lambda_stand_in, f"--build-context=models={pulled}", asked)


def test_a_damaged_model_is_refused_by_name(podman, lambda_stand_in, pulled):
    graph = pulled / "tiny" / "model.onnx"
    content = bytearray(graph.read_bytes())
    content[-1] ^= 1
    graph.write_bytes(bytes(content))
    with pytest.raises(PodmanError, match=r"tiny/model\.onnx"):
        build(podman, lambda_stand_in, f"--build-context=models={pulled}")
