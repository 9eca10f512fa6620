"""The life of a release, step by step, and what must hold after each step."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.rehearsal.bulk import BulkRun
from tests.rehearsal.environment import BUCKET, CALLERS, STAGE, Environment
from tests.rehearsal.model_variants import WORD, Change, breaking_on, leaning, write_variant
from tests.rehearsal.timeline import Step, Timeline

MODEL, REPOSITORY = "sentiment", "evergreen/function"
TEXT = "A warm, funny and moving film."
SHOWN_ONCE = "shown this once and kept nowhere: "
BETTER, WORSE = leaning(0.4), leaning(-1.0)
HEADER = '\nREHEARSED = "another commit"\n'
BROKEN = '\nraise RuntimeError("broken by the last commit")\n'


@dataclass
class Scenario:
    """The actions that steps have in common, and the releases so far.

    digests: of images 1, 2, ... versions: of models A, B, ...
    """

    environment: Environment
    digests: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def source(self) -> Path:
        """The folder where the scheduled refresh checks for newer models."""
        return self.environment.folder / "source"

    def make_model(self, name: str, change: Change) -> None:
        """Make a variant of model A, and offer it."""
        bundled = self.environment.checkout.path / "registry" / MODEL / "versions"
        folder = self.environment.folder / "models" / name
        self.versions[name] = write_variant(bundled / self.versions["A"], folder, change)
        self.offer(name)

    def offer(self, name: str) -> None:
        """Put a model where the scheduled refresh checks."""
        shutil.rmtree(self.source, ignore_errors=True)
        shutil.copytree(self.environment.folder / "models" / name, self.source)

    def refresh(self, step: Step, code: int = 0) -> dict[str, str]:
        """Run the scheduled refresh; return its outputs."""
        registry = ("--registry", f"s3://{BUCKET}", "--model", MODEL)
        source = ("--source", f"dir:{self.source}")
        return self.environment.run(step, "refresh", *registry, *source, code=code).outputs

    def check_no_update(self, step: Step) -> None:
        outputs = self.refresh(step)
        step.check(
            (outputs["changed"], outputs["verdict"]) == ("false", "nothing new"),
            "the next tick finds nothing new",
        )

    def build(self, step: Step, models: str = "") -> dict[str, str]:
        """Build an image; return the outputs."""
        given = ("--models", models) if models else ()
        return self.environment.run(step, "build", "--stage", STAGE, *given).outputs

    def deploy(self, step: Step, built: dict[str, str], code: int = 0) -> str:
        """Deploy a built image; return what the command writes to stderr."""
        given = ("--function-image", built["function_image"], "--models", built["models"])
        return self.environment.run(step, "deploy", "--stage", STAGE, *given, code=code).err

    def carries(self, built: dict[str, str], model: str) -> bool:
        """Return whether a built image carries a model, among others."""
        return f"{MODEL}={self.versions[model]}" in built["models"].split(",")

    def check_live(self, step: Step, image: str, model: str) -> None:
        """Assert that an image is live and answers, and that `production` is its model."""
        environment, version = self.environment, self.versions[model]
        digest = self.digests[image]
        step.check(environment.live() == digest, f"image {image} is live: {digest[:19]}")
        status, answer = environment.callers.predict(TEXT)
        holds = status == 200 and answer["model"]["version"] == version
        step.check(holds, f"callers are answered by model {model}: {version}")
        production = environment.alias("production").get("version")
        step.check(production == version, f"production is model {model}")

    def check_releases(self, step: Step, count: int) -> None:
        step.check(self.environment.count_releases() == count, f"releases recorded: {count}")


def rehearse(environment: Environment, timeline: Timeline) -> None:
    """Run all steps. Raises RehearsalError."""
    scenario = Scenario(environment)
    for name, run in STEPS.items():
        with timeline.step(name) as step:
            run(scenario, step)


def _first_deployment(scenario: Scenario, step: Step) -> None:
    environment, callers = scenario.environment, scenario.environment.callers
    environment.checkout.commit("first")
    # This machine's Node may be older than the doctor likes, and the CDK is a stand-in.
    given = ("--stage", STAGE, "--yes", "--anyway", "--registry", "registry")
    done = environment.run(step, "deploy", *given)
    callers.key = next(
        line.partition(SHOWN_ONCE)[2] for line in done.err.splitlines() if SHOWN_ONCE in line
    )
    scenario.digests["1"] = environment.live()
    scenario.versions["A"] = str(environment.alias("production")["version"])
    order = ("is the candidate", "answers, by", SHOWN_ONCE, callers.url)
    offsets = [done.err.find(each) for each in order]
    step.check(
        offsets == sorted(offsets) and -1 not in offsets, "published, built, asked, then live"
    )
    (tag,) = environment.images.tags(REPOSITORY)
    pushed = environment.images.manifest(REPOSITORY, tag)[0]
    step.check(pushed == environment.live(), "what is live is what was pushed, by digest")
    scenario.check_live(step, "1", "A")
    scenario.check_releases(step, 1)


def _new_code(scenario: Scenario, step: Step) -> None:
    environment = scenario.environment
    environment.checkout.change("function/__init__.py", HEADER, "other code")
    built = scenario.build(step)
    scenario.digests["2"] = built["function_image"]
    step.check(scenario.carries(built, "A"), "the model is the same")
    step.check(scenario.digests["2"] != scenario.digests["1"], "the digest is another")
    one, two = (environment.images.layers(REPOSITORY, scenario.digests[each]) for each in "12")
    step.check(one[:-1] == two[:-1] and one[-1] != two[-1], "only the layer with the code is new")
    environment.callers.statuses = []
    scenario.deploy(step, built)
    answered = environment.callers.statuses.count(200) == CALLERS
    step.check(answered, f"{CALLERS} callers were answered while one in ten met the new version")
    scenario.check_live(step, "2", "A")
    scenario.check_releases(step, 2)


def _better_model(scenario: Scenario, step: Step) -> None:
    environment = scenario.environment
    scenario.make_model("B", BETTER)
    outputs = scenario.refresh(step)
    better = scenario.versions["B"]
    step.check(
        outputs == {"changed": "true", "version": better, "verdict": "passed"},
        "the gate lets model B pass",
    )
    step.check(environment.alias("candidate").get("version") == better, "model B is the candidate")
    scenario.check_live(step, "2", "A")
    built = scenario.build(step, f"{MODEL}={better}")
    scenario.digests["3"] = built["function_image"]
    scenario.deploy(step, built)
    scenario.check_live(step, "3", "B")
    scenario.check_releases(step, 3)
    scenario.check_no_update(step)


def _worse_model(scenario: Scenario, step: Step) -> None:
    before = scenario.environment.alias("candidate")
    scenario.make_model("C", WORSE)
    outputs = scenario.refresh(step, code=3)
    step.check(
        (outputs["changed"], outputs["verdict"]) == ("false", "refused"), "the gate refuses model C"
    )
    after = scenario.environment.alias("candidate")
    step.check(after == before, "the candidate has not moved")
    scenario.check_live(step, "3", "B")
    scenario.check_no_update(step)


def _failing_canary(scenario: Scenario, step: Step) -> None:
    environment = scenario.environment
    scenario.make_model("D", breaking_on(WORD, BETTER))
    passed = scenario.refresh(step)["verdict"] == "passed"
    step.check(passed, "the gate lets model D pass, which fails on one word")
    built = scenario.build(step, f"{MODEL}={scenario.versions['D']}")
    err = scenario.deploy(step, built, code=1)
    failed = environment.callers.statuses.count(500)
    step.check(0 < failed < CALLERS, f"{failed} of {CALLERS} callers met it and were failed")
    step.check(f"alarm evergreen-{STAGE}-answers-5xx: " in err, "the alarm is named")
    scenario.check_live(step, "3", "B")
    scenario.check_releases(step, 3)
    environment.checkout.change("function/__init__.py", HEADER, "other code again")
    built = scenario.build(step)
    scenario.digests["4"] = built["function_image"]
    step.check(scenario.carries(built, "B"), "a push is built with model B")
    scenario.deploy(step, built)
    scenario.check_live(step, "4", "B")
    scenario.check_no_update(step)


def _broken_image(scenario: Scenario, step: Step) -> None:
    environment = scenario.environment
    environment.checkout.change("function/lambda_handler.py", BROKEN, "a mistake")
    before = environment.images.tags(REPOSITORY)
    done = environment.run(step, "build", "--stage", STAGE, code=1)
    step.check("does not pass its smoke test" in done.err, "the smoke test stops the image")
    step.check("broken by the last commit" in done.err, "its error names the cause")
    step.check(environment.images.tags(REPOSITORY) == before, "nothing was pushed")
    scenario.check_live(step, "4", "B")
    environment.checkout.revert()


def _rollback(scenario: Scenario, step: Step) -> None:
    environment, digest = scenario.environment, scenario.digests["2"]
    listed = environment.run(step, "redeploy", "--stage", STAGE, "--list").out
    second = next(
        line.split()[0]
        for line in listed.splitlines()
        if digest.removeprefix("sha256:")[:8] in line
    )
    begun = BulkRun(environment.bulk, [TEXT] * 6)
    begun.score_batch()
    done = environment.run(step, "redeploy", "--stage", STAGE, "--release", second)
    step.check(done.outputs["function_image"] == digest, "image 2 was asked for by name")
    scenario.check_live(step, "2", "A")
    while begun.score_batch():
        pass
    kept = begun.model_versions == {scenario.versions["B"]} and len(begun.rows) == 6
    step.check(kept, "a file that bulk scoring had begun gets model B to its end")
    later = BulkRun(environment.bulk, [TEXT])
    later.score_batch()
    step.check(later.model_versions == {scenario.versions["A"]}, "the next file gets model A")
    withdrawn = environment.alias("production")["withdrawn"]
    step.check(withdrawn == [scenario.versions["B"]], "model B is withdrawn")
    scenario.offer("B")
    scenario.check_no_update(step)
    scenario.check_live(step, "2", "A")


STEPS: dict[str, Callable[[Scenario, Step], None]] = {
    "first publish, image, smoke test, live": _first_deployment,
    "a push: another digest, the same model": _new_code,
    "scheduled refresh: a better model is found, built, deployed": _better_model,
    "scheduled refresh: a worse model is refused": _worse_model,
    "a canary fails; then a push": _failing_canary,
    "a broken image never leaves": _broken_image,
    "rollback": _rollback,
}
