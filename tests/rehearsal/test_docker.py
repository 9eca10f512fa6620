"""Podman gets the arguments of Docker, but for those that it does not know."""

import pytest

from tests.rehearsal.docker import Replacements, podman_arguments

REPLACED = Replacements("localhost/base", ["--network=host"], "/emulator", "127.0.0.1:5000")


def test_a_build_keeps_all_but_buildkits_own_options():
    asked = ["buildx", "build", "--provenance=false", "--sbom=false", "--load", "--tag=t", "."]
    expected = [
        *("build", "--format=docker", "--network=host"),
        *("--build-arg=BASE_IMAGE=localhost/base", "--tag=t", "."),
    ]
    assert podman_arguments(asked, REPLACED) == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (
            ["run", "--detach", "image"],
            ["run", "--volume=/emulator:/usr/local/bin/aws-lambda-rie:ro", "--detach", "image"],
        ),
        (["rm", "--force", "x"], ["rm", "--time=0", "--force", "x"]),
        (["exec", "--interactive", "x", "python3"], ["exec", "--interactive", "x", "python3"]),
        (["logs", "--tail=20", "x"], ["logs", "--tail=20", "x"]),
    ],
)
def test_containers_are_run_as_they_are_asked_for(asked, expected):
    assert podman_arguments(asked, REPLACED) == expected
