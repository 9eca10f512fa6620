"""A worker: texts through the plain pipeline, for its scores and for how long they take."""

import json
import sys
import time

from scripts.benchmark.plain_pipeline import open_pipeline


def main() -> None:
    job = json.load(sys.stdin)
    classify = open_pipeline(job["checkpoint"])
    answers = [classify(text) for text in job["texts"]]
    milliseconds = []
    for index in range(job["count"]):
        begun = time.perf_counter()
        classify(job["texts"][index % len(job["texts"])])
        milliseconds.append(1000 * (time.perf_counter() - begun))
    print(json.dumps({"answers": answers, "milliseconds": milliseconds}))


if __name__ == "__main__":
    main()
