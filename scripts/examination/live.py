"""Whether what is live is what was released."""

from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.deployment.account import Account
from scripts.deployment.builds import stage_registry
from scripts.deployment.live import live_digest
from scripts.examination.finding import Finding, Findings
from scripts.registry.registry import PRODUCTION
from scripts.registry.releases import list_releases


def release(account: Account, project: ProjectConfiguration, stage: StageConfiguration) -> Findings:
    """The digest behind `live`, the last release, and where that stage moves it, `production`."""
    if account.stack(project.stack(stage.name, "function")) is None:
        yield Finding("note", f"{stage.name}: not deployed yet", f"make deploy STAGE={stage.name}")
        return
    digest = live_digest(account, f"{project.name}-{stage.name}")
    registry = stage_registry(account, project)
    releases = list_releases(registry.store, stage.name)
    if not releases or releases[-1].image != digest:
        last = releases[-1].image if releases else "none"
        yield Finding(
            "bad",
            f"{stage.name}: {digest} is live, the last release is {last}",
            f"a deployment did not come to its end: make deploy STAGE={stage.name}",
        )
        return
    yield Finding("ok", f"{stage.name}: {releases[-1].name} is live")
    for model, version in releases[-1].models.items() if stage.moves_production else ():
        alias = registry.alias(model, PRODUCTION)
        now = alias.version if alias else "nothing"
        if now != version:
            yield Finding(
                "bad",
                f"{model}: {version} is live, production is {now}",
                f"make deploy STAGE={stage.name}, which ships production and then agrees",
            )
