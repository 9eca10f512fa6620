"""Dockerfile.ecs-gpu as it is by default, with PyTorch, on a machine without a GPU.

Debian 12 stands in for the slim Python image here, because of its Python: 3.11, for which a machine
without a GPU may have a CPU wheel of PyTorch. Where pip finds none it takes the real CUDA wheels,
which run on a CPU too, and the build takes minutes and gigabytes. What a GPU does with the image is
not shown here.
"""

import json

import pytest

from tests.commands import REPOSITORY
from tests.container.bases import PYTHON_3_11, server_base
from tests.container.server import predict, server, stop

pytestmark = pytest.mark.container

# There is room for it on the runner that builds it and on the machine that runs it.
BUDGET_BYTES = 12_000_000_000


@pytest.fixture(scope="module")
def gpu_image(podman):
    return podman.build(
        REPOSITORY / "Dockerfile.ecs-gpu",
        "localhost/evergreen-test:gpu",
        REPOSITORY,
        f"--build-arg=BASE_IMAGE={server_base(podman, PYTHON_3_11)}",
        "--build-arg=TORCH_VERSION=2.13.0",  # by any wheel; the lock has CUDA's
    )


def test_it_stays_within_its_size(podman, gpu_image):
    size = podman.inspect(gpu_image)["Size"]
    print(f"{size / 1e9:.1f} GB")
    assert 0 < size <= BUDGET_BYTES


def test_torch_serves_in_it_and_answers_as_onnx_does(podman, gpu_image):
    texts = ["A warm, funny film.", "A dull, lazy waste."]
    answers = {}
    for backend in ("torch", "onnx"):
        with server(podman, gpu_image, f"--env=BACKEND={backend}") as (container, address):
            answers[backend] = [predict(address, text)["predictions"][0] for text in texts]
            log = [json.loads(line) for line in container.logs().splitlines() if line]
            served_by_torch = any("served by torch" in line.get("message", "") for line in log)
            assert served_by_torch == (backend == "torch")
            assert stop(podman, container)[0] == 0
    for torch, onnx in zip(answers["torch"], answers["onnx"], strict=True):
        assert torch["label"] == onnx["label"]
        assert torch["score"] == pytest.approx(onnx["score"], abs=0.02)
