"""A stage of a project, and the names that it has on AWS."""

from typing import NamedTuple

from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration

KEPT_CHARACTERS = 24  # of a stack's name, where CloudFormation cuts it


class Deployment(NamedTuple):
    """One stage of the project, which names its resources."""

    project: ProjectConfiguration
    stage: StageConfiguration

    @property
    def name(self) -> str:
        """Return the name of the function and its API, and its metrics' dimension `service`."""
        return f"{self.project.name}-{self.stage.name}"

    @property
    def server(self) -> str:
        """Return the value of SERVICE for the server on ECS."""
        return f"{self.name}-server"

    @property
    def bulk(self) -> str:
        """Return the value of SERVICE for bulk scoring, its function's and state machine's name."""
        return f"{self.name}-bulk"

    @property
    def key_parameter(self) -> str:
        """Return the name of the parameter that holds the digests of the API keys."""
        return f"/{self.project.name}/{self.stage.name}/api-key-sha256"

    def role(self, purpose: str) -> str:
        """Return the name of the role for a job on GitHub."""
        return f"{self.name}-{purpose}"

    def stack(self, part: str) -> str:
        """Return a stack's name. `part` is predictions, function, service, bulk or watch."""
        return self.project.stack(self.stage.name, part)

    def generated_names(self, part: str) -> str:
        """Return the pattern of the names that CloudFormation generates for functions and roles.

        They have at most 64 characters, so that it cuts a long stack's name.
        """
        stack = self.stack(part)
        return f"{stack}-*" if len(stack) <= KEPT_CHARACTERS else f"{stack[:KEPT_CHARACTERS]}*"
