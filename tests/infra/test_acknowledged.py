"""Findings of cdk-nag that stay: each has a reason, and each would be found."""

from dataclasses import replace
from types import SimpleNamespace

import aws_cdk as cdk

from infra.components import acknowledged
from infra.stages import STAGES
from tests.infra.scaled import HEAVY
from tests.infra.synthesis import DIGEST, synthesise


def test_what_is_acknowledged_is_found_where_it_is_not(project, monkeypatch):
    """A reason that outlived its finding would let the next one of its kind pass."""
    asked: dict[str, str] = {}

    def note(construct):
        def acknowledge(finding):
            asked[f"{finding.id} at {construct.node.path}"] = finding.reason

        return SimpleNamespace(acknowledge=acknowledge)

    stub = SimpleNamespace(
        Validations=SimpleNamespace(of=note), Acknowledgment=cdk.Acknowledgment, Stack=cdk.Stack
    )
    monkeypatch.setattr(acknowledged, "cdk", stub)
    made = synthesise(
        project, (*STAGES, replace(HEAVY, account="")), function_image=DIGEST, server_image=DIGEST
    )
    found = made.violations
    needed = {name: reason for name, reason in asked.items() if name.startswith("AwsSolutions-")}
    assert len(needed) > 30
    assert all(len(reason.split()) >= 4 for reason in needed.values())
    for name in needed:
        rule, _, path = name.partition(" at ")
        assert [each for each in found if each.startswith(f"{rule} at {path}")], name
