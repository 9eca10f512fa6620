"""The costs as tables of a page."""

import math
from collections.abc import Sequence

from scripts.costing import prices
from scripts.costing.measured import Measured
from scripts.costing.ways import MANAGED, MILLION, SECONDS, Function, Tasks, services

MILLIONS = (1, 10, 50, 100, 300, 1000)
TEXT = """| requests a month | a second | function | {names} |
| ---: | ---: | ---: | {aligned} |
{rows}

| | {names} |
| --- | {aligned} |
| a month: the service, and each task | {months} |
| a task is given, a second | {rates} |
| **cheaper than the function from** | {even} |
| which is, a second, all day | {seconds} |

In brackets: how many tasks. The gateway's $1.00 a million comes on top of all.

- **Measured**: {milliseconds} ms through the handler for a review of {tokens:g} tokens, on one
  core of {cpu}, {date} (`{command}`).
  So a million requests cost the function ${million:.2f}, with the charge for requests.
- **Assumed**: a vCPU of Lambda on arm64 takes as long as that core. Requests come evenly, which a
  function does not need and tasks do. A task is given {fargate:g} requests a second on Fargate and
  {gpu:g} on a GPU before scaling starts another: no GPU of these was measured. ECS's fee for
  Managed Instances is {fee:.0%} of the instance, as AWS's page had it for one type on 2026-09-20.
- **Listed**, in us-east-1, on demand, without a free tier; Frankfurt is about a quarter dearer:

| price | | listed on |
| --- | ---: | --- |
{prices}
"""


def table(measured: Measured) -> str:
    """Month by month, where the lines cross, and what all of it rests on."""
    function, others = Function(measured.milliseconds), services()
    rates = {each.name: each.rate for each in others}
    crossings = [function.break_even(each) for each in others]
    return TEXT.format(
        names=" | ".join(each.name for each in others),
        aligned=" | ".join("---:" for _ in others),
        rows="\n".join(_row(millions * MILLION, function, others) for millions in MILLIONS),
        months=" | ".join(f"${each.fixed:,.0f} + ${each.task:,.0f}" for each in others),
        rates=" | ".join(f"{each.rate:g}" for each in others),
        even=" | ".join(map(_crossing, crossings)),
        seconds=" | ".join(
            "" if math.isinf(each) else f"{each / SECONDS:,.0f}" for each in crossings
        ),
        tokens=measured.tokens,
        milliseconds=measured.milliseconds,
        cpu=measured.cpu,
        date=measured.date,
        command=measured.command,
        million=function.million,
        fargate=rates["Fargate"],
        gpu=others[-1].rate,
        fee=MANAGED,
        prices="\n".join(_price(each) for each in prices.ALL),
    )


def _crossing(requests: float) -> str:
    return "never" if math.isinf(requests) else f"**{requests / MILLION:,.0f} million**"


def _row(requests: int, function: Function, others: Sequence[Tasks]) -> str:
    costs = {"function": function.month(requests)}
    costs |= {each.name: each.month(requests) for each in others}
    cheapest = min(costs.values())
    tasks = {each.name: f" ({each.tasks(requests)})" for each in others}
    cells = [
        f"**${cost:,.0f}**{tasks.get(name, '')}"
        if cost == cheapest
        else f"${cost:,.0f}{tasks.get(name, '')}"
        for name, cost in costs.items()
    ]
    a_second = requests / SECONDS
    shown = f"{a_second:,.1f}" if a_second < 10 else f"{a_second:,.0f}"
    return f"| {requests / MILLION:,.0f} million | {shown} | {' | '.join(cells)} |"


def _price(price: prices.Price) -> str:
    dollars = f"{price.dollars:.10f}".rstrip("0").rstrip(".")
    return f"| {price.what} | ${dollars} {price.unit} | {price.listed} |"
