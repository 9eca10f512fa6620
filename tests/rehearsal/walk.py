"""What steps have in common: newer models, the clock's tick, build, deploy, and who answers."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.rehearsal.place import STAGE, Place
from tests.rehearsal.timeline import Step
from tests.rehearsal.variants import Change, write_variant

MODEL, REPOSITORY = "sentiment", "evergreen/function"
TEXT = "A warm, funny and moving film."


@dataclass
class Walk:
    """What later steps need of earlier ones: releases by the name that the timeline gives them."""

    place: Place
    digests: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def source(self) -> Path:
        """Where somebody puts newer models."""
        return self.place.folder / "source"

    @property
    def bundled(self) -> Path:
        """Model A, which the others are made of."""
        return self.place.checkout.path / "registry" / MODEL / "versions" / self.versions["A"]

    def make(self, name: str, change: Change) -> None:
        """Make a newer model, and put it where the clock looks."""
        folder = self.place.folder / "models" / name
        self.versions[name] = write_variant(self.bundled, folder, change)
        self.offer(name)

    def offer(self, name: str) -> None:
        """Put a model where the clock looks."""
        shutil.rmtree(self.source, ignore_errors=True)
        shutil.copytree(self.place.folder / "models" / name, self.source)

    def tick(self, step: Step, code: int = 0) -> dict[str, str]:
        """The clock's look for something newer."""
        where = ("--registry", self.place.registry, "--model", MODEL)
        return self.place.run(
            step, "refresh", *where, "--source", f"dir:{self.source}", code=code
        ).outputs

    def quiet_tick(self, step: Step) -> None:
        said = self.tick(step)
        step.check(
            (said["changed"], said["verdict"]) == ("false", "nothing new"),
            "the next tick finds nothing new",
        )

    def build(self, step: Step, models: str = "") -> dict[str, str]:
        given = ("--models", models) if models else ()
        return self.place.run(step, "build", "--stage", STAGE, *given).outputs

    def deploy(self, step: Step, built: dict[str, str], code: int = 0) -> str:
        """What the command says."""
        given = ("--function-image", built["function_image"], "--models", built["models"])
        return self.place.run(step, "deploy", "--stage", STAGE, *given, code=code).err

    def carries(self, built: dict[str, str], model: str) -> bool:
        """Whether an image has this version, among those of other models."""
        return f"{MODEL}={self.versions[model]}" in built["models"].split(",")

    def answers(self, step: Step, image: str, model: str) -> None:
        """Assert that a release is live, whole, and answers callers."""
        place, digest, version = self.place, self.digests[image], self.versions[model]
        step.check(place.live() == digest, f"image {image} is live: {digest[:19]}")
        status, answer = place.predict(TEXT)
        told = answer.get("model")
        holds = status == 200 and isinstance(told, dict) and told.get("version") == version
        step.check(holds, f"callers are answered by model {model}: {version}")
        step.check(
            place.alias("production").get("version") == version, f"production is model {model}"
        )

    def recorded(self, step: Step, count: int) -> None:
        found = len(self.place.releases())
        step.check(found == count, f"releases recorded: {count}")
