"""What the ways of serving cost, worked out by hand and by the command."""

import json
import math
import re

import pytest

from scripts import costs
from scripts.common.markdown import replace_part
from scripts.costs import (
    MANAGED,
    MOST_TASKS,
    REVIEWS,
    SECONDS,
    SERVICE,
    Worker,
    break_even,
    file_table,
    function_dollars,
    month_tables,
    workers,
)
from tests.commands import REPOSITORY

MEASURED = json.loads(costs.MEASURED.read_text())
# A task of it is $40 a month, to the cent: 730 hours, and $2.10 for its metrics.
CHEAP = Worker("cheap", hour=37.9 / 730, rate=20, counts=(1,), given=20)


@pytest.mark.parametrize("part", costs.PARTS)
def test_the_page_is_what_the_prices_and_the_measurement_give(part):
    now = replace_part(costs.PAGE, part, costs.PARTS[part](MEASURED))
    assert costs.PAGE.read_text() == now, "make costs"


def test_a_function_costs_by_the_millisecond_begun():
    # 1,769 / 1,024 GB x 0.072 s x 13.3334 dollars a million GB-seconds, and 0.20 for requests
    million = function_dollars(1e6, 71.2)
    assert million == pytest.approx(1.7275 * 0.072 * 13.3334 + 0.20, abs=1e-3)
    assert million == function_dollars(1e6, 72)
    assert function_dollars(10e6, 71.2) == pytest.approx(18.58, abs=0.01)


def test_a_cascade_costs_the_mix_of_its_stages():
    mixed = MEASURED | {"milliseconds": 71.2, "first_milliseconds": 1.2, "share": 0.75}
    assert costs.mean_milliseconds(mixed) == pytest.approx(0.75 * 1.2 + 0.25 * 71.2)
    page = month_tables(mixed)
    assert f"cost the function ${function_dollars(1e6, 18.7):.2f}." in page
    assert "first stage answers 75 %, a review in\n1.2 ms" in page
    assert f"with the full model alone a million cost ${function_dollars(1e6, 71.2):.2f}" in page
    assert "first stage" not in month_tables(MEASURED | {"share": 0.0})


def test_a_million_tokens_cost_their_share_of_the_requests_that_carry_them():
    page = month_tables(MEASURED | {"milliseconds": 71.2, "share": 0.0, "tokens": 297})
    assert "tokens cost $0.0063, with the gateway's requests $0.0096;" in page


def test_tasks_are_added_for_requests_and_one_is_always_there():
    assert CHEAP.tasks(0) == 1
    assert CHEAP.tasks(20 * SECONDS) == 1
    assert CHEAP.tasks(20 * SECONDS + 1) == 2
    assert pytest.approx(730 * 0.0225 + 15 * 0.10) == SERVICE
    assert CHEAP.month(30 * SECONDS) == pytest.approx(SERVICE + 2 * 40)


@pytest.mark.parametrize("milliseconds", [20, 60, 71.2, 300])
def test_lines_cross_where_both_cost_the_same(milliseconds):
    for each in workers(71.2)[1:]:
        crossing = break_even(each, milliseconds)
        if math.isinf(crossing):
            full = [tasks * each.given * SECONDS for tasks in range(1, MOST_TASKS + 1)]
            assert all(each.month(many) > function_dollars(many, milliseconds) for many in full)
            continue
        before, after = crossing * (1 - 1e-6), crossing * (1 + 1e-6)
        assert each.month(before) >= function_dollars(before, milliseconds)
        assert each.month(after) <= function_dollars(after, milliseconds)


def test_a_second_task_is_counted_where_one_cannot_answer_n_a_second():
    milliseconds = 1  # so cheap that a task would have to answer more than it is given
    by_task = CHEAP.given * SECONDS
    assert break_even(CHEAP._replace(hour=6.9 / 730), milliseconds) > by_task
    assert math.isinf(break_even(CHEAP._replace(hour=1000 / 730), milliseconds))


def test_a_service_that_is_never_cheaper_is_said_to_be_so():
    assert "| **cheaper than the function from** | never |" in month_tables(
        {**MEASURED, "milliseconds": 5.0}
    )


def test_the_page_says_what_is_measured_what_is_assumed_and_when_prices_were_listed():
    text = month_tables({**MEASURED, "milliseconds": 50.0, "date": "2026-01-02"})
    assert "Measured: 50.0 ms" in text
    assert "2026-01-02" in text
    page = costs.PAGE.read_text()
    assert "No GPU of these was measured" in page
    assert f"Managed Instances is {MANAGED:.0%} of the instance" in page
    for item, price, listed, where in costs.ITEMS:
        assert f"| {item} | {price} | {listed} |\n" in text
        assert re.fullmatch("[a-z0-9-]+", where)


def test_what_is_measured_is_as_the_benchmark_has_it():
    """On one core, up to three times what it takes on the two of the benchmark, and not less; both
    pages name their processor, and another one may be two and a half times as fast."""
    latencies = json.loads((REPOSITORY / "docs/benchmarks.json").read_text())["latency"]
    benchmark = latencies["through our Lambda handler, in process"]["review"]["p50"]
    assert 1 < MEASURED["milliseconds"] / benchmark < 2.5 * 3


def test_a_hundred_million_reviews_are_worked_out_by_hand():
    function, fargate, *gpus = workers(72.0)
    # 7.2 million seconds of 1,769 / 1,024 GB at 13.3334 dollars a million GB-seconds
    batches, seconds = 3_125_000, 2.4  # of 32 reviews; 2.304 s, billed by the tenth begun
    runs = batches * (1.00e-6 + seconds * 64 / 1024 * 0.00001667)
    assert function.dollars == pytest.approx(
        7.2 * 1.7275 * 13.3334 + batches * 0.20e-6 + runs, abs=0.1
    )
    assert function.hours == pytest.approx(2000)
    assert fargate.hours == pytest.approx(1000), "two cores a task"
    assert fargate.dollars == pytest.approx(1000 * (2 * 0.03238 + 4 * 0.00356 + 0.005))
    assert gpus[0].hours == pytest.approx(100e6 / 200 / 3600)
    assert gpus[0].dollars == pytest.approx(100e6 / 200 / 3600 * (0.526 * 1.12 + 0.005))


def test_a_gpu_costs_what_the_function_does_at_the_rate_on_the_page():
    function, _, *gpus = workers(MEASURED["milliseconds"])
    rates = dict(map(reversed, re.findall(r"([\d,]+) \((\S+xlarge)\)", file_table(MEASURED))))
    for gpu in gpus:
        rate = float(rates[gpu.name.split(",")[0]])  # rounded
        assert gpu._replace(rate=rate - 0.5).dollars >= function.dollars
        assert gpu._replace(rate=rate + 0.5).dollars <= function.dollars
        assert gpu._replace(rate=2 * rate).dollars < function.dollars


def test_the_page_says_that_no_gpu_was_measured_for_files_either():
    assert "none of these cards was measured" in costs.PAGE.read_text()
    assert f"| {REVIEWS / 1e6:,.0f} million reviews |" in file_table(MEASURED)
    assert "| Lambda, by the map | $" in file_table(MEASURED)
