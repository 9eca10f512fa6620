"""Configuration that all stages share: names, the repository on GitHub, retention of models."""

from dataclasses import dataclass
from typing import Literal

from infra.configuration.checks import Section


@dataclass(frozen=True, kw_only=True)
class GitHubRepository(Section, prefix="repository"):
    """Repository whose workflows may deploy, and the branch from which images are built.

    The numbers identify it where names cannot: a new owner of the same name has other numbers. `gh
    api repos/OWNER/NAME --jq '.owner.id, .id'` prints them.
    """

    owner: str
    name: str
    owner_id: int
    repository_id: int
    branch: str = "main"

    def __post_init__(self) -> None:
        self.require_match("owner", r"[A-Za-z0-9_-]+", "a GitHub owner's name")
        self.require_match("name", r"[A-Za-z0-9._-]+", "a repository's name alone")
        self.require_match("branch", r"[^\s:*?]+", "main")
        self.require(self.owner_id >= 0, "owner_id", "must be the owner's number on GitHub")
        self.require(self.repository_id >= 0, "repository_id", "must be its number on GitHub")

    @property
    def filled_in(self) -> bool:
        """Return whether a fork entered its own numbers. With 0 no workflow has any access."""
        return self.owner_id > 0 and self.repository_id > 0

    def subjects(self, context: str) -> list[str]:
        """Return the subject of a job's token, in both of GitHub's forms.

        Repositories created or renamed since 2026-07-15 have the one with numbers. The context is
        `ref:refs/heads/B`, `environment:E` or `pull_request`.
        """
        return [
            f"repo:{self.owner}/{self.name}:{context}",
            f"repo:{self.owner}@{self.owner_id}/{self.name}@{self.repository_id}:{context}",
        ]


@dataclass(frozen=True, kw_only=True)
class ProjectConfiguration(Section):
    """Project: everything that an account has once, whatever its stages.

    Attributes:
        name: Prefix of all names. Two forks in one account need two.
        github_oidc: `existing` if the account has GitHub's OIDC provider already: it can have one.
        kept_images: Images that an ECR repository keeps, which is how far back a rollback reaches.
        noncurrent_days: Days after which replaced objects of the model bucket are deleted.
        retain_data: Keep models and images when the stack is deleted.
    """

    name: str
    repository: GitHubRepository
    github_oidc: Literal["create", "existing"] = "create"
    kept_images: int = 50
    noncurrent_days: int = 90
    retain_data: bool = True

    def __post_init__(self) -> None:
        self.require_match("name", r"[a-z][a-z0-9-]{1,19}", "evergreen, 20 letters at most")
        self.require_between("kept_images", 10, 1000, "images")
        self.require_between("noncurrent_days", 1, 3650, "days")

    @property
    def function_repository(self) -> str:
        """Return the name of the ECR repository of the function's images."""
        return f"{self.name}/function"

    @property
    def server_repository(self) -> str:
        """Return the name of the ECR repository of the server's images, for CPU and GPU."""
        return f"{self.name}/server"

    def image_role(self, purpose: str, suffix: str) -> str:
        """Return the name of the role for `push` or `refresh`. `suffix` is `region_suffix`."""
        return f"{self.name}-{purpose}{suffix}"

    def stack(self, stage: str, part: str) -> str:
        """Return a stack's name. `part` is predictions, function, service, bulk or watch."""
        return f"{self.name}-{stage}-{part}"
