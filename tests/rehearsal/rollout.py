"""CodeDeploy's rollout of a stage: the hook before traffic, a canary, two alarms, a rollback.

The hook is the real one, in a process of its own. Callers are simulated, all at once instead of
over minutes.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.stand_ins.aws_endpoints import AwsEndpoints
from tests.stand_ins.codedeploy import Deployment
from tests.stand_ins.json_server import url
from tests.stand_ins.lambda_versions import LambdaVersions

ALARMS = BROKEN, ANSWERS = ("new-version-breaks", "answers-5xx")
MOST_PERCENT = 5  # the default of a stage's watch.errors_percent
HOOK_SECONDS = 120
HOOK = """
import sys
from infra.handlers.{module} import handler
handler({event!r}, None)
"""


@dataclass(frozen=True)
class Rollout:
    """Brings versions of the function to its callers.

    endpoints: that hooks call. call: sends requests and returns the status of each answer.
    checkout: that hooks are run from. variables: of the hooks' environment.
    """

    endpoints: AwsEndpoints
    call: Callable[[], Sequence[int]]
    cloudwatch: Any
    checkout: Path
    variables: Mapping[str, str]

    def __call__(
        self, function: LambdaVersions, version: str, first: bool, context: Mapping[str, str]
    ) -> str:
        """Bring a version to callers; return the reason where that fails."""
        if first:
            return self._create_alias(function, version)
        return self._deploy(function, version, at_once=context.get("rollout") == "AllAtOnce")

    def _create_alias(self, function: LambdaVersions, version: str) -> str:
        event = {
            "RequestType": "Create",
            "ResponseURL": f"{url(self.endpoints)}/reply",
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "FirstVersion",
        }
        output = self._run_hook("first_creation", function.arn(version), event)
        reply = self.endpoints.replies[-1] if self.endpoints.replies else {}
        if reply.get("Status") != "SUCCESS":
            return f"{reply.get('Reason', 'no answer')}\n{output}"
        function.point(version)
        for alarm in ALARMS:
            self._create_alarm(function.name, alarm)
            self._set_alarm(function.name, alarm, "OK")
        return ""

    def _deploy(self, function: LambdaVersions, version: str, *, at_once: bool) -> str:
        codedeploy = self.endpoints.codedeploy
        deployment = Deployment(f"d-{uuid4().hex[:9].upper()}", datetime.now(UTC))
        codedeploy.deployments.append(deployment)
        old, _ = function.live()
        event = {"DeploymentId": deployment.id, "LifecycleEventHookExecutionId": deployment.id}
        output = self._run_hook("pre_traffic", function.arn(version), event)
        if codedeploy.reported(deployment) != "Succeeded":
            reason = f"The hook before traffic reported Failed: {output[-500:]}"
            return _fail(deployment, "HOOK_EXECUTION_FAILURE", reason)
        if not at_once:
            function.point(old, version)
            if alarm := _alarm(self.call()):
                self._set_alarm(function.name, alarm, "ALARM")
                function.point(old)
                reason = f"One or more alarms have been activated: {alarm}"
                return _fail(deployment, "ALARM_ACTIVE", reason)
        function.point(version)
        for alarm in ALARMS:
            self._set_alarm(function.name, alarm, "OK")
        deployment.status = "Succeeded"
        return ""

    def _run_hook(self, module: str, version_arn: str, event: dict[str, Any]) -> str:
        """Run a hook; return its output."""
        done = subprocess.run(
            [sys.executable, "-c", HOOK.format(module=module, event=event)],
            cwd=self.checkout,
            env={**os.environ, **self.variables, "VERSION_ARN": version_arn},
            capture_output=True,
            text=True,
            check=False,
            timeout=HOOK_SECONDS,
        )
        return done.stdout + done.stderr

    def _create_alarm(self, function: str, alarm: str) -> None:
        self.cloudwatch.put_metric_alarm(
            AlarmName=f"{function}-{alarm}",
            MetricName=alarm,
            Namespace="Evergreen",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=2,
            Threshold=MOST_PERCENT,
            ComparisonOperator="GreaterThanThreshold",
        )

    def _set_alarm(self, function: str, alarm: str, state: str) -> None:
        reason = f"more than {MOST_PERCENT} % of answers" if state == "ALARM" else "as ever"
        self.cloudwatch.set_alarm_state(
            AlarmName=f"{function}-{alarm}", StateValue=state, StateReason=reason
        )


def _fail(deployment: Deployment, code: str, message: str) -> str:
    deployment.status = "Failed"
    deployment.error = {"code": code, "message": message}
    return f"{deployment.id}: {message}"


def _alarm(statuses: Sequence[int]) -> str:
    """Return the alarm that fires, by the arithmetic of the real ones; empty where none does."""
    for alarm, failed in ((BROKEN, {502, 504}), (ANSWERS, set(range(500, 600)))):
        if 100 * sum(status in failed for status in statuses) / len(statuses) > MOST_PERCENT:
            return alarm
    return ""
