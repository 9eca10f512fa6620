"""A `transformers` pipeline and no more: import, open the checkpoint, answer.

Run as `python -m scripts.benchmark.bare_pipeline CHECKPOINT`.
"""

import sys

from scripts.benchmark.plain_pipeline import open_pipeline

TEXT = "A warm and funny film."


def main() -> None:
    classify = open_pipeline(sys.argv[1])
    print("answered", classify(TEXT)[0]["label"], flush=True)


if __name__ == "__main__":
    main()
