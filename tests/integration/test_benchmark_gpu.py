"""The GPU part of the benchmark: its arithmetic, its section, and that all of it runs on a CPU."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig

from scripts.benchmark import budgets
from scripts.benchmark.figures import GpuRound, LoadRun, Spread
from scripts.benchmark.gpu import Shape, forward_flops
from scripts.benchmark.machine import Machine
from scripts.benchmark.plan import QUICK_GPU, GpuPlan
from scripts.benchmark.processes import work
from scripts.benchmark.report import gpu_section
from scripts.benchmark.results import GpuResults, as_json, read_gpu
from scripts.common.errors import CommandError
from tests.commands import run_python

LOAD = "32 clients, 1 text a request"


def made_up(*, quick: bool = False) -> GpuResults:
    """Two rounds, of which the second was on a card half as fast."""
    fast = GpuRound(
        {"8192 tokens": 1000.0, "65536 tokens": 2000.0},
        {LOAD: LoadRun(1700.0, [10.0, 20.0], 0.3, 0.0)},
        {"32 texts, float16": 200.0, "128 texts, float16": 100.0},
    )
    slow = GpuRound(
        {"8192 tokens": 500.0, "65536 tokens": 1000.0},
        {LOAD: LoadRun(800.0, [30.0], 0.3, 0.0)},
        {"32 texts, float16": 100.0, "128 texts, float16": 150.0},
    )
    results = GpuResults(
        machine=Machine("A CPU", 16, 128.0, "Linux", 0.1, "2026-01-02", "abc1234", {"torch": "2"}),
        card="A card",
        plan=GpuPlan(),
        quick=quick,
        command="python -m scripts.benchmark_gpu",
        model="sentiment 20260102-01234567",
        texts="some texts",
        matrix_rate=6e14,
        precision="float16",
        tokens=250.0,
        flops=5e9,
        rounds=[fast, slow],
        budgets=[],
    )
    return replace(results, budgets=budgets.judge_gpu(results))


def test_operations_are_counted_from_shapes() -> None:
    """With an inner width of four times the outer, 24nh² + 4n²h a layer."""
    n, h = 512, 384
    expected = 6 * (24 * n * h**2 + 4 * n**2 * h)
    assert forward_flops(Shape(layers=6, hidden=h, inner=4 * h), n) == expected


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_shapes_are_read_in_the_words_of_each_family(kind: str, tmp_path: Path) -> None:
    sizes = {
        "bert": {"num_hidden_layers": 3, "hidden_size": 24, "intermediate_size": 48},
        "distilbert": {"n_layers": 3, "dim": 24, "hidden_dim": 48},
    }
    AutoConfig.for_model(kind, **sizes[kind]).save_pretrained(tmp_path)
    assert Shape.read(tmp_path / "config.json") == Shape(3, 24, 48)


def test_each_side_is_taken_at_its_best_and_ratios_within_a_round() -> None:
    results = made_up()
    assert results.best("raw") == "65536 tokens"
    assert results.best("pipeline") == "32 texts, float16"
    assert results.ratios("server", "raw") == Spread.of([0.85, 0.8])
    assert results.latency(LOAD).p50 == 20.0


def test_the_section_shows_every_figure_in_whole_tables() -> None:
    section = gpu_section(made_up())
    for row in (
        "| card | A card |",
        "| its bfloat16 matrix rate | 600 TFLOP/s |",
        "| 65536 tokens | 1500 | 375000 | 1.2 % |",
        f"| {LOAD} | 1250 | 312500 | 20 | 29 | 30 |",
        "| 32 texts, float16 | 150 |",
        "| GPU: server throughput, compared with the raw model | 82.5 % | ≥ 80 % | PASS |",
    ):
        assert row in section
    assert "in its best case, 32 texts, float16" in section
    assert "no conclusion" not in section
    for table in (block.splitlines() for block in section.split("\n\n") if block.startswith("|")):
        assert len({line.count("|") for line in table}) == 1
    assert "no conclusion" in gpu_section(made_up(quick=True))


def test_figures_of_another_machine_are_read_back(tmp_path: Path) -> None:
    file = tmp_path / "gpu.json"
    assert read_gpu(file) is None
    file.write_text(as_json(made_up()), encoding="utf-8")
    assert read_gpu(file) == made_up()
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(CommandError, match=r"gpu\.json: no figures of a GPU"):
        read_gpu(file)


def test_a_quick_run_tries_whatever_a_full_one_does() -> None:
    assert replace(QUICK_GPU, **vars(GpuPlan())) == GpuPlan()
    assert all(getattr(QUICK_GPU, name) for name in vars(QUICK_GPU))


@pytest.mark.integration
def test_torch_without_a_gpu_is_reported() -> None:
    job = {"device": "cuda", "size": 8}
    found = work("matrix_rate", job, {"CUDA_VISIBLE_DEVICES": ""})
    assert found == {"card": None, "rate": None}


@pytest.mark.integration
@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--quick"], 1, "torch sees no GPU here"),
        (["--device", "cpu"], 2, "with --quick only"),
    ],
)
def test_without_a_gpu_nothing_is_written(
    options: list[str], code: int, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "gpu.json"
    done = command(file, *options, CUDA_VISIBLE_DEVICES="")
    assert done.returncode == code
    assert words in done.stderr
    assert not file.exists()


@pytest.mark.alone
@pytest.mark.integration
@pytest.mark.model
def test_every_part_runs_on_a_cpu(bundled_models: Path, tmp_path: Path) -> None:
    file = tmp_path / "gpu.json"
    done = command(file, "--quick", "--device", "cpu", MODELS_DIR=str(bundled_models))
    # A CPU meets none of a GPU's budgets, and they are reported like others.
    assert done.returncode in (0, 1), done.stderr
    found = read_gpu(file)
    assert found is not None, done.stderr
    assert found.quick
    assert found.precision == "float32"
    assert found.matrix_rate > 0
    assert found.flops > found.tokens > 10
    (turn,) = found.rounds
    assert set(turn.raw) == set(QUICK_GPU.batches)
    assert set(turn.pipeline) == {"4 texts, float32"}
    assert set(turn.server) == {"2 clients, 1 text a request", "2 clients, 4 texts a request"}
    assert min(*turn.raw.values(), *turn.pipeline.values()) > 0
    assert all(cell.texts_per_second > 0 for cell in turn.server.values())
    assert "draw no conclusion" in done.stdout
    assert json.loads(file.read_text(encoding="utf-8"))["command"].endswith("--device cpu --quick")


def command(file: Path, *options: str, **environment: Any) -> subprocess.CompletedProcess[str]:
    """Run it as people do."""
    return run_python("-m", "scripts.benchmark_gpu", "--json", file, *options, **environment)
