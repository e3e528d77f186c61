"""Creation of the user pool from the CloudFormation template infra/cognito.yaml.

Development and production cannot drift: the local pool is made from the template that CloudFormation deploys.
Only the functions that the template uses are understood; anything else is an error, not a guess.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from local_cognito.errors import CognitoError
from local_cognito.operations.pools import check_client
from local_cognito.store import Pool, Store

TEMPLATE = Path(__file__).resolve().parent.parent / "infra" / "cognito.yaml"
_ABSENT = object()


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: ``!Ref X`` becomes ``{"Ref": "X"}``."""


def _short_form(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    raise ValueError(f"{name} takes a name or a list here")


_Loader.add_multi_constructor("!", _short_form)


@cache
def parsed(path: Path) -> dict[str, Any]:
    """A template of CloudFormation as it stands there: functions in their long form, nothing filled in."""
    document: dict[str, Any] = _Loader(path.read_text(encoding="utf-8")).get_single_data()
    return document


class Template:
    """A template with its parameters filled in. ``resources`` gives type and properties by logical id."""

    def __init__(self, path: Path = TEMPLATE, parameters: Mapping[str, str] | None = None) -> None:
        document = parsed(path)
        self._declared = document["Parameters"]
        self._conditions = document.get("Conditions", {})
        unknown = set(parameters or {}) - set(self._declared)
        if unknown:
            raise ValueError(f"{path.name} has no parameter {', '.join(sorted(unknown))}")
        given = {name: declared.get("Default") for name, declared in self._declared.items()} | dict(parameters or {})
        self._values = {name: self._typed(name, value) for name, value in given.items()}
        self.resources: dict[str, dict[str, Any]] = document["Resources"]

    def _typed(self, name: str, value: str | None) -> str | list[str] | None:
        if self._declared[name]["Type"] == "CommaDelimitedList":
            return [item.strip() for item in (value or "").split(",") if item.strip()]
        return value

    def of_type(self, type_: str) -> list[tuple[str, dict[str, Any]]]:
        """Logical id and resolved properties of every resource of a type, in the order of the file."""
        return [
            (logical_id, self._resolve(resource["Properties"]))
            for logical_id, resource in self.resources.items()
            if resource["Type"] == type_ and self._holds(resource.get("Condition"))
        ]

    def _holds(self, condition: str | None) -> bool:
        """Whether a resource or value with this condition, if any, is there."""
        return condition is None or bool(self._resolve(self._conditions[condition]))

    def _resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [item for item in map(self._resolve, value) if item is not _ABSENT]
        if not isinstance(value, dict):
            return value
        function = next(iter(value)) if len(value) == 1 else ""
        if function in _FUNCTIONS:
            return _FUNCTIONS[function](self, value[function])
        if function.startswith("Fn::"):
            raise ValueError(f"{function} is not understood here")
        resolved = {name: self._resolve(item) for name, item in value.items()}
        return {name: item for name, item in resolved.items() if item is not _ABSENT}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _ABSENT
        # A reference to another resource stays its logical id.
        return self._values.get(name, name)

    def _if(self, arguments: list[Any]) -> Any:
        condition, yes, no = arguments
        return self._resolve(yes if self._holds(condition) else no)

    def _sub(self, text: str) -> str:
        # What is no parameter stays as it is: names of resources, and dynamic references to secrets.
        return re.sub(r"\$\{(\w+)\}", lambda found: str(self._values.get(found[1], found[0])), text)

    def _equals(self, arguments: list[Any]) -> bool:
        left, right = map(self._resolve, arguments)
        return bool(left == right)

    def _join(self, arguments: list[Any]) -> str:
        separator, parts = arguments
        return str(separator).join(self._resolve(parts))

    def _split(self, arguments: list[Any]) -> list[str]:
        separator, text = arguments
        return str(self._resolve(text)).split(separator)

    def _not(self, arguments: list[Any]) -> bool:
        return not self._resolve(arguments[0])


_FUNCTIONS: dict[str, Callable[[Template, Any], Any]] = {
    "Ref": Template._ref,
    "Fn::If": Template._if,
    "Fn::Sub": Template._sub,
    "Fn::Equals": Template._equals,
    "Fn::Join": Template._join,
    "Fn::Not": Template._not,
    "Fn::Split": Template._split,
}


def client_id(logical_id: str) -> str:
    """The fixed id of a client, 26 lower-case letters and digits as Cognito's are: ``webclient00000000000000000``."""
    return f"{logical_id.lower():0<26}"[:26]


def build(store: Store, template: Template, pool_id: str, new_secret: Callable[[], str]) -> Pool:
    """Make the pool, groups, scopes, clients and domain that the template describes.

    ``new_secret`` makes a client's secret. Raises ValueError when a client asks for what Cognito
    refuses.
    """
    backend = store.backend
    ((_, config),) = template.of_type("AWS::Cognito::UserPool")
    # The template's names are the API's but for these.
    name = config.pop("UserPoolName")
    factors = config.pop("EnabledMfas", [])
    stored = backend.create_user_pool(name, config)
    stored.token_mfa_config = {"Enabled": "SOFTWARE_TOKEN_MFA" in factors}
    store.rename(stored, pool_id)
    for _, group in template.of_type("AWS::Cognito::UserPoolGroup"):
        backend.create_group(pool_id, group["GroupName"], group.get("Description", ""), "", group["Precedence"])
    for _, server in template.of_type("AWS::Cognito::UserPoolResourceServer"):
        backend.create_resource_server(pool_id, server["Identifier"], server["Name"], server["Scopes"])
    pool = store.pool(pool_id)
    for logical_id, settings in template.of_type("AWS::Cognito::UserPoolClient"):
        _build_client(store, pool, logical_id, settings, new_secret)
    for _, domain in template.of_type("AWS::Cognito::UserPoolDomain"):
        backend.create_user_pool_domain(pool_id, domain["Domain"])
    return pool


def _build_client(
    store: Store, pool: Pool, logical_id: str, settings: dict[str, Any], new_secret: Callable[[], str]
) -> None:
    has_secret = bool(settings.pop("GenerateSecret", False))
    settings.pop("UserPoolId")
    try:
        check_client(store, pool.id, settings)
    except CognitoError as error:
        raise ValueError(f"{logical_id}: {error.message}") from error
    client = store.backend.create_user_pool_client(pool.id, has_secret, settings)
    del pool.stored.clients[client.id]
    client.id = client_id(logical_id)
    client.secret = new_secret()
    pool.stored.clients[client.id] = client
