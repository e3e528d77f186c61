"""The alarms of infra/alarms.yaml: each reaches somebody, its metric exists, and what it imports is exported."""

import re
from typing import Any

import pytest

from tests.infra.templates import ROOT, Stack

ALARM, FILTER = "AWS::CloudWatch::Alarm", "AWS::Logs::MetricFilter"
# From the CloudWatch pages of each service.
METRICS = {
    "AWS/ApplicationELB": {
        "HTTPCode_ELB_5XX_Count", "HTTPCode_Target_5XX_Count", "HealthyHostCount", "RequestCount", "UnHealthyHostCount",
    },
    "AWS/RDS": {"CPUUtilization", "FreeStorageSpace", "FreeableMemory", "ReplicaLag"},
    "AWS/ElastiCache": {"DatabaseMemoryUsagePercentage", "EngineCPUUtilization"},
    "AWS/Cognito": {"SignInThrottles", "SignUpThrottles", "TokenRefreshThrottles"},
}  # fmt: skip


@pytest.fixture
def stack() -> Stack:
    """All alarms."""
    return Stack("alarms", {"ReadReplica": "true", "AlarmAddress": "ops@example.com"})


def metrics(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """The metrics that an alarm looks at: one of its own, or those of its expression."""
    if "Metrics" not in alarm:
        return [alarm]
    return [query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query]


def test_every_alarm_tells_somebody_when_it_begins_and_when_it_ends(stack: Stack) -> None:
    assert stack.resource("Alarms")["Subscription"] == [{"Protocol": "email", "Endpoint": "ops@example.com"}]
    alarms = stack.of_type(ALARM)
    assert len(alarms) > 10
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["<Alarms>"], name
        assert alarm["AlarmDescription"], name


def test_every_metric_is_one_that_aws_or_a_filter_of_the_log_publishes(stack: Stack) -> None:
    counted = {
        (made["MetricNamespace"], made["MetricName"])
        for found in stack.of_type(FILTER).values()
        for made in found["MetricTransformations"]
    }
    looked_at = {(m["Namespace"], m["MetricName"]) for alarm in stack.of_type(ALARM).values() for m in metrics(alarm)}
    of_aws = {(namespace, name) for namespace, names in METRICS.items() for name in names}
    assert looked_at == counted | of_aws


def test_an_expression_names_its_metrics(stack: Stack) -> None:
    for name, alarm in stack.of_type(ALARM).items():
        for query in alarm.get("Metrics", []):
            if expression := query.get("Expression"):
                used = set(re.findall(r"\b[a-z]+\b", expression))
                assert used == {other["Id"] for other in alarm["Metrics"]} - {query["Id"]}, name


def test_the_filters_look_for_what_the_log_says(stack: Stack) -> None:
    patterns = " ".join(found["FilterPattern"] for found in stack.of_type(FILTER).values())
    codes = set(re.findall(r'\$\.code = "(\w+)"', patterns))
    assert codes == {"database_unavailable", "cognito_unavailable", "cognito_misconfigured", "keys_unavailable"}
    code = "".join(path.read_text() for room in ("accounts", "config") for path in (ROOT / room).rglob("*.py"))
    for name in codes:
        assert f'"{name}"' in code, name
    assert 'logger.error("Redis fails' in (ROOT / "accounts" / "flows" / "windows.py").read_text()
    assert '$.logger = "accounts.flows.windows"' in patterns


def test_what_the_alarms_import_is_what_the_stacks_export(stack: Stack) -> None:
    for parameter, name in (("ServiceStack", "service"), ("CognitoStack", "cognito")):
        wanted = set(re.findall(rf"\$\{{{parameter}\}}-(\w+)", stack.text))
        assert wanted, parameter
        outputs = Stack(name).template["Outputs"].values()
        exported = {Stack(name).resolve(output["Export"]["Name"]) for output in outputs if "Export" in output}
        assert {f"books-{name}-{export}" for export in wanted} <= exported
        assert stack.template["Parameters"][parameter]["Default"] == f"books-{name}"


def test_every_alarm_is_explained_to_whoever_gets_it(stack: Stack) -> None:
    page = (ROOT / "docs" / "deploy.md").read_text()
    for name in stack.of_type(ALARM):
        assert f"`{name}`" in page, name
