"""A worker: what torch runs on here, and how fast it multiplies matrices in bfloat16.

A job on stdin: `{"device", "size"}`; on stdout `{"card", "rate"}`: its name and operations a
second, or null twice where torch has no such device.
"""

import json
import platform
import statistics
import sys
import time

import torch

REPEATS, TRIES = 20, 5


def main() -> None:
    job = json.load(sys.stdin)
    if job["device"] == "cuda" and not torch.cuda.is_available():
        print(json.dumps({"card": None, "rate": None}))
        return
    on_gpu = job["device"] == "cuda"
    card = torch.cuda.get_device_name() if on_gpu else platform.machine()
    print(json.dumps({"card": card, "rate": rate(job["device"], job["size"])}))


def rate(device: str, size: int) -> float:
    """Operations a second of products of two (size, size) matrices: 2 size³ each, the median of
    some tries."""
    left, right = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    out = torch.empty_like(left)
    tries = []
    for attempt in range(1 + TRIES):
        begun = time.perf_counter()
        for _ in range(REPEATS):
            torch.matmul(left, right, out=out)
        if device == "cuda":
            torch.cuda.synchronize()
        if attempt:  # the first chooses a kernel
            tries.append(2 * size**3 * REPEATS / (time.perf_counter() - begun))
    return statistics.median(tries)


if __name__ == "__main__":
    main()
