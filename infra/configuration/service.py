"""Configuration of a stage's ECS service: capacity, size, number of tasks and sleep."""

from dataclasses import dataclass, field
from typing import Literal

from infra.configuration.checks import Section

Capacity = Literal["gpu", "fargate"]
Egress = Literal["public_addresses", "nat_gateway"]

# Sizes on EC2 with one NVIDIA GPU. The image does not run on GPUs of AMD (g4ad) or with an Arm
# processor (g5g), and g6f has a part of a GPU. Larger sizes have several, of which a task uses one.
ONE_GPU = r"(?!g4ad|g5g|[a-z0-9]+f\.)g[r4-9][a-z0-9]*\.(xlarge|(2|4|8|16)xlarge)|p5\.4xlarge"
VCPUS = {"xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32, "16xlarge": 64}
# Sizes on Fargate: CPU units to lowest and highest memory, and its step, in MiB.
FARGATE_SIZES = {
    1024: (2048, 8192, 1024),
    2048: (4096, 16384, 1024),
    4096: (8192, 30720, 1024),
    8192: (16384, 61440, 4096),
    16384: (32768, 122880, 8192),
}
# Addresses of a zone's subnet of 64 without AWS's own 5, and 10 for load balancer and gateway. On
# instances a task has one and its machine another; a deployment runs all tasks twice.
ADDRESSES, INTERFACES = 64 - 5 - 10, {"gpu": 2, "fargate": 1}
# Default CPU units and MiB of a task: on a GPU what the system leaves of the smallest instance with
# 4 vCPU and 16 GiB; on Fargate what infers about as fast as the function.
SIZES: dict[str, tuple[int, int]] = {"gpu": (3072, 12288), "fargate": (2048, 4096)}
# Default target, well below what such a task can do; `make soak` measures yours.
REQUESTS_PER_SECOND: dict[str, float] = {"gpu": 200, "fargate": 20}


@dataclass(frozen=True, kw_only=True)
class SleepConfiguration(Section, prefix="service.sleep"):
    """Hours in which no task needs to run, by cron expressions of Application Auto Scaling.

    `wakes` lets a request start a task in between; callers get 503 until the task is ready.
    """

    start: str
    end: str
    time_zone: str = "Etc/UTC"
    wakes: bool = True

    def __post_init__(self) -> None:
        self.require_hours(self.start, self.end)


@dataclass(frozen=True, kw_only=True)
class ServiceConfiguration(Section, prefix="service"):
    """ECS service that runs the server, for heavy traffic.

    Attributes:
        capacity: `gpu` runs on ECS Managed Instances, `fargate` on CPUs.
        instance_types: Types on x86-64 with one NVIDIA GPU. ECS takes the cheapest available.
        spot: Capacity that AWS may reclaim, for about a third of the price.
        architecture: Processor on Fargate; `arm64` costs 20 % less.
        cpu: CPU units of a task; a vCPU has 1,024. None for the default of the capacity.
        memory_megabytes: Memory of a task, likewise.
        minimum_tasks: Tasks without traffic. 0 lets the service scale to zero.
        requests_per_second: Requests of one task above which another starts. None for the default.
        queue_windows: Windows waiting in one task above which another starts.
        sleep: Hours without tasks, whatever the minimum.
        egress: Route of the tasks to AWS's interfaces; docs/scaling.md has the prices.
        zones: Letters of two or three zones that offer the instances. Empty takes the first two.
        address_range: Addresses of the network, which connects to no other.
        environment: Further settings of the server, such as MAX_QUEUE.
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
        self.require(bool(self.instance_types), "instance_types", "name at least one")
        # ECS would wait for ever for a machine of another type.
        like = "g6.xlarge, with one NVIDIA GPU on x86-64"
        self.require_match("instance_types", ONE_GPU, like)
        self._check_size()
        room = max(2, len(self.zones)) * ADDRESSES // (2 * INTERFACES[self.capacity])
        self.require_between("maximum_tasks", 1, room, "tasks, by addresses of its zones")
        self.require_between("minimum_tasks", 0, self.maximum_tasks, "tasks")
        self.require_between("requests_per_second", 0.1, 100_000, "a second")
        self.require_between("queue_windows", 1, 1_000_000, "windows")
        self.require(
            not self.zones or len({*self.zones}) == len(self.zones) in (2, 3),
            "zones",
            "name two or three, each once: a load balancer wants two",
        )
        self.require_match("zones", r"[a-z]", "a")
        self.require_match("address_range", r"\d+\.\d+\.\d+\.0/2[0-4]", "10.40.0.0/24")
        settings = r"(MAX|BATCH)_[A-Z_]+|MOST_LOADED|THREADS|PRECISION|LOG_LEVEL"
        like = "MAX_QUEUE, BATCH_TOKENS, THREADS, PRECISION or LOG_LEVEL"
        self.require_match("environment", settings, like)

    def _check_size(self) -> None:
        if self.capacity == "gpu":
            largest = 1024 * max(map(vcpus, self.instance_types))
            self.require_between("cpu", 1024, largest, "CPU units of service.instance_types")
            self.require_between("memory_megabytes", 4096, 2_000_000, "MiB")
            return
        cpu, memory = self.size
        sizes = ", ".join(map(str, FARGATE_SIZES))
        self.require(cpu in FARGATE_SIZES, "cpu", f"{cpu} is none of Fargate's {sizes}")
        lowest, highest, step = FARGATE_SIZES[cpu]
        self.require(
            lowest <= memory <= highest and (memory - lowest) % step == 0,
            "memory_megabytes",
            f"{memory} does not go with {cpu} CPU units on Fargate: take {lowest} to {highest} "
            f"in steps of {step}",
        )

    @property
    def size(self) -> tuple[int, int]:
        """Return the CPU units and MiB of a task."""
        cpu, memory = SIZES[self.capacity]
        return self.cpu or cpu, self.memory_megabytes or memory

    @property
    def target_requests_per_second(self) -> float:
        """Return the requests of one task above which another starts."""
        if self.requests_per_second is None:
            return REQUESTS_PER_SECOND[self.capacity]
        return self.requests_per_second

    @property
    def platform(self) -> str:
        """Return the value of `docker build --platform` for the server's image."""
        arm = self.capacity == "fargate" and self.architecture == "arm64"
        return "linux/arm64" if arm else "linux/amd64"

    @property
    def variant(self) -> str:
        """Return the variant of Dockerfile.ecs-gpu: gpu or cpu."""
        return "gpu" if self.capacity == "gpu" else "cpu"


def vcpus(kind: str) -> int:
    """Return the number of vCPUs of an instance type with one GPU."""
    return VCPUS[kind.partition(".")[2]]
