"""The images' recipes, without building them; tests/container builds them.

Bases are pinned by digest, on a line that Dependabot renews; the tag says what they are.
"""

import re
import tomllib

import pytest
import yaml

from function.server.settings import ServerSettings
from function.settings import Limits
from tests.commands import REPOSITORY

DOCKERFILES = ["Dockerfile.lambda", "Dockerfile.ecs-gpu"]
TAG = re.compile(
    r"^FROM (?P<name>[\w./-]+):(?P<tag>[\w.-]+)@sha256:[0-9a-f]{64} AS base$", re.MULTILINE
)


def read(name: str) -> str:
    return (REPOSITORY / name).read_text()


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_base_names_a_registry_and_a_minor_version_of_python(name: str) -> None:
    base = TAG.search(read(name))
    assert base
    assert "." in base["name"].split("/")[0]
    assert re.match(r"3\.\d+(-slim-\w+)?$", base["tag"])


@pytest.mark.parametrize("name", DOCKERFILES)
def test_every_stage_starts_from_the_base_or_from_nothing(name: str) -> None:
    (_, base), *stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", read(name), re.MULTILINE)
    assert base == "base"
    assert "ARG BASE_IMAGE=base\n" in read(name)
    known = {"${BASE_IMAGE}", "scratch"}
    for source, stage in stages:
        assert source in known
        known.add(stage)
    assert stages[-1] == ("${BASE_IMAGE}", "")


@pytest.mark.parametrize("name", DOCKERFILES)
def test_packages_come_with_hashes_and_no_index_or_credential_is_written_down(name: str) -> None:
    text = read(name)
    assert "--require-hashes" in text
    assert not re.search(r"index-url|find-links|https?://(?!127\.0\.0\.1)|PASSWORD|TOKEN", text)
    secrets = re.findall(r"--mount=type=secret,(\S+)", text)
    assert set(secrets) == {"id=pip,target=/etc/pip.conf"}


def test_only_an_image_whose_build_verified_the_models_trusts_them() -> None:
    assert "COPY --from=verify /opt/models /opt/models\n" in read("Dockerfile.lambda")
    assert re.search(r"^ENV TRUST_IMAGE=true ", read("Dockerfile.lambda"), re.MULTILINE)
    for name in ("Dockerfile.ecs-gpu", "compose.yaml", "Makefile"):
        assert "TRUST_IMAGE" not in read(name)


def test_both_images_run_the_same_minor_version_of_python() -> None:
    versions = {TAG.search(read(name))["tag"].split("-")[0] for name in DOCKERFILES}  # type: ignore[index]
    assert len(versions) == 1


def test_the_image_has_the_pytorch_that_the_project_names() -> None:
    extras = tomllib.loads(read("pyproject.toml"))["project"]["optional-dependencies"]
    locked = re.search(r"^torch==\S+", read("function/requirements-torch.txt"), re.MULTILINE)
    assert locked
    assert extras["torch"] == [locked[0]]


def test_everything_that_an_image_installs_has_hashes_of_one_version() -> None:
    with_torch = read("function/requirements-torch.txt")
    for pin in re.findall(r"^[\w.-]+==\S+", read("function/requirements-gpu.txt"), re.MULTILINE):
        assert pin in with_torch
    for name in DOCKERFILES:
        installs = re.findall(r"pip install .*", read(name))
        assert installs
        for line in installs:
            assert "--require-hashes" in line or "torch==${TORCH_VERSION}" in line


def test_the_context_excludes_everything_that_is_not_copied() -> None:
    rules = [rule for rule in read(".dockerignore").splitlines() if rule and rule[0] != "#"]
    assert rules[0] == "*"
    assert {rule for rule in rules if rule[0] == "!"} == {"!function", "!scripts", "!registry"}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, object]]:
    document = yaml.safe_load(read("compose.yaml"))
    found: dict[str, dict[str, object]] = document["services"]
    return found


def test_compose_has_a_profile_for_each_variant(services) -> None:
    assert {name: service["profiles"] for name, service in services.items()} == {
        "cpu": ["cpu"],
        "gpu": ["gpu"],
    }
    for name, service in services.items():
        assert service["build"]["args"]["VARIANT"] == name
        assert service["image"].startswith("${EVERGREEN_IMAGE:-")


def test_compose_hardens_both_and_listens_on_loopback(services) -> None:
    for service in services.values():
        assert service["read_only"] is True
        assert service["tmpfs"] == ["/tmp"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert "/health/ready" in service["healthcheck"]["test"][-1]


def test_compose_passes_on_every_setting_that_the_image_leaves_open(services) -> None:
    """Unset ones stay empty, which the server takes for its own default."""
    own = {*ServerSettings.model_fields} - {"limits"} | {
        f"max_{name}" for name in Limits.model_fields
    }
    fixed = {"models_dir", "host", "port", "stop_seconds"}  # the image's, and compose's own
    for_aws = {"service", "metrics_seconds"}
    for service in services.values():
        environment = service["environment"]
        assert {*environment} == {name.upper() for name in own - fixed - for_aws}
        assert all(value == f"${{{name}:-}}" for name, value in environment.items())


def test_compose_starts_a_first_process_that_passes_signals_on(services) -> None:
    """A first process that has no handler yet, as while it imports, is spared by SIGTERM."""
    assert all(service["init"] is True for service in services.values())


def test_compose_waits_longer_than_the_server_takes_to_stop(services) -> None:
    settings = ServerSettings()
    for service in services.values():
        assert int(service["stop_grace_period"].removesuffix("s")) > settings.stop_seconds


def test_compose_asks_for_a_gpu_where_one_is_used(services) -> None:
    assert "deploy" not in services["cpu"]
    (device,) = services["gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["driver"] == "nvidia"
    assert device["capabilities"] == ["gpu"]
