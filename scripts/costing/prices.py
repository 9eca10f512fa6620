"""List prices in us-east-1, on demand, in dollars, and when each was seen on a list."""

from typing import NamedTuple

NOT_LOOKED_UP = "2026, on no known day"


class Price(NamedTuple):
    """listed: the day, or month, for which a public list had it."""

    what: str
    dollars: float
    unit: str
    listed: str


LAMBDA_REQUESTS = Price("Lambda, requests", 0.20, "a million", "2026-05-11")
LAMBDA_ARM64 = Price("Lambda, arm64", 0.0000133334, "a GB-second", "2026-05-11")
EXPRESS_REQUESTS = Price("Step Functions, express runs", 1.00, "a million", NOT_LOOKED_UP)
EXPRESS_GB_SECOND = Price(
    "Step Functions, express, 64 MB chunks", 0.00001667, "a GB-second", NOT_LOOKED_UP
)
FARGATE_VCPU = Price("Fargate, arm64, a vCPU", 0.03238, "an hour", NOT_LOOKED_UP)
FARGATE_GB = Price("Fargate, arm64, a GB", 0.00356, "an hour", NOT_LOOKED_UP)
G4DN = Price("g4dn.xlarge, NVIDIA T4", 0.526, "an hour", NOT_LOOKED_UP)
G6 = Price("g6.xlarge, NVIDIA L4", 0.8048, "an hour", NOT_LOOKED_UP)
G5 = Price("g5.xlarge, NVIDIA A10G", 1.006, "an hour", "2026-06-17")
DISK = Price("gp3 disk", 0.08, "a GB and month", NOT_LOOKED_UP)
ADDRESS = Price("public IPv4 address", 0.005, "an hour", NOT_LOOKED_UP)
BALANCER = Price("load balancer, without capacity units", 0.0225, "an hour", "2026-09-20")
METRIC = Price("metric of one's own", 0.30, "a month", NOT_LOOKED_UP)
ALARM = Price("alarm", 0.10, "a metric and month", NOT_LOOKED_UP)

ALL = (
    LAMBDA_REQUESTS,
    LAMBDA_ARM64,
    EXPRESS_REQUESTS,
    EXPRESS_GB_SECOND,
    FARGATE_VCPU,
    FARGATE_GB,
    G4DN,
    G6,
    G5,
    DISK,
    ADDRESS,
    BALANCER,
    METRIC,
    ALARM,
)
