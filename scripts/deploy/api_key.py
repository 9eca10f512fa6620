"""API key of a stage: generated once, shown once, stored as its SHA-256."""

import hashlib
import secrets

from infra.configuration.deployment import Deployment
from scripts.deploy.account import CONFIG, Account, aws_errors

BYTES = 32


def ensure_key(account: Account, deployment: Deployment) -> tuple[str, str | None]:
    """Generate a stage's API key unless it has one; return its version, and the key if new.

    The version is of the parameter that holds the digest; it is empty for a stage that needs no key
    or lists digests in its configuration.
    """
    stage = deployment.stage
    if stage.api.auth != "key" or stage.api.key_digests:
        return "", None
    name = deployment.key_parameter
    client = account.session.client("ssm", config=CONFIG)
    with aws_errors("Parameter Store"):
        try:
            return str(client.get_parameter(Name=name)["Parameter"]["Version"]), None
        except client.exceptions.ParameterNotFound:
            key = secrets.token_urlsafe(BYTES)
            answer = client.put_parameter(
                Name=name,
                Value=hashlib.sha256(key.encode()).hexdigest(),
                Type="String",
                Description="SHA-256 of each key that may call, comma-separated",
            )
            return str(answer["Version"]), key


def delete_key(account: Account, deployment: Deployment) -> None:
    """Delete the parameter with the digest, if there is one."""
    client = account.session.client("ssm", config=CONFIG)
    with aws_errors("Parameter Store"):
        client.delete_parameters(Names=[deployment.key_parameter])
