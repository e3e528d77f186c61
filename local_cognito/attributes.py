"""User attributes: schema validation, write permissions of an app client, and conversion to AWS's list form."""

from typing import Any

from local_cognito.errors import CognitoError, invalid_parameter, not_authorized
from local_cognito.store import Client, Pool, User, is_email, is_phone

AttributeList = list[dict[str, str]]
_VERIFIED_MARKS = {"email": "email_verified", "phone_number": "phone_number_verified"}


def flat(attributes: AttributeList | None) -> dict[str, str]:
    """AWS's list of Name and Value as a dictionary; a missing value is an empty one, which removes the attribute."""
    return {item["Name"]: item.get("Value") or "" for item in attributes or []}


def listed(attributes: dict[str, str]) -> AttributeList:
    """The dictionary as AWS's list."""
    return [{"Name": name, "Value": value} for name, value in attributes.items()]


def check(pool: Pool, attributes: dict[str, str]) -> None:
    """Hold new values against the pool's schema. Raises CognitoError (InvalidParameterException)."""
    for name, value in attributes.items():
        schema = pool.stored.schema_attributes.get(name)
        if schema is None or name == "sub":
            raise _nonconforming(name, "Attribute does not exist in the schema.")
        if value == "":
            if schema.required or name in pool.username_attributes:
                raise _nonconforming(name, "The attribute is required")
            continue
        _check_value(name, value, schema)


def _check_value(name: str, value: str, schema: Any) -> None:
    if name == "email" and not is_email(value):
        raise invalid_parameter("Invalid email address format.")
    if name == "phone_number" and not is_phone(value):
        raise invalid_parameter("Invalid phone number format.")
    if schema.data_type == "Boolean" and value not in ("true", "false"):
        raise _nonconforming(name, "The attribute must be a boolean")
    if schema.data_type == "Number" and not value.lstrip("-").isdecimal():
        raise _nonconforming(name, "The attribute must be a number")
    limits = schema.string_constraints or {}
    if not int(limits.get("MinLength") or 0) <= len(value) <= int(limits.get("MaxLength") or 2048):
        raise _nonconforming(name, "String length is out of its limits")


def check_complete(pool: Pool, attributes: dict[str, str]) -> None:
    """Raises CognitoError (InvalidParameterException) when one that the pool requires is missing."""
    for name, schema in pool.stored.schema_attributes.items():
        if schema.required and name != "sub" and not attributes.get(name):
            raise _nonconforming(name, "The attribute is required")


def check_writable(client: Client, attributes: dict[str, str]) -> None:
    """Raises CognitoError (NotAuthorizedException) for an attribute the client may not write."""
    if not all(client.may_write(name) for name in attributes):
        raise not_authorized("A client attempted to write unauthorized attribute")


def check_mutable(pool: Pool, user: User, attributes: dict[str, str]) -> None:
    """Raises CognitoError (InvalidParameterException) for a change of what can be set only once."""
    for name, value in attributes.items():
        old = user.attribute_lookup.get(name)
        if not pool.stored.schema_attributes[name].mutable and old and old != value:
            raise invalid_parameter(f"user.{name}: Attribute cannot be updated.")


def check_free(pool: Pool, attributes: dict[str, str], by: User | None = None) -> None:
    """Raises CognitoError (AliasExistsException) when a value that serves as a name belongs to somebody else."""
    for name in pool.username_attributes:
        owner = pool.find(attributes[name]) if attributes.get(name) else None
        if owner is not None and owner is not by:
            raise CognitoError("AliasExistsException", f"An account with the given {name} already exists.")


def write(user: User, attributes: dict[str, str]) -> None:
    """Store values; an empty one removes the attribute, and its verified mark with it."""
    user.update_attributes(listed({name: value for name, value in attributes.items() if value}))
    gone = [name for name, value in attributes.items() if not value and name in user.attribute_lookup]
    gone += [mark for name in gone if (mark := _VERIFIED_MARKS.get(name)) in user.attribute_lookup]
    if gone:
        user.delete_attributes(gone)


def unverify_changed(user: User, attributes: dict[str, str]) -> dict[str, str]:
    """The same values with the verified mark of every changed address taken away."""
    marks = {
        mark: "false"
        for name, mark in _VERIFIED_MARKS.items()
        if attributes.get(name) and attributes[name] != user.attribute_lookup.get(name)
    }
    return {**marks, **attributes}


def _nonconforming(name: str, complaint: str) -> CognitoError:
    return invalid_parameter(f"Attributes did not conform to the schema: {name}: {complaint}")
