"""Who may call a stage's API, how often, and under which name."""

import re
from dataclasses import dataclass
from typing import Literal

from infra.configuration.checks import keys, require, require_between, require_match


@keys("api.domain")
@dataclass(frozen=True, kw_only=True)
class DomainConfiguration:
    """A name of one's own for the API.

    certificate_arn: of ACM, in the stage's region. hosted_zone_id, hosted_zone_name: of Route 53,
    where the name is to be entered; without them it is entered by hand.
    """

    name: str
    certificate_arn: str
    hosted_zone_id: str = ""
    hosted_zone_name: str = ""

    def __post_init__(self) -> None:
        require_match(r"([a-z0-9-]+\.)+[a-z]+", self.name, "api.domain.name", "text.example.com")
        require_match(
            r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/.+",
            self.certificate_arn,
            "api.domain.certificate_arn",
            "arn:aws:acm:REGION:ACCOUNT:certificate/ID",
        )
        require(
            bool(self.hosted_zone_id) == bool(self.hosted_zone_name),
            "api.domain.hosted_zone_id",
            "goes with hosted_zone_name: give both or neither",
        )


@keys("api")
@dataclass(frozen=True, kw_only=True)
class ApiConfiguration:
    """The HTTP API.

    auth: `key` asks for a bearer key in the application, `iam` and `jwt` are checked by the
    gateway, `public` by nobody. key_digests: SHA-256 of each accepted key, in hex; where there are
    none, `make deploy` makes a key and keeps its digest in the Parameter Store. rate, burst:
    requests a second, and at once, of all callers together; what is above is answered 429.
    cors_origins: the web pages of others that may call, none by default.
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
        require(
            self.auth in ("key", "iam", "jwt", "public"),
            "api.auth",
            f"'{self.auth}' is none of key, iam, jwt, public",
        )
        for digest in self.key_digests:
            require_match(
                r"[0-9a-f]{64}",
                digest,
                "api.key_digests",
                "64 hex digits: its SHA-256, not the key",
            )
        if self.auth == "jwt":
            require(
                bool(re.fullmatch(r"https://[^\s/?#]+(/[^\s?#]*)?", self.jwt_issuer)),
                "api.jwt_issuer",
                "auth 'jwt' needs the issuer's address, https://...",
            )
            require(
                bool(self.jwt_audience),
                "api.jwt_audience",
                "auth 'jwt' needs at least one audience",
            )
        else:
            require(
                not self.jwt_issuer and not self.jwt_audience,
                "api.jwt_issuer",
                f"goes with auth 'jwt' and not with '{self.auth}', which would not look at it",
            )
        require_between(self.rate, 1, 10_000, "api.rate", "requests a second")
        require_between(self.burst, 1, 5_000, "api.burst", "requests")
        for origin in self.cors_origins:
            require_match(r"https?://[^/*]+", origin, "api.cors_origins", "https://www.example.com")
