"""The operations of CodeDeploy that a deployment and its hooks call; moto's knows no hooks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass
class Deployment:
    """One deployment of a function. error: code and message, once it has failed."""

    id: str
    created: datetime
    status: str = "InProgress"
    error: dict[str, str] | None = None


class CodeDeploy:
    """Deployments, and the reports of their hooks."""

    def __init__(self) -> None:
        self.deployments: list[Deployment] = []
        self.reports: list[dict[str, str]] = []

    def reported(self, deployment: Deployment) -> str:
        """Return the status that the hook of a deployment reported; empty if it did not."""
        statuses = {report["deploymentId"]: report["status"] for report in self.reports}
        return statuses.get(deployment.id, "")

    def answer(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the response to an API call.

        Raises:
            NotImplementedError: For an operation that nothing here needs.
        """
        if operation == "ListDeployments":
            start = request.get("createTimeRange", {}).get("start", 0)
            statuses = request["includeOnlyStatuses"]
            found = [
                each.id
                for each in self.deployments
                if each.status in statuses and each.created.timestamp() >= start
            ]
            return {"deployments": found}
        if operation == "GetDeployment":
            found_one = next(e for e in self.deployments if e.id == request["deploymentId"])
            info = {"status": found_one.status, "errorInformation": found_one.error or {}}
            return {"deploymentInfo": info}
        if operation == "PutLifecycleEventHookExecutionStatus":
            self.reports.append(dict(request))
            return {"lifecycleEventHookExecutionId": request["lifecycleEventHookExecutionId"]}
        raise NotImplementedError(operation)
