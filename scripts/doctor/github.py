"""Checks of the repository on GitHub: ids, environments, branches, the scheduled refresh."""

from typing import Any

from infra.configuration.project import GitHubRepository
from infra.configuration.stage import StageConfiguration
from scripts.common.errors import NotFoundError
from scripts.common.github import call_github
from scripts.doctor.check import CheckResults, bad, note, ok

REFRESH = "refresh-model.yml"


def repository(configured: GitHubRepository) -> CheckResults:
    """Check the repository's ids in infra/stages.py."""
    if not configured.filled_in:
        yield bad(
            "infra/stages.py names no repository yet: no workflow has access",
            "fill in owner, name and both numbers: gh api repos/OWNER/NAME --jq '.owner.id, .id'",
        )
        return
    found = _get(configured, "")
    numbers = (found["owner"]["id"], found["id"])
    if numbers == (configured.owner_id, configured.repository_id):
        yield ok(f"{configured.owner}/{configured.name} has the configured numbers")
    else:
        yield bad(
            f"{configured.owner}/{configured.name} has the numbers {numbers[0]} and {numbers[1]}",
            "put them into infra/stages.py, as owner_id and repository_id",
        )


def environments(configured: GitHubRepository, stage: StageConfiguration) -> CheckResults:
    """Check that each environment of a stage exists and accepts jobs of one branch only."""
    names = [name for each in stage.job_environments.values() for name in each]
    for name in names if configured.filled_in else ():
        try:
            found = _get(configured, f"/environments/{name}")
        except NotFoundError:
            yield bad(
                f"environment {name}: not there",
                f"Settings, Environments, New: {name}; branches: {configured.branch}",
            )
            continue
        policy = found.get("deployment_branch_policy")
        if policy is None:
            yield bad(
                f"environment {name}: takes jobs of every branch",
                f"Settings, Environments, {name}: selected branches, {configured.branch}",
            )
        elif policy.get("custom_branch_policies"):
            yield from _branches(configured, name)
        else:
            yield ok(f"environment {name}: protected branches only")


def schedule(configured: GitHubRepository) -> CheckResults:
    """Check that GitHub runs the schedule: not in a fresh fork, nor after 60 idle days."""
    if not configured.filled_in:
        return
    try:
        state = _get(configured, f"/actions/workflows/{REFRESH}")["state"]
    except NotFoundError:
        yield note(f"{REFRESH}: GitHub knows no such workflow", "push it to the branch")
        return
    if state == "active":
        yield ok(f"{REFRESH}: enabled")
    else:
        yield bad(f"{REFRESH}: {state}", f"gh workflow enable {REFRESH}")


def _branches(configured: GitHubRepository, name: str) -> CheckResults:
    policies = _get(configured, f"/environments/{name}/deployment-branch-policies")
    branches = [each["name"] for each in policies["branch_policies"]]
    if branches == [configured.branch]:
        yield ok(f"environment {name}: {configured.branch} only")
    else:
        yield bad(
            f"environment {name}: takes {', '.join(branches) or 'no branch'}",
            f"Settings, Environments, {name}: {configured.branch}, and no other",
        )


def _get(configured: GitHubRepository, path: str) -> dict[str, Any]:
    """Request the repository, or what lies below it. Raises CommandError, NotFoundError."""
    found: dict[str, Any] = call_github(f"{configured.owner}/{configured.name}{path}")
    return found
