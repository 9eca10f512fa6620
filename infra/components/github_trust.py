"""That GitHub says who a job is, and which jobs are let in."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.components.log_group import removal_policy
from infra.configuration.project import GitHubRepository, ProjectConfiguration

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"


class GitHubTrust(Construct):
    """The account's one OIDC provider for GitHub: made here, or the one that is there already."""

    def __init__(self, scope: Construct, id_: str, *, project: ProjectConfiguration) -> None:
        super().__init__(scope, id_)
        self._repository = project.repository
        if project.github_oidc == "existing":
            self._provider: iam.IOidcProvider = iam.OidcProviderNative.from_oidc_provider_arn(
                self,
                "Provider",
                cdk.Stack.of(self).format_arn(
                    service="iam", region="", resource="oidc-provider", resource_name=ISSUER
                ),
            )
        else:
            self._provider = iam.OidcProviderNative(
                self,
                "Provider",
                url=f"https://{ISSUER}",
                client_ids=[AUDIENCE],
                removal_policy=removal_policy(project.retain_data),
            )

    def jobs(self, *contexts: str) -> iam.IPrincipal:
        """Jobs of the project's repository, from its branch and in one of these contexts.

        contexts: `ref:refs/heads/B`, or `environment:E`, which has no branch in it; hence the
        branch is asked for by itself, and so is the repository's number: a name may come to belong
        to someone else, a number does not.
        """
        repository: GitHubRepository = self._repository
        subjects = [subject for context in contexts for subject in repository.subjects(context)]
        return iam.OpenIdConnectPrincipal(
            self._provider,
            {
                "StringEquals": {
                    f"{ISSUER}:aud": AUDIENCE,
                    f"{ISSUER}:sub": subjects,
                    f"{ISSUER}:repository_id": str(repository.repository_id),
                    f"{ISSUER}:ref": f"refs/heads/{repository.branch}",
                }
            },
        )
