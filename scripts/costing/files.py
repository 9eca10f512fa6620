"""What a hundred million reviews cost and take, once: from a measured answer and list prices."""

import math
from typing import NamedTuple

from infra.configuration.bulk import BulkConfiguration
from infra.configuration.service import REQUESTS_PER_SECOND, SIZES
from scripts.costing import prices
from scripts.costing.measured import Measured
from scripts.costing.ways import MANAGED, MILLION, Function

REVIEWS = 100 * MILLION
HOUR = 3600
EXPRESS_GB = 64 / 1024  # of a run's memory that is billed at least, and for our small states
EXPRESS_STEP = 0.1  # seconds up to which a run's time is billed
BATCH = BulkConfiguration().batch_texts


class Way(NamedTuple):
    """hour: dollars of one worker. rate: reviews a second of one. beside: dollars for all reviews
    that no worker costs. at_once: numbers of workers to compare."""

    name: str
    hour: float
    rate: float
    beside: float
    at_once: tuple[int, ...]

    @property
    def worker_hours(self) -> float:
        return REVIEWS / self.rate / HOUR

    @property
    def dollars(self) -> float:
        return self.worker_hours * self.hour + self.beside


def ways(measured: Measured) -> list[Way]:
    """Lambda below the distributed map, Fargate, and each machine with a GPU."""
    per_second = 1000 / measured.milliseconds  # of one vCPU
    address = prices.ADDRESS.dollars
    cpu, memory = SIZES["fargate"]
    fargate = cpu / 1024 * prices.FARGATE_VCPU.dollars + memory / 1024 * prices.FARGATE_GB.dollars
    gigabytes = Function(measured.milliseconds).memory_megabytes / 1024
    return [
        Way(
            "Lambda, by the map",
            gigabytes * HOUR * prices.LAMBDA_ARM64.dollars,
            per_second,
            _of_batches(measured),
            (BulkConfiguration().concurrency, 100, 1000),
        ),
        Way("Fargate, 2 vCPU", fargate + address, cpu / 1024 * per_second, 0.0, (1, 20, 100)),
        *(
            Way(
                price.what,
                price.dollars * (1 + MANAGED) + address,
                REQUESTS_PER_SECOND["gpu"],
                0.0,
                (1, 10),
            )
            for price in (prices.G4DN, prices.G6, prices.G5)
        ),
    ]


def even(way: Way, other: Way) -> float:
    """Reviews a second of one worker from which on it costs no more than another way."""
    return way.hour / HOUR / ((other.dollars - way.beside) / REVIEWS)


def _of_batches(measured: Measured) -> float:
    """Dollars for the requests of all batches, and for the express runs that make them."""
    batches = math.ceil(REVIEWS / BATCH)
    seconds = math.ceil(BATCH * measured.milliseconds / 1000 / EXPRESS_STEP) * EXPRESS_STEP
    run = seconds * EXPRESS_GB * prices.EXPRESS_GB_SECOND.dollars
    requests = prices.LAMBDA_REQUESTS.dollars + prices.EXPRESS_REQUESTS.dollars
    return batches * (run + requests / MILLION)
