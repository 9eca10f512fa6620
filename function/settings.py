"""Settings of the function and the server, read from the environment once, with defaults."""

import re
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

from function.core.errors import SettingsError

Auth = Literal["key", "iam", "jwt", "public"]
MIN_KEY_CHARACTERS = 32  # of the secret that keys the hashes of texts
BASE_PATH = r"^(/[A-Za-z0-9._~-]+)*$"
ORIGIN = r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?"


class Limits(BaseModel):
    """Limits on requests. Above 6 MB, Lambda's platform refuses one before the app sees it."""

    model_config = ConfigDict(frozen=True)

    body_bytes: Annotated[int, Field(ge=1024)] = 4_000_000
    texts: Annotated[int, Field(ge=1)] = 128
    characters: Annotated[int, Field(ge=1)] = 50_000
    windows: Annotated[int, Field(ge=1)] = 256
    in_flight_bytes: Annotated[int, Field(ge=1024)] = 256_000_000  # of all bodies together
    seconds: Annotated[float, Field(gt=0)] = 25.0  # a gateway gives up after 29

    @model_validator(mode="after")
    def _one_body_fits(self) -> Self:
        if self.in_flight_bytes < self.body_bytes:
            raise ValueError(
                f"MAX_IN_FLIGHT_BYTES={self.in_flight_bytes} leaves no room for one body of "
                f"MAX_BODY_BYTES={self.body_bytes}"
            )
        return self


class Settings(BaseModel):
    """Environment variables that both the function and the server read, by lower-case name.

    Attributes:
        models_dir: Directory with one folder per model.
        default_model: Model of requests that name none.
        auth: Where callers are authenticated: `key` in the app, `iam` and `jwt` at the gateway,
            `public` nowhere.
        api_key_sha256: SHA-256 of each accepted key, comma-separated, so that keys can be rotated.
        cors_origins: Origins whose pages may call the service, comma-separated; `*` allows any.
        base_path: Path that precedes those of all routes, such as a custom domain's; both are
            answered.
        limits: Limits on one request, from `MAX_BODY_BYTES`, `MAX_TEXTS` and so on.
        most_loaded: Models in memory at once: the default and the most recently used ones.
        threads: Cores that one model call may use; 0 uses all.
        service: Dimension of CloudWatch's metrics, which distinguishes deployments.
        prediction_log: Log a line for each answered text, without the text, and accept feedback.
        prediction_log_key: Secret that adds a keyed hash of its text (HMAC) to each line.
        feedback_text: Accept and log the text with feedback, where its owner sends it.
    """

    # A wrong value may be a secret, or its error may quote one, and errors end up in logs.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, defer_build=True)

    models_dir: Path = Path("build/models")
    default_model: str = "sentiment"
    auth: Auth = "public"
    api_key_sha256: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    base_path: Annotated[str, Field(pattern=BASE_PATH)] = ""
    limits: Limits = Limits()
    most_loaded: Annotated[int, Field(ge=2)] = 4
    threads: Annotated[int, Field(ge=0)] = 0
    service: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "evergreen"
    prediction_log: bool = False
    prediction_log_key: SecretStr = SecretStr("")
    feedback_text: bool = False

    @field_validator("api_key_sha256", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().lower() for part in value.split(",") if part.strip())
        return value

    @field_validator("cors_origins")
    @classmethod
    def _browsers_send_these_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = (
            [] if value == ("*",) else [each for each in value if not re.fullmatch(ORIGIN, each)]
        )
        if wrong:
            raise ValueError(
                f"'{wrong[0]}' is not an origin: write scheme, host and port, if it has one, such "
                "as https://www.example.com, with nothing after them; or * alone for any"
            )
        return value

    @model_validator(mode="after")
    def _key_mode_needs_a_key(self) -> Self:
        if self.auth == "key" and not self.api_key_sha256:
            raise ValueError("AUTH=key needs API_KEY_SHA256, the SHA-256 of the key in hex")
        if not all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in self.api_key_sha256):
            raise ValueError("API_KEY_SHA256 must be 64 hex digits: the key's SHA-256, not the key")
        return self

    @field_validator("prediction_log_key")
    @classmethod
    def _key_cannot_be_guessed(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < MIN_KEY_CHARACTERS:
            raise ValueError(f"a secret of at least {MIN_KEY_CHARACTERS} random characters")
        return value

    @model_validator(mode="after")
    def _feedback_needs_the_log(self) -> Self:
        if self.feedback_text and not self.prediction_log:
            raise ValueError("FEEDBACK_TEXT needs PREDICTION_LOG=true, which feedback belongs to")
        return self


SettingsType = TypeVar("SettingsType", bound=Settings)


class FunctionSettings(Settings):
    """Environment variables that the function alone reads.

    Attributes:
        trust_image: Take the models' files by their sizes. Of the function's image alone, whose
            files were verified when it was built, and whose layers are addressed by their content.
    """

    trust_image: bool = False


def load_settings(kind: type[SettingsType], environment: Mapping[str, str]) -> SettingsType:
    """Read settings; raises SettingsError, one line that names the variable."""
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
            path = [f"MAX_{part}" for part in path[1:]]
        name = ".".join(path).upper()
        message = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{name}: {message}" if name else message) from error
