"""Configuration of a stage's HTTP API: authorisation, throttling, CORS and domain name."""

import re
from dataclasses import dataclass
from typing import Literal

from infra.configuration.checks import Section


@dataclass(frozen=True, kw_only=True)
class DomainConfiguration(Section, prefix="api.domain"):
    """Custom domain name of the API, such as text.example.com.

    The certificate is in ACM, in the stage's region. The zone in Route 53 gets a record; without a
    zone you enter it by hand.
    """

    name: str
    certificate_arn: str
    hosted_zone_id: str = ""
    hosted_zone_name: str = ""

    def __post_init__(self) -> None:
        self.require_match("name", r"([a-z0-9-]+\.)+[a-z]+", "text.example.com")
        certificate = r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/.+"
        self.require_match(
            "certificate_arn", certificate, "arn:aws:acm:REGION:ACCOUNT:certificate/ID"
        )
        self.require(
            bool(self.hosted_zone_id) == bool(self.hosted_zone_name),
            "hosted_zone_id",
            "goes with hosted_zone_name: give both or neither",
        )


@dataclass(frozen=True, kw_only=True)
class ApiConfiguration(Section, prefix="api"):
    """HTTP API of a stage.

    Attributes:
        auth: With `key` the application checks a bearer key, with `iam` and `jwt` the gateway
            checks; `public` has no authorisation. The issuer and the audiences are for `jwt`.
        key_digests: SHA-256 of each accepted key, in hex. If empty, `make deploy` makes a key and
            keeps its digest in the Parameter Store.
        rate: Requests a second of all callers together; the gateway answers 429 above it.
        burst: Requests at the same moment, likewise.
        cors_origins: Web sites whose pages may call the API.
        domain: None for the address that API Gateway gives.
    """

    auth: Literal["key", "iam", "jwt", "public"] = "key"
    key_digests: tuple[str, ...] = ()
    jwt_issuer: str = ""
    jwt_audience: tuple[str, ...] = ()
    rate: float = 50
    burst: int = 100
    cors_origins: tuple[str, ...] = ()
    domain: DomainConfiguration | None = None

    def __post_init__(self) -> None:
        like = "64 hex digits: its SHA-256, not the key"
        self.require_match("key_digests", r"[0-9a-f]{64}", like)
        if self.auth == "jwt":
            self.require(
                bool(re.fullmatch(r"https://[^\s/?#]+(/[^\s?#]*)?", self.jwt_issuer)),
                "jwt_issuer",
                "auth 'jwt' needs the issuer's address, https://...",
            )
            self.require(
                bool(self.jwt_audience), "jwt_audience", "auth 'jwt' needs at least one audience"
            )
        else:
            self.require(
                not self.jwt_issuer and not self.jwt_audience,
                "jwt_issuer",
                f"goes with auth 'jwt' and not with '{self.auth}', which would not use it",
            )
        self.require_between("rate", 1, 10_000, "requests a second")
        self.require_between("burst", 1, 5_000, "requests")
        self.require_match("cors_origins", r"https?://[^/*]+", "https://www.example.com")
