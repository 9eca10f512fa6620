"""The ECS service of a stage that has one: what it runs on, how many of it, and when none."""

from dataclasses import dataclass, field
from typing import Literal

from infra.configuration.checks import require, require_between, require_match
from infra.configuration.fargate import require_fargate_size
from infra.configuration.keys import keys
from infra.configuration.machines import require_one_gpu, vcpus

Capacity = Literal["gpu", "fargate"]
Egress = Literal["public_addresses", "nat_gateway"]

# Of the smallest instances with one GPU, 4 vCPU and 16 GiB, what is left beside the system; of
# Fargate what reads about as fast as the function.
SIZES: dict[str, tuple[int, int]] = {"gpu": (3072, 12288), "fargate": (2048, 4096)}
# To start from, well below what such a task can do; `make soak` measures yours.
REQUESTS_PER_SECOND: dict[str, float] = {"gpu": 200, "fargate": 20}


@keys("service.sleep")
@dataclass(frozen=True, kw_only=True)
class SleepConfiguration:
    """Hours in which no task needs to run.

    start, end: cron expressions of Application Auto Scaling, in the time zone. wakes: whether a
    request may start a task in between; it and those that follow are answered 503 until one is up.
    """

    start: str
    end: str
    time_zone: str = "Etc/UTC"
    wakes: bool = True

    def __post_init__(self) -> None:
        for key, value in {"start": self.start, "end": self.end}.items():
            require_match(
                r"cron\(\S+( \S+){5}\)", value, f"service.sleep.{key}", "cron(0 20 ? * MON-FRI *)"
            )
        require(self.start != self.end, "service.sleep.end", "is when it started: none would run")
        require_match(
            r"[A-Za-z_]+(/[A-Za-z_+-]+\d*)+", self.time_zone, "service.sleep.time_zone", "Etc/UTC"
        )


@keys("service")
@dataclass(frozen=True, kw_only=True)
class ServiceConfiguration:
    """Where the server runs for heavy traffic.

    capacity: `gpu` runs on ECS Managed Instances, `fargate` on a CPU. instance_types: with NVIDIA
    GPUs on x86-64; the cheapest that is to be had is taken, of sizes with one GPU. spot: such as
    AWS may take away again, for about a third of the price. architecture: of Fargate; `arm64`
    costs 20 % less. cpu, memory_megabytes: of a task, in CPU units of which a vCPU has 1,024.

    minimum_tasks: 0 lets the service go to sleep whenever nobody asks. requests_per_second,
    queue_windows: of a task, above which another is started: requests that it answers, and windows
    of text that wait in it. sleep: when no task needs to run, whatever the minimum.

    egress: how tasks reach AWS's own interfaces. zones: letters of those where the instances are
    to be had, two or three; by default the region's first two. address_range: of the network, which
    nothing else connects to. environment: further settings of the server, such as MAX_QUEUE.
    """

    capacity: Capacity = "gpu"
    instance_types: tuple[str, ...] = ("g6.xlarge", "g5.xlarge", "g4dn.xlarge")
    spot: bool = False
    architecture: Literal["arm64", "x86_64"] = "arm64"
    cpu: int | None = None
    memory_megabytes: int | None = None
    minimum_tasks: int = 1
    maximum_tasks: int = 2
    requests_per_second: float | None = None
    queue_windows: int = 128
    sleep: SleepConfiguration | None = None
    egress: Egress = "public_addresses"
    zones: tuple[str, ...] = ()
    address_range: str = "10.40.0.0/24"
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(
            self.capacity in SIZES,
            "service.capacity",
            f"'{self.capacity}' is neither gpu nor fargate",
        )
        require(bool(self.instance_types), "service.instance_types", "name at least one")
        for kind in self.instance_types:
            require_one_gpu(kind, "service.instance_types")
        require(
            self.architecture in ("arm64", "x86_64"),
            "service.architecture",
            f"'{self.architecture}' is neither arm64 nor x86_64",
        )
        self._check_size()
        require_between(self.maximum_tasks, 1, 1000, "service.maximum_tasks", "tasks")
        require_between(self.minimum_tasks, 0, self.maximum_tasks, "service.minimum_tasks", "tasks")
        require_between(
            self.target_requests_per_second, 0.1, 100_000, "service.requests_per_second", "a second"
        )
        require_between(self.queue_windows, 1, 1_000_000, "service.queue_windows", "windows")
        require(
            self.egress in ("public_addresses", "nat_gateway"),
            "service.egress",
            f"'{self.egress}' is neither public_addresses nor nat_gateway",
        )
        require(
            not self.zones or len({*self.zones}) == len(self.zones) in (2, 3),
            "service.zones",
            "name two or three, each once: a load balancer wants two",
        )
        for zone in self.zones:
            require_match(r"[a-z]", zone, "service.zones", "a")
        require_match(
            r"\d+\.\d+\.\d+\.0/2[0-4]", self.address_range, "service.address_range", "10.40.0.0/24"
        )
        for name in self.environment:
            require_match(
                r"(MAX|BATCH)_[A-Z]+|THREADS|PRECISION|LOG_LEVEL",
                name,
                "service.environment",
                "MAX_QUEUE, BATCH_TOKENS, THREADS, PRECISION or LOG_LEVEL",
            )

    def _check_size(self) -> None:
        cpu, memory = self.size
        if self.capacity == "gpu":
            largest = 1024 * max(map(vcpus, self.instance_types))
            require_between(
                cpu, 1024, largest, "service.cpu", "CPU units of service.instance_types"
            )
            require_between(memory, 4096, 2_000_000, "service.memory_megabytes", "MiB")
            return
        require_fargate_size(cpu, memory, "service")

    @property
    def size(self) -> tuple[int, int]:
        """CPU units and MiB of a task."""
        cpu, memory = SIZES[self.capacity]
        return self.cpu or cpu, self.memory_megabytes or memory

    @property
    def target_requests_per_second(self) -> float:
        """What a task is to answer before another one is started."""
        if self.requests_per_second is None:
            return REQUESTS_PER_SECOND[self.capacity]
        return self.requests_per_second

    @property
    def platform(self) -> str:
        """What the server's image must be built for, as `docker build --platform` takes it."""
        arm = self.capacity == "fargate" and self.architecture == "arm64"
        return "linux/arm64" if arm else "linux/amd64"

    @property
    def variant(self) -> str:
        """Of Dockerfile.ecs-gpu: gpu or cpu."""
        return "gpu" if self.capacity == "gpu" else "cpu"
