"""Around the ECS service."""

from collections.abc import Iterator

from scripts.drawing.arrow import Arrow, image_of, taken_back_by
from scripts.drawing.labels import TARGET
from scripts.drawing.templates import Place, Template, Templates


def of_service(templates: Templates, place: Place, service: Template) -> Iterator[Arrow]:
    yield from taken_back_by(templates, place, service)
    properties = service["Properties"]
    groups = templates.referred(place.stack, properties["LoadBalancers"])
    for listener, resource in templates.resources():
        actions = resource["Properties"].get("DefaultActions")
        if set(groups) & set(templates.referred(listener.stack, actions)):
            yield Arrow(balancer_of(templates, listener), place)
    for provider in templates.referred(place.stack, properties["CapacityProviderStrategy"]):
        yield Arrow(place, provider, "runs on")
    for task in templates.referred(place.stack, properties["TaskDefinition"]):
        for container in templates.at(task)["Properties"]["ContainerDefinitions"]:
            yield from image_of(templates, place, container["Image"])
    for target, resource in templates.resources():
        scaled = resource["Properties"].get("ResourceId") if resource["Type"] == TARGET else None
        if place in templates.referred(target.stack, scaled):
            yield Arrow(target, place)


def balancer_of(templates: Templates, place: Place) -> Place:
    """Of a listener; any other resource is itself."""
    resource = templates.at(place)
    if resource["Type"] != "AWS::ElasticLoadBalancingV2::Listener":
        return place
    (balancer,) = templates.referred(place.stack, resource["Properties"]["LoadBalancerArn"])
    return balancer
