"""What a hundred million reviews cost and take, as a part of a page."""

from scripts.costing.files import BATCH, HOUR, REVIEWS, Way, even, ways
from scripts.costing.measured import Measured
from scripts.costing.ways import MANAGED, MILLION

TEXT = """| {reviews:,.0f} million reviews | dollars | hours of one | a second, one | all with |
| --- | ---: | ---: | ---: | --- |
{rows}

- **Measured**: {milliseconds} ms a review of {tokens:g} tokens on one core ({date},
  `{command}`): the only figure of speed here that anybody took.
- **Assumed**: a vCPU of Lambda and of Fargate takes as long as that core; a GPU reads {gpu:g}
  reviews a second, which is what scaling gives a task to start with, low on purpose: none of these
  cards was measured. A batch is {batch} reviews; ECS's fee for Managed Instances is {fee:.0%}. All
  workers are busy all the time, which a queue of files gives and callers do not.
- **A GPU is cheaper than Lambda** where it reads more reviews a second than {crossings}.
  Measure yours before you choose: its price moves with that rate and nothing else.
- Lambda: ${beside:,.0f} of it are requests and express runs of {batches:.1f} million batches.
- Not in it: S3 (cents a million rows), logs, the load balancer, start-up, and what leaves AWS.
"""


def files_table(measured: Measured) -> str:
    """Way by way, and what all of it rests on."""
    found = ways(measured)
    function, *_ = found
    gpus = found[2:]
    return TEXT.format(
        reviews=REVIEWS / MILLION,
        rows="\n".join(map(_row, found)),
        milliseconds=measured.milliseconds,
        tokens=measured.tokens,
        date=measured.date,
        command=measured.command,
        gpu=gpus[0].rate,
        batch=BATCH,
        fee=MANAGED,
        crossings=", ".join(
            f"{even(gpu, function):,.0f} ({gpu.name.partition(',')[0]})" for gpu in gpus
        ),
        beside=function.beside,
        batches=REVIEWS / BATCH / MILLION,
    )


def _row(way: Way) -> str:
    taken = ", ".join(f"{count:,}: {_time(way.worker_hours / count)}" for count in way.at_once)
    rate = f"{way.rate:,.0f}"
    return f"| {way.name} | ${way.dollars:,.0f} | {way.worker_hours:,.0f} | {rate} | {taken} |"


def _time(hours: float) -> str:
    if hours >= 48:
        return f"{hours / 24:,.0f} days"
    return f"{hours:,.0f} h" if hours >= 2 else f"{hours * HOUR / 60:,.0f} min"
