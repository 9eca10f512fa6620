"""What the ways of serving cost, worked out by hand and by the command."""

import json
import math
from dataclasses import replace

import pytest

from scripts import costs
from scripts.costing import prices
from scripts.costing.files import even, ways
from scripts.costing.files_table import files_table
from scripts.costing.measured import read
from scripts.costing.table import table
from scripts.costing.ways import MOST_TASKS, SECONDS, Function, Tasks, services
from scripts.drawing.page import with_part
from tests.conftest import REPOSITORY

CHEAP = Tasks("cheap", fixed=10, task=40, rate=20)


@pytest.mark.parametrize("part", costs.PARTS)
def test_the_page_is_what_the_prices_and_the_measurement_give(part):
    now = with_part(costs.PAGE, part, costs.PARTS[part](read(costs.MEASURED)))
    assert costs.PAGE.read_text() == now, "make costs"


def test_a_function_costs_by_the_millisecond_begun():
    # 1,769 / 1,024 GB x 0.072 s x 13.3334 dollars a million GB-seconds, and 0.20 for requests
    assert Function(71.2).million == pytest.approx(1.7275 * 0.072 * 13.3334 + 0.20, abs=1e-3)
    assert Function(71.2).million == Function(72).million
    assert Function(71.2).month(10_000_000) == pytest.approx(18.58, abs=0.01)


def test_tasks_are_added_for_requests_and_one_is_always_there():
    assert CHEAP.tasks(0) == 1
    assert CHEAP.tasks(20 * SECONDS) == 1
    assert CHEAP.tasks(20 * SECONDS + 1) == 2
    assert CHEAP.month(30 * SECONDS) == 10 + 2 * 40


@pytest.mark.parametrize("milliseconds", [20, 60, 71.2, 300])
def test_lines_cross_where_both_cost_the_same(milliseconds):
    function = Function(milliseconds)
    for each in services():
        crossing = function.break_even(each)
        if math.isinf(crossing):
            full = [tasks * each.rate * SECONDS for tasks in range(1, MOST_TASKS + 1)]
            assert all(each.month(requests) > function.month(requests) for requests in full)
            continue
        before, after = crossing * (1 - 1e-6), crossing * (1 + 1e-6)
        assert each.month(before) >= function.month(before)
        assert each.month(after) <= function.month(after)


def test_where_one_task_cannot_answer_so_many_a_second_one_is_counted():
    function = Function(1)  # so cheap that a task would have to answer more than it is given
    by_task = CHEAP.rate * SECONDS
    crossing = function.break_even(CHEAP._replace(task=9, fixed=10))
    assert crossing > by_task
    assert math.isinf(function.break_even(CHEAP._replace(task=1000)))


def test_a_service_that_is_never_cheaper_is_said_to_be_so():
    assert "| **cheaper than the function from** | never |" in table(
        replace(read(costs.MEASURED), milliseconds=5.0)
    )


def test_the_page_says_what_is_measured_what_is_assumed_and_when_prices_were_listed():
    text = table(replace(read(costs.MEASURED), milliseconds=50.0, date="2026-01-02"))
    assert "**Measured**: 50.0 ms" in text
    assert "no GPU of these was measured" in text
    for price in prices.ALL:
        (row,) = (line for line in text.splitlines() if line.startswith(f"| {price.what} |"))
        assert row.endswith(f" {price.unit} | {price.listed} |")


def test_what_is_measured_is_as_the_benchmark_has_it():
    """On one core, up to three times what it takes on the two of the benchmark, and not less; both
    pages name their processor, and another one may be twice as fast."""
    latencies = json.loads((REPOSITORY / "docs/benchmarks.json").read_text())["latency"]
    benchmark = latencies["through our Lambda handler, in process"]["review"]["p50"]
    assert 1 < read(costs.MEASURED).milliseconds / benchmark < 2 * 3


def test_a_hundred_million_reviews_are_worked_out_by_hand():
    function, fargate, *gpus = ways(replace(read(costs.MEASURED), milliseconds=72.0))
    # 7.2 million seconds of 1,769 / 1,024 GB at 13.3334 dollars a million GB-seconds
    batches, seconds = 3_125_000, 2.4  # of 32 reviews; 2.304 s, billed by the tenth begun
    runs = batches * (1.00e-6 + seconds * 64 / 1024 * 0.00001667)
    assert function.dollars == pytest.approx(
        7.2 * 1.7275 * 13.3334 + batches * 0.20e-6 + runs, abs=0.1
    )
    assert function.worker_hours == pytest.approx(2000)
    assert fargate.worker_hours == pytest.approx(1000), "two cores a task"
    assert fargate.dollars == pytest.approx(1000 * (2 * 0.03238 + 4 * 0.00356 + 0.005))
    assert gpus[0].worker_hours == pytest.approx(100e6 / 200 / 3600)
    assert gpus[0].dollars == pytest.approx(100e6 / 200 / 3600 * (0.526 * 1.12 + 0.005))


def test_a_gpu_costs_what_the_function_does_where_the_page_says_so():
    function, _, *gpus = ways(read(costs.MEASURED))
    for gpu in gpus:
        at = gpu._replace(rate=even(gpu, function))
        assert at.dollars == pytest.approx(function.dollars)
        assert at._replace(rate=2 * at.rate).dollars < function.dollars


def test_the_page_says_that_no_gpu_was_measured_for_files_either():
    text = files_table(replace(read(costs.MEASURED), milliseconds=50.0, date="2026-01-02"))
    assert "**Measured**: 50.0 ms a review" in text
    assert "none of these\n  cards was measured" in text
    assert "| Lambda, by the map | $" in text
