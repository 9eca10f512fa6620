"""The checks of a night, in order. Each is what tests on one machine cannot prove.

They are the questions that only an account answers, which docs/deploying.md lists at its end: that
CloudFormation makes everything in order from nothing and takes it away, that IAM reads policies as
we do, that CodeDeploy shifts traffic, rolls back and says why, that a second deployment is none.
"""

import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from infra.configuration.sandbox import NIGHTLY
from tests.nightly.checklist import Check, require
from tests.nightly.night import FOUNDATION, MODEL, TEXT, Night
from tests.rehearsal.model_variants import WORD, breaking_on, leaning

BETTER, WORSE = leaning(0.4), leaning(-1.0)
PYTHON = sys.executable
CLIENTS = {
    "curl.sh": ["bash"],
    "python_client.py": [PYTHON],
    "javascript_client.mjs": ["node"],
    "hugging_face_client.py": [PYTHON],
    "triton_client.py": [PYTHON],
    "notebook.ipynb": [str(Path(PYTHON).with_name("jupyter-execute"))],
}
FIRST, BETTER_LIVE = "make deploy, from nothing", "a better model goes live by a canary"
ROWS = 200
TRIES, PAUSE_SECONDS = 80, 15  # 20 minutes


def checks(night: Night) -> Iterator[Check[Night]]:
    """Yield the checks of a night's stage; `destroy` comes after them."""
    yield Check("nothing is left of another night", clean)
    yield Check(FIRST, _first_deployment)
    yield Check("make deploy again changes nothing", _again, (FIRST,))
    for name, command in CLIENTS.items():
        yield Check(f"examples/{name}", partial(_client, name=name, command=command), (FIRST,))
    if night.stage.service:
        yield Check("the service answers", _service, (FIRST,))
    yield Check(BETTER_LIVE, _better, (FIRST,))
    yield Check("a worse model is refused", _worse, (FIRST,))
    yield Check("a version that fails callers is rolled back", _failing_canary, (BETTER_LIVE,))
    yield Check("make deploy serves the better model", _redeploy, (BETTER_LIVE,))
    if night.stage.bulk:
        yield Check("bulk scoring", _bulk, (FIRST,))
    yield Check("roll back", _roll_back, (BETTER_LIVE,))


def destroy(night: Night) -> str:
    """Delete the stage and the foundation as people do, and check that nothing is left."""
    name = night.stage.name
    try:
        for each in (name, FOUNDATION):
            if _stacks(night, each):
                night.make("destroy", each, typed=f"{each}\n")
    finally:
        found = clean(night)
    return found


def clean(night: Night) -> str:
    """Delete what any night may have left, once nothing changes it. Raises where something stays.

    A night that was stopped leaves CloudFormation at work.
    """
    _settle(night)
    found = [name for name in (*NIGHTLY, FOUNDATION) if _stacks(night, name)]
    for name in found:
        night.script("destroy", "--stage", name, "--yes")
    left = [stack for name in (*NIGHTLY, FOUNDATION) for stack in _stacks(night, name)]
    require(not left, f"nothing is left, but {', '.join(left)} is")
    return f"deleted: {', '.join(found)}" if found else "nothing"


def _settle(night: Night) -> None:
    """Wait until no stack of a night is being changed, or for as long as that may take."""
    for _ in range(TRIES):
        statuses = [
            each for name in (*NIGHTLY, FOUNDATION) for each in _stacks(night, name).values()
        ]
        if not any(each.endswith("_IN_PROGRESS") for each in statuses):
            return
        time.sleep(PAUSE_SECONDS)


def _stacks(night: Night, name: str) -> dict[str, str]:
    """Return the status of each stack of a stage, or the foundation, that is there or half so."""
    pages = night.client("cloudformation").get_paginator("list_stacks").paginate()
    parts = [f"-{part}" for part in ("predictions", "function", "service", "bulk", "watch")]
    names = {f"{night.project.name}-{name}{part}" for part in [""] * (name == FOUNDATION) or parts}
    return {
        each["StackName"]: each["StackStatus"]
        for page in pages
        for each in page["StackSummaries"]
        if each["StackName"] in names and each["StackStatus"] != "DELETE_COMPLETE"
    }


def _first_deployment(night: Night) -> str:
    done = night.make("deploy")
    night.url = done.out.strip().splitlines()[-1]
    require(bool(night.key), "the API's key is shown")
    night.versions["A"], night.digests["A"] = night.production(), night.live()
    _require_answer(night, "A")
    _require_locked(night)
    return f"answers by {night.versions['A']}, {night.digests['A'][:19]}"


def _again(night: Night) -> str:
    before = night.changed()
    night.make("deploy")
    require(night.live() == night.digests["A"], "the same image is live")
    after = night.changed()
    moved = [stack for stack, moment in after.items() if before.get(stack) != moment]
    require(not moved, f"no stack was changed, but {', '.join(moved)} was")
    _require_answer(night, "A")
    return f"{len(after)} stacks are as they were"


def _client(night: Night, *, name: str, command: list[str]) -> str:
    done = night.run([*command, str(night.checkout / "examples" / name)])
    return f"{len(done.out.splitlines())} lines"


def _service(night: Night) -> str:
    status, answer = night.predict(prefix="/gpu")
    require(status == 200, f"the service answers 200, and not {status}")
    version = answer["model"]["version"]
    require(version == night.versions["A"], f"the service serves model A, and not {version}")
    return f"answers by {version}"


def _better(night: Night) -> str:
    outputs = night.script("refresh", *night.make_model("B", BETTER)).outputs
    require(outputs["verdict"] == "passed", f"the gate passes B, and says {outputs['verdict']}")
    with night.callers() as statuses:
        night.script("deploy", *night.build("B"))
    require(night.digests["B"] != night.digests["A"], "another model is another image")
    _require_live(night, "B")
    wrong = [each for each in statuses if each != 200]
    require(not wrong, f"every caller was answered meanwhile, but {len(wrong)} were not")
    return f"{len(statuses)} callers were answered meanwhile"


def _worse(night: Night) -> str:
    live = night.live()
    outputs = night.script("refresh", *night.make_model("C", WORSE), code=3).outputs
    require(outputs["verdict"] == "refused", f"the gate refuses C, and says {outputs['verdict']}")
    require(night.live() == live, "the live image stays")
    return "refused, and nothing moved"


def _failing_canary(night: Night) -> str:
    outputs = night.script("refresh", *night.make_model("D", breaking_on(WORD, BETTER))).outputs
    require(outputs["verdict"] == "passed", "the gate passes D, which fails on one word")
    arguments = night.build("D")
    with night.callers() as statuses:
        done = night.script("deploy", *arguments, code=1)
    named = f"alarm {night.function}-" in done.err
    require(named, f"the alarm is named in: {done.err.strip()[-600:]}")
    _require_live(night, "B")
    return f"{sum(each >= 500 for each in statuses)} of {len(statuses)} callers met it"


def _redeploy(night: Night) -> str:
    night.make("deploy")
    _require_live(night, "B")
    return "the same image"


def _bulk(night: Night) -> str:
    source, target = night.folder / "texts.csv", night.folder / "scored.csv"
    lines = [f'{number},"{TEXT} {number}"' for number in range(ROWS)]
    source.write_text("\n".join(["id,text", *lines]) + "\n")
    night.script(
        "score", "--stage", night.stage.name, "--input", str(source), "--output", str(target)
    )
    scored = len(target.read_text().splitlines()) - 1
    require(scored == ROWS, f"{ROWS} rows come back, and not {scored}")
    return f"{scored} rows"


def _roll_back(night: Night) -> str:
    outputs = night.script("redeploy", "--stage", night.stage.name).outputs
    require(outputs["function_image"] == night.digests["A"], "the release before is model A's")
    _require_live(night, "A")
    return f"{MODEL} is {night.versions['A']} again"


def _require_live(night: Night, name: str) -> None:
    require(night.live() == night.digests[name], f"the image with model {name} is live")
    _require_answer(night, name)
    production = night.production()
    require(production == night.versions[name], f"production is {name}, and not {production}")


def _require_answer(night: Night, name: str) -> None:
    status, answer = night.predict()
    require(status == 200, f"the address answers 200, and not {status}")
    version, wanted = answer["model"]["version"], night.versions[name]
    require(version == wanted, f"it answers by {wanted}, and not {version}")


def _require_locked(night: Night) -> None:
    key, night.key = night.key, "another"
    try:
        status, _ = night.predict()
    finally:
        night.key = key
    require(status in (401, 403), f"another key is refused, and not answered {status}")
