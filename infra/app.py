"""Composition root of the CDK app: the account's foundation, and the stacks of each stage.

Keys of the CDK context:
    stage: One stage instead of all.
    function_image, server_image: Digests of the images.
    github_oidc: `existing` if the account has GitHub's OIDC provider.
    rollout: Rollout of this deployment instead of the configured one.
    api_key_version: Version of the parameter with the digests of the API keys.
    free_concurrency: Executions of Lambda that other functions of the account have not reserved.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.components.preview_roles import assets_bucket, preview_name
from infra.configuration.checks import ConfigurationError, require
from infra.configuration.deployment import Deployment
from infra.configuration.project import ProjectConfiguration
from infra.configuration.sandbox import NIGHTLY, SANDBOX, SandboxConfiguration
from infra.configuration.stage import StageConfiguration, check_stages, region_suffix
from infra.stacks.bulk import BulkStack
from infra.stacks.foundation import FoundationStack
from infra.stacks.function import FunctionStack
from infra.stacks.predictions import PredictionsStack
from infra.stacks.sandbox import SandboxStack
from infra.stacks.service import ServiceStack
from infra.stacks.watch import WatchStack


def main(app: cdk.App | None = None) -> None:
    """Synthesise the stages, or exit with one line for a wrong configuration.

    Without an app, the CDK's command line gives the context.
    """
    app = app or cdk.App()
    try:
        from infra import stages  # which checks its values on import

        build(app, stages.PROJECT, stages.STAGES, getattr(stages, "SANDBOX", None))
    except ConfigurationError as error:
        sys.exit(f"error: {error}")
    app.synth()


def build(
    app: cdk.App,
    project: ProjectConfiguration,
    stages: Sequence[StageConfiguration],
    sandbox: SandboxConfiguration | None = None,
) -> None:
    """Add the stacks of the stages to an app, and cdk-nag's checks of all of them.

    The sandbox's stages are built where the context names one. Raises ConfigurationError where
    stages contradict each other or the context has a wrong value.
    """
    chosen = app.node.try_get_context("stage")
    if sandbox:
        sandbox.check(stages)
    if sandbox and sandbox.owns(chosen):
        _build_in_sandbox(app, project, sandbox, chosen)
    else:
        _build_stages(app, project, stages, chosen)
    cdk.Tags.of(app).add("project", project.name)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def _build_in_sandbox(
    app: cdk.App, project: ProjectConfiguration, sandbox: SandboxConfiguration, chosen: str
) -> None:
    """Add a preview's stack, those of a nightly stage, or the stack that the account has once."""
    project = sandbox.project(project, chosen)
    if chosen in NIGHTLY:
        _build_stages(app, project, sandbox.nightly(), chosen)
        return
    if chosen == SANDBOX:
        oidc = app.node.try_get_context("github_oidc") or project.github_oidc
        stack: cdk.Stack = SandboxStack(
            app,
            f"{project.name}-{SANDBOX}",
            project=replace(project, github_oidc=oidc),
            env=cdk.Environment(account=sandbox.account, region=sandbox.region),
        )
    else:
        stack = FunctionStack(
            app,
            Deployment(project, sandbox.preview(chosen)),
            # Not through the bootstrap, whose bucket and roles are other stages' as well.
            synthesizer=cdk.DefaultStackSynthesizer(
                file_assets_bucket_name=assets_bucket(project, sandbox.account, sandbox.region),
                generate_bootstrap_version_rule=False,
            ),
            permissions_boundary=cdk.PermissionsBoundary.from_name(
                preview_name(project, "boundary")
            ),
        )
    cdk.Tags.of(stack).add("stage", chosen)


def _build_stages(
    app: cdk.App,
    project: ProjectConfiguration,
    stages: Sequence[StageConfiguration],
    chosen: str | None,
) -> None:
    check_stages(stages)
    names = [stage.name for stage in stages]
    require(chosen in (None, "", *names), "stage", f"'{chosen}' is none of {', '.join(names)}")
    built = [stage for stage in stages if chosen in (None, "", stage.name)]
    name = f"{project.name}-foundation"
    for number, stage in enumerate({_place(each): each for each in built}.values()):
        suffix = region_suffix(stages, stage)
        # An account has the provider once: that of its first region, unless the context says more.
        oidc = "existing" if suffix else project.github_oidc
        foundation = FoundationStack(
            app,
            f"{name}-{number}" if number else name,
            stack_name=name,
            project=replace(project, github_oidc=app.node.try_get_context("github_oidc") or oidc),
            stages=[each for each in stages if _place(each) == _place(stage)],
            suffix=suffix,
            env=cdk.Environment(account=stage.account or None, region=stage.region),
            termination_protection=project.retain_data,
        )
        cdk.Tags.of(foundation).add("part", "foundation")
    rollout = app.node.try_get_context("rollout")
    for stage in built:
        if rollout:
            deployed = replace(stage, function=replace(stage.function, rollout=rollout))
        else:
            deployed = stage
        _build_stage(app, Deployment(project, deployed), region_suffix(stages, stage))


def _place(stage: StageConfiguration) -> tuple[str, str]:
    return stage.account, stage.region


def _build_stage(app: cdk.App, deployment: Deployment, suffix: str) -> None:
    stage = deployment.stage
    stacks: list[PredictionsStack | ServiceStack | BulkStack] = []
    predictions = None
    if stage.predictions:
        predictions = PredictionsStack(
            app,
            deployment,
            predictions=stage.predictions,
            reader=deployment.project.image_role("refresh", suffix),
        )
        stacks.append(predictions)
    function = FunctionStack(app, deployment, predictions=predictions)
    if stage.service:
        stacks.append(
            ServiceStack(
                app, deployment, service=stage.service, api=function.api, predictions=predictions
            )
        )
    if stage.bulk:
        bulk = BulkStack(app, deployment, bulk=stage.bulk)
        bulk.add_stack_dependency(function)  # so that a failed canary stops this one too
        stacks.append(bulk)
    watch = WatchStack(
        app,
        deployment,
        function=function,
        limits=[limit for stack in stacks for limit in stack.limits],
        graphs=[row for stack in stacks for row in stack.graphs],
    )
    for stack in (function, *stacks, watch):
        part = stack.stack_name.removeprefix(deployment.stack(""))
        for key, value in {"stage": stage.name, "part": part, **stage.tags}.items():
            cdk.Tags.of(stack).add(key, value)


if __name__ == "__main__":
    main()
