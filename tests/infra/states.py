"""A run through the states of a batch, by what the Amazon States Language says of JSONata."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from jsonata import Jsonata

Event = dict[str, Any]
Function = Callable[[Event], dict[str, Any]]
EXECUTION = {"Execution": {"Name": "run"}}


class FailedError(Exception):
    """A Fail state was reached: its error and its cause."""


def evaluate(template: Any, states: Mapping[str, Any], variables: Mapping[str, Any]) -> Any:
    """A template with the value of each `{% expression %}` in its place."""
    if isinstance(template, dict):
        return {key: evaluate(value, states, variables) for key, value in template.items()}
    if isinstance(template, list):
        return [evaluate(each, states, variables) for each in template]
    if not (isinstance(template, str) and template.startswith("{%")):
        return template
    expression = Jsonata(template.removeprefix("{%").removesuffix("%}"))
    expression.register_lambda("parse", json.loads)  # of Step Functions, JSONata has it not
    frame = expression.create_frame()
    for name, value in {"states": states, **variables}.items():
        frame.bind(name, value)
    return plain(expression.evaluate(None, frame))


def plain(value: Any) -> Any:
    """As it goes from state to state: JSON."""
    return json.loads(json.dumps(value))


def run_machine(machine: Mapping[str, Any], given: Any, call: Function, **item: Any) -> Any:
    """The output of a machine from its input. call: the function that its tasks invoke. item: of
    the map that the machine runs in.

    Raises FailedError.
    """
    variables: dict[str, Any] = {}
    name = machine["StartAt"]
    while True:
        state = machine["States"][name]
        states = {"input": given, "context": {**EXECUTION, **item}}
        output = given
        match state["Type"]:
            case "Task":
                arguments = evaluate(state["Arguments"], states, variables)
                output = states["result"] = {"Payload": plain(call(arguments["Payload"]))}
            case "Map":
                output = states["result"] = [
                    run_machine(
                        state["ItemProcessor"],
                        evaluate(state["ItemSelector"], {**states, "context": each}, variables),
                        call,
                        **each,
                    )
                    for each in _items(state, states, variables)
                ]
            case "Choice":
                name = next(
                    (
                        choice["Next"]
                        for choice in state["Choices"]
                        if evaluate(choice["Condition"], states, variables) is True
                    ),
                    state["Default"],
                )
                continue
            case "Fail":
                raise FailedError(
                    evaluate(state["Error"], states, variables),
                    evaluate(state["Cause"], states, variables),
                )
        assigned = evaluate(state.get("Assign", {}), states, variables)
        given = evaluate(state["Output"], states, variables) if "Output" in state else output
        variables |= assigned
        if state.get("End"):
            return given
        name = state["Next"]


def _items(
    state: Mapping[str, Any], states: Mapping[str, Any], variables: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The context object of each item."""
    items = evaluate(state["Items"], states, variables)
    return [
        {**EXECUTION, "Map": {"Item": {"Index": place, "Value": value}}}
        for place, value in enumerate(items)
    ]
