"""The environment, typed and read once. Priority: environment > default."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from function.core.errors import ConfigurationError

Auth = Literal["key", "iam", "jwt", "public"]
SHORTEST_KEY = 32  # characters, of a secret that texts are hashed with


class Limits(BaseModel):
    """What one request may carry. Beyond 6 MB Lambda's platform answers in the app's place."""

    model_config = ConfigDict(frozen=True)

    body_bytes: Annotated[int, Field(ge=1024)] = 4_000_000
    texts: Annotated[int, Field(ge=1)] = 128
    characters: Annotated[int, Field(ge=1)] = 50_000
    windows: Annotated[int, Field(ge=1)] = 256


class Settings(BaseModel):
    """Every variable that the function and the server both read, by its lower-case name.

    models_dir: one folder a model. default_model: the one that answers where none is named.
    auth: who checks callers; `key` in the app, `iam` and `jwt` at the gateway, `public` nobody.
    api_key_sha256: SHA-256 of each accepted key, comma-separated, so that keys can be rotated.
    most_loaded: models in memory at once: the default, and those that were asked for last.
    threads: cores that one call of the model may use; 0 takes all.
    service: what CloudWatch's metrics are kept by; tells deployments apart.
    prediction_log: write a line for each text that is answered, without the text, and take feedback
    on it. prediction_log_key: a secret; with it a line holds a keyed hash of its text (HMAC).
    feedback_text: also take the text with feedback, from owners who send it, and log it.
    """

    # What is wrong may be a secret, or stand beside one, and errors end up in logs.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    models_dir: Path = Path("build/models")
    default_model: str = "sentiment"
    auth: Auth = "public"
    api_key_sha256: tuple[str, ...] = ()
    limits: Limits = Limits()
    most_loaded: Annotated[int, Field(ge=2)] = 4
    threads: Annotated[int, Field(ge=0)] = 0
    service: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "evergreen"
    prediction_log: bool = False
    prediction_log_key: SecretStr = SecretStr("")
    feedback_text: bool = False

    @field_validator("api_key_sha256", mode="before")
    @classmethod
    def _split_digests(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().lower() for part in value.split(",") if part.strip())
        return value

    @model_validator(mode="after")
    def _key_mode_needs_a_key(self) -> Self:
        if self.auth == "key" and not self.api_key_sha256:
            raise ValueError("AUTH=key needs API_KEY_SHA256, the SHA-256 of the key in hex")
        if any(len(digest) != 64 for digest in self.api_key_sha256):
            raise ValueError("API_KEY_SHA256 must be 64 hex digits: the key's SHA-256, not the key")
        return self

    @field_validator("prediction_log_key")
    @classmethod
    def _key_cannot_be_guessed(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < SHORTEST_KEY:
            raise ValueError(f"a secret of at least {SHORTEST_KEY} random characters")
        return value

    @model_validator(mode="after")
    def _feedback_needs_the_log(self) -> Self:
        if self.feedback_text and not self.prediction_log:
            raise ValueError("FEEDBACK_TEXT needs PREDICTION_LOG=true, which feedback belongs to")
        return self


Kind = TypeVar("Kind", bound=Settings)


def load_settings(kind: type[Kind], environment: Mapping[str, str]) -> Kind:
    """Read settings; limits are `MAX_BODY_BYTES`, `MAX_TEXTS` and so on.

    Raises ConfigurationError, in one line that names the variable.
    """
    given = {
        name: environment[name.upper()]
        for name in kind.model_fields
        if environment.get(name.upper())
    }
    limits = {
        name: environment[f"MAX_{name.upper()}"]
        for name in Limits.model_fields
        if environment.get(f"MAX_{name.upper()}")
    }
    try:
        return kind.model_validate({**given, "limits": limits})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = [str(part) for part in first["loc"]]
        if path[:1] == ["limits"]:
            path = [f"MAX_{path[1]}"]
        name = ".".join(path).upper()
        message = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{name}: {message}" if name else message) from error
