"""Compare what the function, Fargate and a GPU cost, for requests and for a file.

Writes tables into docs/scaling.md, from docs/costs.json, which `--measure` makes again, and from
the prices below.
"""

import contextlib
import io
import json
import math
import os
import re
import statistics
import timeit
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from infra.configuration.bulk import BulkConfiguration
from infra.configuration.function import FunctionConfiguration
from infra.configuration.service import REQUESTS_PER_SECOND, SIZES
from scripts.common.command_line import command_parser, run, write_json
from scripts.common.markdown import replace_part

cells = " | ".join
Measured = dict[str, Any]
REPOSITORY = Path(__file__).parent.parent
PAGE, MEASURED = REPOSITORY / "docs/scaling.md", REPOSITORY / "docs/costs.json"
# us-east-1, on demand: the item, its price, the day on which a list had it (?: not noted), and the
# service whose page, aws.amazon.com/SERVICE/pricing, lists it.
LISTED = """
Lambda, requests                      | $0.2 a million            | 2026-05-11 | lambda
Lambda, arm64                         | $0.0000133334 a GB-second | 2026-05-11 | lambda
API Gateway, HTTP API, requests       | $1 a million              | ?          | api-gateway
Step Functions, express runs          | $1 a million              | ?          | step-functions
Step Functions, express, 64 MB chunks | $0.00001667 a GB-second   | ?          | step-functions
Fargate, arm64, a vCPU                | $0.03238 an hour          | ?          | fargate
Fargate, arm64, a GB                  | $0.00356 an hour          | ?          | fargate
g4dn.xlarge, NVIDIA T4                | $0.526 an hour            | ?          | ec2
g6.xlarge, NVIDIA L4                  | $0.8048 an hour           | ?          | ec2
g5.xlarge, NVIDIA A10G                | $1.006 an hour            | 2026-06-17 | ec2
gp3 disk                              | $0.08 a GB and month      | ?          | ebs
public IPv4 address                   | $0.005 an hour            | ?          | vpc
load balancer, without capacity units | $0.0225 an hour | 2026-09-20 | elasticloadbalancing
metric of one's own                   | $0.3 a month              | ?          | cloudwatch
alarm                                 | $0.1 a metric and month   | ?          | cloudwatch
"""
LINES = LISTED.strip().replace("?", "2026, on no known day").splitlines()
ITEMS = [[cell.strip() for cell in line.split("|")] for line in LINES]
PRICES = {item: float(price.split()[0].removeprefix("$")) for item, price, *_ in ITEMS}
REQUEST, GB_SECOND = PRICES["Lambda, requests"] / 1e6, PRICES["Lambda, arm64"]
LAMBDA_GB, BULK = FunctionConfiguration().memory_megabytes / 1024, BulkConfiguration()
HOSTED = "hosted decision models ask $0.042 to $0.10 for a million input tokens (2026-11)"
MANAGED = 0.12  # assumed: ECS's fee for Managed Instances; $0.037 for a c6a.2xlarge at $0.306
HOURS, SECONDS = 730, 730 * 3600  # of a month
# Dollars a month: of a service with its 15 metrics in alarms, of the 7 metrics of each task, and of
# the 40 GiB of a machine with a GPU (infra/components).
SERVICE = HOURS * PRICES["load balancer, without capacity units"] + 15 * PRICES["alarm"]
METRICS, DISK = 7 * PRICES["metric of one's own"], 40 * PRICES["gp3 disk"]
MILLIONS, MOST_TASKS, REVIEWS = (1, 10, 50, 100, 300, 1000), 20, 100_000_000
# A text of as many tokens as a typical review has, and how often it is asked.
REVIEW, ANSWERS = "A warm, funny film that never once talks down to us. " * 23, 160


class Worker(NamedTuple):
    """A task, a machine with a GPU, or a function that scores a file."""

    name: str
    hour: float  # dollars
    rate: float  # reviews a second without a pause
    counts: tuple[int, ...]  # of workers on one file, to compare
    given: float = 0.0  # requests a second that a service gives it before it starts another one
    disk: float = 0.0  # dollars a month
    extra: float = 0.0  # dollars that a file costs on top of its workers

    @property
    def task(self) -> float:
        """Return the dollars of a month as a task of a service."""
        return HOURS * self.hour + METRICS + self.disk

    def tasks(self, requests: float) -> int:
        """Return how many a month's requests need if they come evenly; at least one."""
        return max(1, math.ceil(requests / SECONDS / self.given))

    def month(self, requests: float) -> float:
        return SERVICE + self.tasks(requests) * self.task

    @property
    def hours(self) -> float:
        """Return the hours that one worker takes for all reviews."""
        return REVIEWS / self.rate / 3600

    @property
    def dollars(self) -> float:
        return self.hours * self.hour + self.extra


def workers(milliseconds: float) -> list[Worker]:
    """Return Lambda, Fargate and each machine with a GPU, as a stage has them by default."""
    rate, given, address = 1000 / milliseconds, REQUESTS_PER_SECOND, PRICES["public IPv4 address"]
    # An express run is billed by the 100 ms begun, and as 64 MB, which our small states fit.
    seconds = math.ceil(BULK.batch_texts * milliseconds / 100) / 10
    batch = seconds * 64 / 1024 * PRICES["Step Functions, express, 64 MB chunks"]
    batch += PRICES["Step Functions, express runs"] / 1e6 + REQUEST
    extra, counts = math.ceil(REVIEWS / BULK.batch_texts) * batch, (BULK.concurrency, 100, 1000)
    cpus, gigabytes = (size / 1024 for size in SIZES["fargate"])
    fargate = cpus * PRICES["Fargate, arm64, a vCPU"] + gigabytes * PRICES["Fargate, arm64, a GB"]
    gpus = {item: price * (1 + MANAGED) for item, price in PRICES.items() if "NVIDIA" in item}
    gpu = given["gpu"]
    return [
        Worker("Lambda, by the map", LAMBDA_GB * 3600 * GB_SECOND, rate, counts, extra=extra),
        Worker("Fargate, 2 vCPU", fargate + address, cpus * rate, (1, 20, 100), given["fargate"]),
        *(Worker(item, hour + address, gpu, (1, 10), gpu, DISK) for item, hour in gpus.items()),
    ]


def function_dollars(requests: float, milliseconds: float) -> float:
    """Return what Lambda costs, which bills each millisecond begun."""
    return requests * (LAMBDA_GB * math.ceil(milliseconds) / 1000 * GB_SECOND + REQUEST)


def break_even(worker: Worker, milliseconds: float) -> float:
    """Return the requests a month from which on a service is cheaper, infinite if it never is."""
    for tasks in range(1, MOST_TASKS + 1):
        requests = (SERVICE + tasks * worker.task) / function_dollars(1, milliseconds)
        if requests <= tasks * worker.given * SECONDS:
            return max(requests, (tasks - 1) * worker.given * SECONDS)
    return math.inf


def mean_milliseconds(measured: Measured) -> float:
    """Return the milliseconds of an answer, of which a cascade's first stage gives a share."""
    share, first = measured.get("share", 0.0), measured.get("first_milliseconds", 0.0)
    return float(share * first + (1 - share) * measured["milliseconds"])


def month_tables(measured: Measured) -> str:
    """Return what a month of requests costs, and the prices."""
    milliseconds, full = mean_milliseconds(measured), measured["milliseconds"]
    _, *tasks = workers(milliseconds)
    names, right = cells(each.name.split(",")[0] for each in tasks), cells(["---:"] * len(tasks))
    rows = "".join(_month_row(count * 1e6, milliseconds, tasks) for count in MILLIONS)
    months = cells(f"${SERVICE:,.0f} + ${each.task:,.0f}" for each in tasks)
    even = [break_even(each, milliseconds) for each in tasks]
    cheaper = [f"**{at / 1e6:,.0f} million**" if at < math.inf else "never" for at in even]
    million, tokens = function_dollars(1e6, milliseconds), measured["tokens"]
    gateway = million + PRICES["API Gateway, HTTP API, requests"]
    return f"""\
| requests a month | a second | function | {names} |
| ---: | ---: | ---: | {right} |
{rows}
| | {names} |
| --- | {right} |
| a month: the service, and each task | {months} |
| a task is given, a second | {cells(f"{each.given:g}" for each in tasks)} |
| **cheaper than the function from** | {cells(cheaper)} |
| which is, a second, all day | {cells(f"{at / SECONDS:,.0f}" * (at < math.inf) for at in even)} |

Measured: {full} ms through the handler for a review of {measured["tokens"]} tokens, on one
core of {measured["cpu"]}, {measured["date"]} (`{measured["command"]}`).
{_mix(measured)}So a million requests cost the function ${million:.2f}. A million of their
tokens cost ${million / tokens:.4f}, with the gateway's requests ${gateway / tokens:.4f};
{HOSTED}.

| price | | listed on |
| --- | ---: | --- |
""" + "".join(f"| {cells(item[:3])} |\n" for item in ITEMS)


def _mix(measured: Measured) -> str:
    """Return which texts a cascade's first stage answers, and what that costs alone."""
    if not measured.get("share"):
        return ""
    share = f"{100 * measured['share']:.0f} %"
    alone = function_dollars(1e6, measured["milliseconds"])
    return f"""\
Of its validation texts the cascade's first stage answers {share}, a review in
{measured["first_milliseconds"]} ms; with the full model alone a million cost ${alone:.2f}.
"""


def file_table(measured: Measured) -> str:
    """Return what REVIEWS cost and take, once."""
    function, _, *gpus = every = workers(mean_milliseconds(measured))
    even = {gpu.name.split(",")[0]: gpu.hour / 3600 * REVIEWS / function.dollars for gpu in gpus}
    rates = ", ".join(f"{rate:,.0f} ({name})" for name, rate in even.items())
    return f"""\
| {REVIEWS / 1e6:,.0f} million reviews | dollars | hours of one | a second, one | all with |
| --- | ---: | ---: | ---: | --- |
{"".join(map(_file_row, every))}
Lambda costs more than a GPU that scores more reviews a second than {rates}.
${function.extra:,.0f} of Lambda's dollars are requests and express runs of the batches.
"""


def _month_row(requests: float, milliseconds: float, tasks: list[Worker]) -> str:
    costs = [(function_dollars(requests, milliseconds), "")]
    costs += [(each.month(requests), f" ({each.tasks(requests)})") for each in tasks]
    bold = {cost: "**" * (cost == min(costs)[0]) for cost, _ in costs}
    shown = cells(f"{bold[cost]}${cost:,.0f}{bold[cost]}{count}" for cost, count in costs)
    rate = requests / SECONDS
    return f"| {requests / 1e6:,.0f} million | {rate:,.{int(rate < 10)}f} | {shown} |\n"


def _file_row(worker: Worker) -> str:
    taken = ", ".join(f"{count:,}: {_duration(worker.hours / count)}" for count in worker.counts)
    figures = cells([f"${worker.dollars:,.0f}", f"{worker.hours:,.0f}", f"{worker.rate:,.0f}"])
    return f"| {worker.name} | {figures} | {taken} |\n"


def _duration(hours: float) -> str:
    if hours >= 48:
        return f"{hours / 24:,.0f} days"
    return f"{hours:,.0f} h" if hours >= 2 else f"{hours * 60:,.0f} min"


def measure_answers() -> Measured:
    """Time warm answers of the handler in this process, which keeps one core from here on."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.environ["AUTH"], os.environ["THREADS"] = "public", "1"
    os.environ.setdefault("MODELS_DIR", str(REPOSITORY / "build/models"))
    from function.lambda_handler import CATALOG, handler  # opens the model

    event = json.loads((REPOSITORY / "tests/events/http_api_v2.json").read_bytes())

    def ask(parameters: dict[str, str]) -> tuple[float, dict[str, Any]]:
        event["body"] = json.dumps({"inputs": REVIEW, "parameters": parameters})
        event["headers"]["content-length"] = str(len(event["body"]))
        with contextlib.redirect_stdout(io.StringIO()):  # its log
            seconds = timeit.repeat(lambda: handler(event, None), number=1, repeat=ANSWERS)
            (prediction,) = json.loads(handler(event, None)["body"])["predictions"]
        return round(1000 * statistics.median(seconds), 1), prediction

    milliseconds, prediction = ask({"cascade": "off"})
    first_milliseconds, first = ask({})
    cascade = CATALOG.load().artifact.manifest.cascade if first["stage"] == "first" else None
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return {
        "milliseconds": milliseconds,
        "first_milliseconds": first_milliseconds,
        "share": cascade.proof["share"] if cascade else 0.0,
        "tokens": prediction["tokens"],
        "cpu": cpu[1] if cpu else "an unknown processor",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": "python -m scripts.costs --measure",
    }


PARTS = {"computed by make costs": month_tables, "a file, computed by make costs": file_table}


def main() -> None:
    parser = command_parser("scripts.costs", __doc__)
    parser.add_argument("--measure", action="store_true", help="an answer, on one core of this")
    if parser.parse_args().measure:
        write_json(measure_answers(), MEASURED)
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    for name, part in PARTS.items():
        PAGE.write_text(replace_part(PAGE, name, part(measured)), encoding="utf-8")
    print(PAGE.relative_to(REPOSITORY))


if __name__ == "__main__":
    run(main)
