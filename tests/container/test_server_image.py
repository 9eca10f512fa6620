"""Dockerfile.ecs-gpu as `--build-arg VARIANT=cpu` makes it, and compose.yaml.

The slim Python image cannot be pulled everywhere: tests.container.bases has what stands in.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
from pathlib import Path, PurePosixPath

import pytest

from tests.commands import REPOSITORY
from tests.container.podman import Container, PodmanError
from tests.container.server import predict, server, stop, wait_until_ready

pytestmark = pytest.mark.container

STOP_SECONDS = 30


@pytest.fixture(scope="module")
def running(podman, cpu_image):
    with server(podman, cpu_image) as started:
        yield started


@pytest.fixture(scope="module")
def added(podman, cpu_image, server_stand_in):
    """The files of the image that its base does not have."""
    base = podman.files(server_stand_in)
    return {name: entry for name, entry in podman.files(cpu_image).items() if name not in base}


def test_it_answers_on_loopback(running):
    _, address = running
    assert predict(address, "A warm, funny film.")["predictions"][0]["label"] == "positive"
    assert predict(address, "A dull, lazy waste.")["predictions"][0]["label"] == "negative"


def test_the_log_is_json_and_has_no_word_of_telemetry(running):
    container, address = running
    predict(address, "A lovely film.")
    lines = [json.loads(line) for line in container.logs().splitlines() if line]
    assert any(line.get("route") == "/v1/predict" for line in lines)
    assert "telemetry" not in container.logs().lower()


def test_it_is_not_root_and_can_write_to_tmp_only(running):
    container, _ = running
    assert container.python("import os; print(os.getuid(), os.getgid())").split() == ["10001"] * 2
    container.python("open('/tmp/file', 'w')")
    for folder in ("/srv", "/opt/models", "/opt/venv"):
        with pytest.raises(PodmanError, match="Read-only file system"):
            container.python(f"open('{folder}/file', 'w')")


def test_its_health_check_needs_a_server_that_is_ready(podman, cpu_image, running):
    container, _ = running
    podman("healthcheck", "run", container.name)
    with (
        podman.running(cpu_image, "--entrypoint=sleep", command="60") as idle,
        pytest.raises(PodmanError, match="unhealthy"),
    ):
        podman("healthcheck", "run", idle.name)


def test_sigterm_ends_it_in_time_with_0(podman, cpu_image):
    with server(podman, cpu_image) as (container, address):
        predict(address, "A lovely film.")
        code, seconds = stop(podman, container, STOP_SECONDS)
    assert code == 0
    assert seconds < STOP_SECONDS


def test_the_image_says_how_to_run_it(podman, cpu_image):
    config = podman.inspect(cpu_image)["Config"]
    assert config["Entrypoint"] == ["python3", "-m", "function.server"]
    assert config["StopSignal"] in ("SIGTERM", "15")
    assert config["User"] == "10001:10001"
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_it_has_no_torch_no_tests_no_commands_and_no_compiler(added):
    packages = {PurePosixPath(name).parts[5] for name in added if "/site-packages/" in name}
    assert {"onnxruntime", "uvicorn"} <= packages
    assert not packages & {"torch", "transformers", "boto3", "pip", "awslambdaric"}
    assert {PurePosixPath(name).parts[1] for name in added if name.startswith("srv")} == {
        "function"
    }
    assert not [name for name in added if PurePosixPath(name).name in ("gcc", "cc", "ld")]


def test_models_and_code_cannot_be_written(added):
    for name, entry in added.items():
        if name.startswith(("opt/models/", "srv/function/")):
            assert entry.uid == 0, name
            assert entry.mode & 0o777 == 0o444, name


def test_another_variant_is_refused(podman, server_stand_in):
    with pytest.raises(PodmanError, match=r"requirements-tpu\.txt"):
        podman.build(
            REPOSITORY / "Dockerfile.ecs-gpu",
            "localhost/evergreen-test:none",
            REPOSITORY,
            f"--build-arg=BASE_IMAGE={server_stand_in}",
            "--build-arg=VARIANT=tpu",
        )


def test_the_context_holds_what_is_needed_and_little_else(podman, tmp_path):
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM scratch\nCOPY . .\n")
    image = podman.build(dockerfile, "localhost/evergreen-test:context", REPOSITORY)
    files = podman.files(image)
    assert {PurePosixPath(name).parts[0] for name in files} <= {
        *("function", "scripts", "registry"),
        # Of the container itself, not of the context.
        *("dev", "etc", "proc", "run", "sys"),
    }
    assert not [name for name in files if name.endswith(".pyc")]
    assert podman.inspect(image)["Size"] < 60_000_000


@pytest.fixture
def composed(podman, cpu_image):
    """The `cpu` profile of compose.yaml, from an image that is there, under podman-compose."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    project = f"evergreen-{port}"

    def compose(*arguments):
        subprocess.run(
            [sys.executable, "-m", "podman_compose", "-p", project, "--profile=cpu", *arguments],
            cwd=REPOSITORY,
            env={
                **podman.environment,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "EVERGREEN_IMAGE": cpu_image,
                "PORT": str(port),
                "MAX_TEXTS": "2",
            },
            check=True,
            capture_output=True,
            timeout=120,
        )

    compose("up", "--detach", "--no-build")
    try:
        yield Container(podman, f"{project}_cpu_1"), f"http://127.0.0.1:{port}"
    finally:
        compose("down")


def test_compose_starts_a_published_image_as_hardened_as_it_says(podman, composed):
    container, address = composed
    wait_until_ready(address, container)
    assert predict(address, "A lovely film.")["predictions"][0]["label"] == "positive"
    host = podman.inspect(container.name, kind="container")["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert not host["Privileged"]
    assert host["CapDrop"]
    assert "no-new-privileges" in str(host["SecurityOpt"])
    assert "python" not in container.python("print(open('/proc/1/comm').read())")


def test_compose_passes_settings_on(podman, composed):
    container, address = composed
    wait_until_ready(address, container)
    assert len(predict(address, ["A lovely film."] * 2)["predictions"]) == 2
    with pytest.raises(urllib.error.HTTPError, match="413"):
        predict(address, ["A lovely film."] * 3)


def test_compose_stops_a_server_that_still_imports(podman, composed):
    """As the first process it would not heed SIGTERM before it has a handler for it."""
    container, _ = composed
    podman("restart", "--time=0", container.name)
    code, seconds = stop(podman, container, STOP_SECONDS)
    assert code in (0, 128 + signal.SIGTERM)
    assert seconds < STOP_SECONDS / 2
