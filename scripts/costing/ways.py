"""The ways of serving: what a month of each costs, and from how many requests on it is cheaper."""

import math
from typing import NamedTuple

from infra.configuration.function import FunctionConfiguration
from infra.configuration.service import REQUESTS_PER_SECOND, SIZES
from scripts.costing import prices

HOURS = 730  # of a month
SECONDS = 3600 * HOURS
MILLION = 1_000_000
MOST_TASKS = 20
# Assumed: ECS's fee for Managed Instances, of the instance's price on demand. Of a c6a.2xlarge it
# was $0.037 of $0.306 on AWS's page of 2026-09-20.
MANAGED = 0.12
DISK_GIB = 40  # infra/components/gpu_capacity.py
METRICS, ALARMS = 7, 15  # of a service: infra/components/service_alarms.py and task_scaling.py


class Tasks(NamedTuple):
    """A service whose tasks run all month. fixed, task: dollars a month, of the service and of each
    task. rate: requests a second that a task is given, before another is started."""

    name: str
    fixed: float
    task: float
    rate: float

    def month(self, requests: float) -> float:
        """Dollars for requests that come evenly."""
        return self.fixed + self.tasks(requests) * self.task

    def tasks(self, requests: float) -> int:
        """How many are needed for requests that come evenly; one at least."""
        return max(1, math.ceil(requests / SECONDS / self.rate))


class Function(NamedTuple):
    """Lambda, which costs by the request. milliseconds: of an answer on one vCPU."""

    milliseconds: float
    memory_megabytes: int = FunctionConfiguration().memory_megabytes

    @property
    def million(self) -> float:
        """Dollars for a million requests."""
        seconds = math.ceil(self.milliseconds) / 1000  # billed by the millisecond begun
        gigabytes = self.memory_megabytes / 1024
        compute = gigabytes * seconds * MILLION * prices.LAMBDA_ARM64.dollars
        return compute + prices.LAMBDA_REQUESTS.dollars

    def month(self, requests: float) -> float:
        """Dollars for requests, whenever they come."""
        return self.million * requests / MILLION

    def break_even(self, service: Tasks) -> float:
        """Requests a month from which on a service costs less, as tasks are added for them.

        Infinite where it never does, with as many as MOST_TASKS: each costs more than it answers.
        """
        by_task = service.rate * SECONDS
        for tasks in range(1, MOST_TASKS + 1):
            requests = (service.fixed + tasks * service.task) * MILLION / self.million
            if requests <= tasks * by_task:
                return max(requests, (tasks - 1) * by_task)
        return math.inf


def services() -> list[Tasks]:
    """Fargate, and each machine with a GPU that the configuration takes by default."""
    cpu, memory = SIZES["fargate"]
    around = METRICS * prices.METRIC.dollars + HOURS * prices.ADDRESS.dollars
    fixed = HOURS * prices.BALANCER.dollars + ALARMS * prices.ALARM.dollars
    hour = cpu / 1024 * prices.FARGATE_VCPU.dollars + memory / 1024 * prices.FARGATE_GB.dollars
    fargate = Tasks("Fargate", fixed, HOURS * hour + around, REQUESTS_PER_SECOND["fargate"])
    disk = DISK_GIB * prices.DISK.dollars
    return [
        fargate,
        *(
            Tasks(
                price.what.partition(",")[0],
                fixed,
                HOURS * price.dollars * (1 + MANAGED) + disk + around,
                REQUESTS_PER_SECOND["gpu"],
            )
            for price in (prices.G4DN, prices.G6, prices.G5)
        ),
    ]
