"""What all stages share: the name, the repository on GitHub, what the account keeps."""

from dataclasses import dataclass
from typing import Literal

from infra.configuration.checks import keys, require, require_between, require_match


@keys("repository")
@dataclass(frozen=True, kw_only=True)
class GitHubRepository:
    """Whose workflows may deploy.

    owner_id, repository_id: the numbers behind the names, which a new owner of the same name does
    not have: `gh api repos/OWNER/NAME --jq '.owner.id, .id'`. branch: what images are built from.
    """

    owner: str
    name: str
    owner_id: int
    repository_id: int
    branch: str = "main"

    def __post_init__(self) -> None:
        require_match(r"[A-Za-z0-9_-]+", self.owner, "repository.owner", "a GitHub owner's name")
        require_match(r"[A-Za-z0-9._-]+", self.name, "repository.name", "a repository's name alone")
        require_match(r"[^\s:*?]+", self.branch, "repository.branch", "main")
        require(self.owner_id >= 0, "repository.owner_id", "must be the owner's number on GitHub")
        require(self.repository_id >= 0, "repository.repository_id", "must be its number on GitHub")

    @property
    def filled_in(self) -> bool:
        """Whether a fork put its own numbers here. With 0, no workflow has any access."""
        return self.owner_id > 0 and self.repository_id > 0

    def subjects(self, context: str) -> list[str]:
        """What GitHub says who a job is, in both forms: that of repositories made or renamed
        since 2026-07-15, and the older one. context: `ref:refs/heads/B` or `environment:E`."""
        return [
            f"repo:{self.owner}/{self.name}:{context}",
            f"repo:{self.owner}@{self.owner_id}/{self.name}@{self.repository_id}:{context}",
        ]


@keys()
@dataclass(frozen=True, kw_only=True)
class ProjectConfiguration:
    """What is there once per account, whatever stages it has.

    name: what all names start with; two forks in one account need two. github_oidc: `existing`
    where the account trusts GitHub already, since it can do so only once. kept_images: how many an
    image repository keeps, which is how far back a rollback reaches. retain_data: whether models
    and images outlive the stack.
    """

    name: str
    repository: GitHubRepository
    github_oidc: Literal["create", "existing"] = "create"
    kept_images: int = 50
    noncurrent_days: int = 90
    retain_data: bool = True

    def __post_init__(self) -> None:
        require_match(r"[a-z][a-z0-9-]{1,19}", self.name, "name", "evergreen, 20 letters at most")
        require(
            self.github_oidc in ("create", "existing"), "github_oidc", "must be create or existing"
        )
        require_between(self.kept_images, 10, 1000, "kept_images", "images")
        require_between(self.noncurrent_days, 1, 3650, "noncurrent_days", "days")

    @property
    def function_repository(self) -> str:
        """The ECR repository of the function's images."""
        return f"{self.name}/function"

    @property
    def server_repository(self) -> str:
        """The ECR repository of the server's images, for CPU and GPU."""
        return f"{self.name}/server"

    def service(self, stage: str) -> str:
        """What CloudWatch's metrics of a stage are kept by: the setting SERVICE."""
        return f"{self.name}-{stage}"

    def server(self, stage: str) -> str:
        """The same of the server on ECS, which tells of itself apart."""
        return f"{self.name}-{stage}-server"

    def bulk(self, stage: str) -> str:
        """The same of bulk scoring, and the name of its function and its state machine."""
        return f"{self.name}-{stage}-bulk"

    def predictions(self, stage: str) -> str:
        """The delivery stream of a stage's prediction log."""
        return f"{self.name}-{stage}-predictions"

    def stack(self, stage: str, part: str) -> str:
        """A stack's name. part: predictions, function, service, bulk or watch."""
        return f"{self.name}-{stage}-{part}"

    def key_parameter(self, stage: str) -> str:
        """Where the Parameter Store keeps the digests of a stage's API keys."""
        return f"/{self.name}/{stage}/api-key-sha256"
