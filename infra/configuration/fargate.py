"""What a task may have on Fargate."""

from infra.configuration.checks import require

# CPU units: lowest and highest memory, and its step, in MiB.
SIZES = {
    1024: (2048, 8192, 1024),
    2048: (4096, 16384, 1024),
    4096: (8192, 30720, 1024),
    8192: (16384, 61440, 4096),
    16384: (32768, 122880, 8192),
}


def require_fargate_size(cpu: int, memory: int, section: str) -> None:
    """Raises ConfigurationError where no task is of so many CPU units and MiB. section: whose `cpu`
    and `memory_megabytes` they are."""
    sizes = ", ".join(map(str, SIZES))
    require(cpu in SIZES, f"{section}.cpu", f"{cpu} is none of Fargate's {sizes}")
    lowest, highest, step = SIZES[cpu]
    require(
        lowest <= memory <= highest and (memory - lowest) % step == 0,
        f"{section}.memory_megabytes",
        f"{memory} does not go with {cpu} CPU units on Fargate: take {lowest} to {highest} "
        f"in steps of {step}",
    )
