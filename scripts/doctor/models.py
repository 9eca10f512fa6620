"""Check of the memory that a stage's models take."""

from infra.configuration.deployment import Deployment
from scripts.common.footprint import memory_of
from scripts.deploy.account import Account
from scripts.deploy.builds import stage_registry
from scripts.deploy.foundation import stack_name
from scripts.deploy.models import choose_models
from scripts.doctor.check import CheckResults, bad, ok
from scripts.registry.registry import open_registry

FIRST = "registry"  # whose models a first deployment brings


def memory(opened: Account, deployment: Deployment) -> CheckResults:
    """Compare an estimate for the models that a deployment would take with the function's."""
    project, stage = deployment
    founded = opened.stack(stack_name(project))
    registry = stage_registry(opened, project) if founded else open_registry(FIRST)
    chosen = choose_models(registry, stage)
    needed = memory_of(registry.describe(*each).manifest for each in chosen.items()) / 1e6
    given = stage.function.memory_megabytes
    summary = f"{stage.name}: {', '.join(chosen)} take about {needed:,.0f} of {given:,} MB"
    if needed < given:
        yield ok(summary)
    else:
        yield bad(summary, "raise function.memory_megabytes, or list fewer as models=(...)")
