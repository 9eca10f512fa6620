"""Write a notice to the page of a workflow's run, such as why a job was skipped.

Needs only the standard library.
"""

import argparse

from scripts.common.command_line import add_to_summary, run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.workflow.notice", description=__doc__)
    parser.add_argument("words", help="one line")
    words = parser.parse_args().words
    print(f"::notice::{words}")
    add_to_summary(words)


if __name__ == "__main__":
    run(main)
