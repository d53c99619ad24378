"""The namespace's search attributes: which it has, and adding those it lacks."""

from collections.abc import Mapping
from typing import Final

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client

from closeloop.errors import ConfigurationError

_TYPE_PREFIX: Final = "INDEXED_VALUE_TYPE_"
TYPES: Final[Mapping[str, str]] = {
    "Text": "TEXT",
    "Keyword": "KEYWORD",
    "Int": "INT",
    "Double": "DOUBLE",
    "Bool": "BOOL",
    "Datetime": "DATETIME",
    "KeywordList": "KEYWORD_LIST",
}


async def search_attribute_types(client: Client) -> dict[str, str]:
    """Return name to type (``Keyword``, ``Datetime``, ...) of the namespace's own attributes."""
    response = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    names = {_TYPE_PREFIX + wire: name for name, wire in TYPES.items()}
    return {
        key: names.get(IndexedValueType.Name(value), IndexedValueType.Name(value))
        for key, value in response.custom_attributes.items()
    }


async def register_search_attributes(client: Client, wanted: Mapping[str, str]) -> None:
    """Add the attributes that the namespace lacks.

    Raises:
        ConfigurationError: one is there already with another type. Temporal cannot change it, and
            says nothing about it either.
    """
    there = await search_attribute_types(client)
    missing = {name: kind for name, kind in wanted.items() if name not in there}
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes={
                    name: IndexedValueType.Value(_TYPE_PREFIX + TYPES[kind])
                    for name, kind in missing.items()
                },
            )
        )
        there = await search_attribute_types(client)
    for name, kind in wanted.items():
        if there.get(name) != kind:
            raise ConfigurationError(
                f"search attribute {name} of namespace {client.namespace!r} is "
                f"{there.get(name, 'missing')} and must be {kind}: remove it with "
                f"`temporal operator search-attribute remove --name {name}` and start again, "
                "or use a fresh state folder"
            )
