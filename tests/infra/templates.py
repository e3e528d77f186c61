"""The templates of infra/, read, and their functions worked out as far as the tests need it."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from local_cognito.template import parsed

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("alarms", "cognito", "delivery", "service")


class Stack:
    """A template with some parameters; `known` are values of resources' attributes and of imports, by what names them.

    What is not known stays as a name in angle brackets.
    """

    def __init__(self, name: str, parameters: Mapping[str, Any] | None = None, **known: str) -> None:
        self.text = (ROOT / "infra" / f"{name}.yaml").read_text()
        self.template = parsed(ROOT / "infra" / f"{name}.yaml")
        defaults = {key: about.get("Default", "") for key, about in self.template["Parameters"].items()}
        pseudo = {"AWS::Region": "eu-west-1", "AWS::AccountId": "123456789012", "AWS::Partition": "aws"}
        given = {**pseudo, "AWS::StackName": f"books-{name}", **defaults, **(parameters or {})}
        self._values: dict[str, Any] = {**given, **known}

    def resource(self, logical_id: str) -> dict[str, Any]:
        """The properties of a resource."""
        properties: dict[str, Any] = self.resolve(self.template["Resources"][logical_id]["Properties"])
        return properties

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of those resources of a type that are there, by logical id."""
        return {
            logical_id: self.resource(logical_id)
            for logical_id, resource in self.template["Resources"].items()
            if resource["Type"] == kind and self._holds(resource.get("Condition"))
        }

    def outputs(self) -> dict[str, Any]:
        """The values of the outputs."""
        return {name: self.resolve(output["Value"]) for name, output in self.template["Outputs"].items()}

    def resolve(self, value: Any) -> Any:
        """A value of the template with its functions worked out."""
        if isinstance(value, list):
            return [found for item in value if (found := self.resolve(item)) is not None]
        if not isinstance(value, dict):
            return value
        function = next(iter(value)) if len(value) == 1 else ""
        if function in _FUNCTIONS:
            return _FUNCTIONS[function](self, value[function])
        assert not function.startswith("Fn::"), function
        return {name: found for name, item in value.items() if (found := self.resolve(item)) is not None}

    def _holds(self, condition: str | None) -> bool:
        return condition is None or bool(self.resolve(self.template["Conditions"][condition]))

    def _value(self, name: str) -> Any:
        return None if name == "AWS::NoValue" else self._values.get(name, f"<{name}>")

    def _if(self, arguments: list[Any]) -> Any:
        return self.resolve(arguments[1] if self._holds(arguments[0]) else arguments[2])

    def _sub(self, text: str) -> str:
        return re.sub(r"\$\{([\w:.]+)\}", lambda found: str(self._value(found[1])), text)


def _all(stack: Stack, arguments: list[Any]) -> bool:
    return all(stack.resolve(argument) for argument in arguments)


_FUNCTIONS: dict[str, Callable[[Stack, Any], Any]] = {
    "Ref": Stack._value,
    "Condition": Stack._holds,
    "Fn::And": _all,
    "Fn::Cidr": lambda stack, _: [f"<cidr {number}>" for number in range(4)],
    "Fn::Equals": lambda stack, pair: stack.resolve(pair[0]) == stack.resolve(pair[1]),
    "Fn::GetAZs": lambda stack, _: ["a", "b"],
    "Fn::GetAtt": Stack._value,
    "Fn::If": Stack._if,
    "Fn::ImportValue": lambda stack, name: stack._value(str(stack.resolve(name))),
    "Fn::Join": lambda stack, parts: str(parts[0]).join(map(str, stack.resolve(parts[1]))),
    "Fn::Not": lambda stack, arguments: not stack.resolve(arguments[0]),
    "Fn::Select": lambda stack, pair: stack.resolve(pair[1])[int(pair[0])],
    "Fn::Split": lambda stack, pair: str(stack.resolve(pair[1])).split(pair[0]),
    "Fn::Sub": Stack._sub,
}


def everything(value: Any) -> Iterator[Any]:
    """Every value within a value, itself first."""
    yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from everything(item)
