"""CodeDeploy, as the stage's rollout has it: the hook before traffic, a share of the callers for
the new version, two alarms, and everything back where one of them rings.

The hook is the real one, as a process of its own. Callers are played, at once and not for minutes.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.rehearsal.function import Function

ALARMS = BROKEN, ANSWERS = ("new-version-breaks", "answers-5xx")
MOST_PERCENT = 5  # as a stage's watch.errors_percent, if it says nothing else
HOOK_SECONDS = 120
HOOK = """
import sys
from infra.handlers.{module} import handler
handler({event!r}, None)
"""
FIRST, LATER = "first_creation", "pre_traffic"
HOOK_FAILED = ("HOOK_EXECUTION_FAILURE", "The hook before traffic reported Failed: {}")
RANG = ("ALARM_ACTIVE", "One or more alarms have been activated: {}")
Callers = Callable[[], list[int]]


@dataclass
class Deployment:
    """One of CodeDeploy's. hooked: what the hook reported."""

    id: str
    created: datetime
    status: str = "InProgress"
    hooked: str = ""
    error: dict[str, str] | None = None


class Rollout:
    """Brings versions of one function to its callers. callers: send requests, and tell what
    status each was answered with. hook: the environment of the hooks' process."""

    def __init__(
        self,
        function: Function,
        callers: Callers,
        cloudwatch: Any,
        checkout: Path,
        hook: Mapping[str, str],
    ) -> None:
        self._function, self._callers, self._cloudwatch = function, callers, cloudwatch
        self._checkout, self._hook = checkout, hook
        self.deployments: list[Deployment] = []
        self.first_reply: dict[str, Any] = {}

    def first(self, version: str, reply_to: str) -> str:
        """Let the first version be asked, then have the alias; why not, where it fails."""
        event = {
            "RequestType": "Create",
            "ResponseURL": reply_to,
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "FirstVersion",
        }
        said = self._ask_hook(FIRST, version, event)
        if self.first_reply.get("Status") != "SUCCESS":
            return f"{self.first_reply.get('Reason', 'no answer')}\n{said}"
        self._function.point(version)
        for alarm in ALARMS:
            self._ring(alarm, "OK", create=True)
        return ""

    def later(self, version: str, *, at_once: bool) -> str:
        """Bring a further version; why not, where it was taken back."""
        deployment = Deployment(f"d-{uuid4().hex[:9].upper()}", datetime.now(UTC))
        self.deployments.append(deployment)
        old = self._function.live()
        ids = {"DeploymentId": deployment.id, "LifecycleEventHookExecutionId": deployment.id}
        said = self._ask_hook(LATER, version, ids)
        if deployment.hooked != "Succeeded":
            return self._take_back(deployment, old, HOOK_FAILED, said[-500:])
        if not at_once:
            self._function.point(old, version)
            if rang := self._alarm(self._callers()):
                self._ring(rang, "ALARM")
                return self._take_back(deployment, old, RANG, rang)
        self._function.point(version)
        for alarm in ALARMS:
            self._ring(alarm, "OK")
        deployment.status = "Succeeded"
        return ""

    def _ask_hook(self, module: str, version: str, event: dict[str, Any]) -> str:
        environment = {**os.environ, **self._hook, "VERSION_ARN": self._function.arn(version)}
        done = subprocess.run(
            [sys.executable, "-c", HOOK.format(module=module, event=event)],
            cwd=self._checkout,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=HOOK_SECONDS,
        )
        return done.stdout + done.stderr

    def _take_back(self, deployment: Deployment, old: str, why: tuple[str, str], what: str) -> str:
        self._function.point(old)
        code, message = why
        deployment.status = "Failed"
        deployment.error = {"code": code, "message": message.format(what)}
        return f"{deployment.id}: {deployment.error['message']}"

    def _alarm(self, statuses: list[int]) -> str:
        """The alarm that rings, by the same arithmetic as the real ones; empty where none does."""
        for alarm, failed in ((BROKEN, {502, 504}), (ANSWERS, set(range(500, 600)))):
            if 100 * sum(status in failed for status in statuses) / len(statuses) > MOST_PERCENT:
                return alarm
        return ""

    def _ring(self, alarm: str, state: str, *, create: bool = False) -> None:
        name = f"{self._function.name}-{alarm}"
        if create:
            self._cloudwatch.put_metric_alarm(
                AlarmName=name,
                MetricName=alarm,
                Namespace="Evergreen",
                Statistic="Sum",
                Period=60,
                EvaluationPeriods=2,
                Threshold=MOST_PERCENT,
                ComparisonOperator="GreaterThanThreshold",
            )
        self._cloudwatch.set_alarm_state(
            AlarmName=name,
            StateValue=state,
            StateReason=f"more than {MOST_PERCENT} % of answers" * (state == "ALARM") or "as ever",
        )
