"""An arrow, and those that several resources have in common."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from scripts.drawing.labels import written
from scripts.drawing.templates import Place, Template, Templates

IMAGE = "image"


class Arrow(NamedTuple):
    """From one resource to another. says: what is written on it."""

    start: Place
    end: Place
    says: str = ""


def image_of(templates: Templates, place: Place, properties: Any) -> Iterator[Arrow]:
    """The repository of whatever names an image of it by digest."""
    named = re.search(r"/([a-z0-9./_-]+)@sha256:", written(properties))
    for repository, resource in templates.resources():
        name = resource["Properties"].get("RepositoryName")
        if named and name == named[1]:
            yield Arrow(place, repository, IMAGE)


def taken_back_by(templates: Templates, place: Place, deploys: Template) -> Iterator[Arrow]:
    """Alarms that a deployment looks at: of CodeDeploy's, or of ECS's."""
    properties = deploys["Properties"]
    alarms = properties.get("AlarmConfiguration") or properties["DeploymentConfiguration"]["Alarms"]
    for alarm in templates.referred(place.stack, alarms):
        yield Arrow(alarm, place, "take back")
