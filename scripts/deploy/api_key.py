"""The key of a stage's API: made once, shown once, kept as its SHA-256."""

import hashlib
import secrets

from infra.configuration.project import ProjectConfiguration
from infra.configuration.stage import StageConfiguration
from scripts.deploy.account import CONFIG, Account, said_plainly

BYTES = 32


def ensure_key(
    account: Account, project: ProjectConfiguration, stage: StageConfiguration
) -> tuple[str, str | None]:
    """The version of the parameter with the digest, and the key itself where it was made now.

    The version is empty, and there is no key, where the stage asks for none or names digests.
    """
    if stage.api.auth != "key" or stage.api.key_digests:
        return "", None
    name = project.key_parameter(stage.name)
    client = account.session.client("ssm", config=CONFIG)
    with said_plainly("Parameter Store"):
        try:
            return str(client.get_parameter(Name=name)["Parameter"]["Version"]), None
        except client.exceptions.ParameterNotFound:
            key = secrets.token_urlsafe(BYTES)
            answer = client.put_parameter(
                Name=name,
                Value=digest_of(key),
                Type="String",
                Description="SHA-256 of each key that may call, comma-separated",
            )
            return str(answer["Version"]), key


def forget_key(account: Account, project: ProjectConfiguration, stage: StageConfiguration) -> None:
    """Remove the parameter; one that is not there is no error."""
    client = account.session.client("ssm", config=CONFIG)
    with said_plainly("Parameter Store"):
        client.delete_parameters(Names=[project.key_parameter(stage.name)])


def digest_of(key: str) -> str:
    """What the function compares."""
    return hashlib.sha256(key.encode()).hexdigest()
