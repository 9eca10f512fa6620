"""What happens to a release, step by step, and what has to hold after each."""

from collections.abc import Callable

from tests.rehearsal.place import CALLERS, STAGE, Place
from tests.rehearsal.timeline import Step, Timeline
from tests.rehearsal.variants import WORD, breaking_on, leaning
from tests.rehearsal.walk import MODEL, REPOSITORY, Walk

SHOWN_ONCE = "shown this once and kept nowhere: "
BETTER, WORSE = leaning(0.4), leaning(-1.0)
HEADER = '\nREHEARSED = "another commit"\n'
BROKEN = '\nraise RuntimeError("broken by the last commit")\n'


def rehearse(place: Place, timeline: Timeline) -> None:
    """Walk all steps. Raises RehearsalError."""
    walk = Walk(place)
    for name, step in STEPS.items():
        with timeline.step(name) as taken:
            step(walk, taken)


def _first(walk: Walk, step: Step) -> None:
    place = walk.place
    place.checkout.commit("first")
    said = place.run(step, "deploy", "--stage", STAGE, "--yes", "--registry", "registry")
    place.key = next(
        line.partition(SHOWN_ONCE)[2] for line in said.err.splitlines() if SHOWN_ONCE in line
    )
    walk.digests["1"], walk.versions["A"] = place.live(), str(place.alias("production")["version"])
    order = ("is the candidate", "answers, by", SHOWN_ONCE, place.url)
    places = [said.err.find(each) for each in order]
    step.check(places == sorted(places) and -1 not in places, "published, built, asked, then live")
    (tag,) = place.images.tags(REPOSITORY)
    pushed = place.images.manifest(REPOSITORY, tag)[0]
    step.check(pushed == place.live(), "what is live is what was pushed, by digest")
    walk.answers(step, "1", "A")
    walk.recorded(step, 1)


def _code(walk: Walk, step: Step) -> None:
    place = walk.place
    place.checkout.change("function/__init__.py", HEADER, "other code")
    built = walk.build(step)
    walk.digests["2"] = built["function_image"]
    step.check(walk.carries(built, "A"), "the model is the same")
    step.check(walk.digests["2"] != walk.digests["1"], "the digest is another")
    one, two = (place.images.layers(REPOSITORY, walk.digests[each]) for each in "12")
    step.check(one[:-1] == two[:-1] and one[-1] != two[-1], "only the layer with the code is new")
    place.called = []
    walk.deploy(step, built)
    fine = place.called.count(200) == CALLERS
    step.check(fine, f"{CALLERS} callers were answered while one in ten met the new version")
    walk.answers(step, "2", "A")
    walk.recorded(step, 2)


def _better(walk: Walk, step: Step) -> None:
    place = walk.place
    walk.make("B", BETTER)
    said = walk.tick(step)
    step.check(
        said == {"changed": "true", "version": walk.versions["B"], "verdict": "passed"},
        "the gate lets model B pass",
    )
    step.check(
        place.alias("candidate").get("version") == walk.versions["B"], "model B is the candidate"
    )
    walk.answers(step, "2", "A")
    built = walk.build(step, f"{MODEL}={walk.versions['B']}")
    walk.digests["3"] = built["function_image"]
    walk.deploy(step, built)
    walk.answers(step, "3", "B")
    walk.recorded(step, 3)
    walk.quiet_tick(step)


def _worse(walk: Walk, step: Step) -> None:
    before = walk.place.alias("candidate")
    walk.make("C", WORSE)
    said = walk.tick(step, code=3)
    step.check(
        (said["changed"], said["verdict"]) == ("false", "refused"), "the gate refuses model C"
    )
    step.check(walk.place.alias("candidate") == before, "the candidate has not moved")
    walk.answers(step, "3", "B")
    walk.quiet_tick(step)


def _canary(walk: Walk, step: Step) -> None:
    place = walk.place
    walk.make("D", breaking_on(WORD, BETTER))
    found = walk.tick(step)
    step.check(found["verdict"] == "passed", "the gate lets model D pass, which fails on one word")
    said = walk.deploy(step, walk.build(step, f"{MODEL}={walk.versions['D']}"), code=1)
    failed = place.called.count(500)
    step.check(0 < failed < CALLERS, f"{failed} of {CALLERS} callers met it and were failed")
    step.check(f"alarm evergreen-{STAGE}-answers-5xx: " in said, "the alarm is named")
    walk.answers(step, "3", "B")
    walk.recorded(step, 3)
    place.checkout.change("function/__init__.py", HEADER, "other code again")
    built = walk.build(step)
    walk.digests["4"] = built["function_image"]
    step.check(walk.carries(built, "B"), "a push is built with model B")
    walk.deploy(step, built)
    walk.answers(step, "4", "B")
    walk.quiet_tick(step)


def _broken(walk: Walk, step: Step) -> None:
    place = walk.place
    place.checkout.change("function/lambda_handler.py", BROKEN, "a mistake")
    before = place.images.tags(REPOSITORY)
    said = place.run(step, "build", "--stage", STAGE, code=1)
    step.check("does not pass its smoke test" in said.err, "the smoke test stops the image")
    step.check("broken by the last commit" in said.err, "what it says tells why")
    step.check(place.images.tags(REPOSITORY) == before, "nothing was pushed")
    walk.answers(step, "4", "B")
    place.checkout.revert()


def _rollback(walk: Walk, step: Step) -> None:
    place = walk.place
    second = next(
        line.split()[0]
        for line in place.run(step, "redeploy", "--stage", STAGE, "--list").out.splitlines()
        if walk.digests["2"].removeprefix("sha256:")[:8] in line
    )
    said = place.run(step, "redeploy", "--stage", STAGE, "--release", second)
    step.check(said.outputs["function_image"] == walk.digests["2"], "image 2 was asked for by name")
    walk.answers(step, "2", "A")
    withdrawn = place.alias("production")["withdrawn"]
    step.check(withdrawn == [walk.versions["B"]], "model B is withdrawn")
    walk.offer("B")
    walk.quiet_tick(step)
    walk.answers(step, "2", "A")


STEPS: dict[str, Callable[[Walk, Step], None]] = {
    "first publish, image, smoke test, live": _first,
    "a push: another digest, the same model": _code,
    "the clock: a better model is found, built, deployed": _better,
    "the clock: a worse model is refused": _worse,
    "a canary fails; then a push": _canary,
    "a broken image never leaves": _broken,
    "rollback": _rollback,
}
