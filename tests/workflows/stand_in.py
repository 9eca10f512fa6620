"""Stand-in of `make`, `python` and `sudo` in a workflow's steps: records its calls, and answers.

CALLS: a file that gets a line of JSON for each call. ANSWERS: a JSON list of objects; the first
whose `when` is part of the command line counts. `outputs` go to the file behind --outputs, `files`
to those behind other options; `code` is the exit code. It fails unless `variables` are as they say.
"""

import json
import os
import shutil
import sys
from pathlib import Path


def main() -> int:
    program, arguments = Path(sys.argv[1]), sys.argv[2:]
    line = " ".join([program.name, *arguments])
    with Path(os.environ["CALLS"]).open("a") as calls:
        calls.write(json.dumps([program.name, *arguments]) + "\n")
    if program.name == "make" and arguments[0].startswith(".venv/"):
        environment = Path(".venv/bin/python")
        environment.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(program, environment)
    for answer in json.loads(Path(os.environ["ANSWERS"]).read_text()):
        if answer["when"] in line:
            return give(answer, arguments)
    return 0


def give(answer: dict[str, object], arguments: list[str]) -> int:
    outputs, files, code = answer.get("outputs"), answer.get("files"), answer.get("code", 0)
    variables = answer.get("variables", {})
    assert isinstance(variables, dict)
    for name, value in variables.items():
        if os.environ.get(name, "") != value:
            print(f"{name} is {os.environ.get(name)}, not {value}")
            return 9
    if isinstance(outputs, dict) and "--outputs" in arguments:
        with Path(_after("--outputs", arguments)).open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in outputs.items())
    if isinstance(files, dict):
        for option, content in files.items():
            Path(_after(option, arguments)).write_text(content)
    assert isinstance(code, int)
    return code


def _after(option: str, arguments: list[str]) -> str:
    return arguments[arguments.index(option) + 1]


if __name__ == "__main__":
    sys.exit(main())
