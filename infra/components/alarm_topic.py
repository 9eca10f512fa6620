"""SNS topic of a stage's alarms, and the budget that notifies it."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.configuration.deployment import Deployment

MISSING = "missing"  # data: INSUFFICIENT_DATA, in which an alarm begins
PUBLISHERS = ("cloudwatch.amazonaws.com", "budgets.amazonaws.com")


class AlarmTopic(Construct):
    """Topic to which this account's alarms and budget may publish, over TLS only.

    Failed deployments of CodeDeploy are published as well.
    """

    def __init__(self, scope: Construct, id_: str, *, deployment: Deployment) -> None:
        super().__init__(scope, id_)
        project, stage = deployment
        name = deployment.name
        self.topic = sns.Topic(
            self,
            "Topic",
            topic_name=f"{name}-alarms",
            display_name=f"{project.name} {stage.name}",
            enforce_ssl=True,
        )
        for email in stage.watch.emails:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsAndBudgetOfThisAccount",
                principals=[iam.ServicePrincipal(service) for service in PUBLISHERS],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            )
        )
        self._publish_failed_deployments(name)

    def notify(self, alarm: cloudwatch.Alarm) -> None:
        """Add the topic to an alarm, for ALARM and OK, and for silence where it is a state."""
        alarm.add_alarm_action(actions.SnsAction(self.topic))
        alarm.add_ok_action(actions.SnsAction(self.topic))
        resource = cast("cloudwatch.CfnAlarm", alarm.node.default_child)
        if resource.treat_missing_data == MISSING:
            alarm.add_insufficient_data_action(actions.SnsAction(self.topic))

    def _publish_failed_deployments(self, name: str) -> None:
        """Publish that CodeDeploy refused a version or rolled it back."""
        state = events.EventField.from_path("$.detail.state")
        id_ = events.EventField.from_path("$.detail.deploymentId")
        events.Rule(
            self,
            "FailedDeployments",
            description="A version was refused or rolled back",
            event_pattern=events.EventPattern(
                source=["aws.codedeploy"],
                detail_type=["CodeDeploy Deployment State-change Notification"],
                detail={"application": [name], "state": ["FAILURE", "STOP"]},
            ),
            targets=[
                targets.SnsTopic(
                    self.topic,
                    message=events.RuleTargetInput.from_text(
                        f"{name}: deployment {id_} ended in {state}. The version before has the "
                        "traffic."
                    ),
                )
            ],
        )


class Budget(Construct):
    """Monthly cost budget of the account, which notifies at 80 %, 100 % and forecast 100 %."""

    def __init__(
        self, scope: Construct, id_: str, *, name: str, dollars: int, topic: sns.Topic
    ) -> None:
        super().__init__(scope, id_)
        budget = budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=name,
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=dollars, unit="USD"),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[
                        budgets.CfnBudget.SubscriberProperty(
                            subscription_type="SNS", address=topic.topic_arn
                        )
                    ],
                )
                for kind, percent in (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
            ],
        )
        # AWS refuses a budget that may not publish to its topic.
        budget.node.add_dependency(topic)
