"""Write a notice to the page of a workflow's run, such as why a job was skipped.

Needs only the standard library.
"""

from scripts.common.command_line import add_to_summary, command_parser, run


def main() -> None:
    parser = command_parser("scripts.workflow.notice", __doc__)
    parser.add_argument("words", help="one line")
    words = parser.parse_args().words
    print(f"::notice::{words}")
    add_to_summary(words)


if __name__ == "__main__":
    run(main)
