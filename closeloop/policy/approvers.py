"""The authored roster, ``approvers.toml``: who may decide, for whom, up to how much."""

from pathlib import Path
from typing import Annotated, Final, Literal, cast

from pydantic import EmailStr, Field, ValidationError

from closeloop.errors import ConfigurationError
from closeloop.models.approval import Approver
from closeloop.models.base import Input
from closeloop.models.ticket import Id
from closeloop.policy.tomlfile import MinorUnits, TomlTable, fault, read_toml

FILE: Final = "approvers.toml"


class Entry(Input):
    """One ``[[approver]]`` of the file; ``tenants`` is a list of names, or ``["*"]`` for all."""

    id: Id
    name: Annotated[str, Field(min_length=1, max_length=120)]
    email: EmailStr
    roles: Annotated[tuple[Id, ...], Field(min_length=1)]
    tenants: Annotated[tuple[Id | Literal["*"], ...], Field(min_length=1)]
    limit: MinorUnits


def load_approvers(path: Path) -> tuple[Approver, ...]:
    """Return the people of the file, in its order.

    Raises:
        ConfigurationError: names the file, the person and the key.
    """
    return parse_approvers(read_toml(path), str(path))


def parse_approvers(document: TomlTable, source: str) -> tuple[Approver, ...]:
    """Return the people of a parsed file; ``source`` names it in a ``ConfigurationError``."""
    strange = sorted(set(document) - {"approver"})
    tables = document.get("approver")
    if strange:
        raise ConfigurationError(f"{source}: {strange[0]}: there is no such key")
    if not isinstance(tables, list) or not tables:
        raise ConfigurationError(f"{source}: approver: add at least one [[approver]]")
    people = cast(list[object], tables)
    entries = [_entry(table, number, source) for number, table in enumerate(people, start=1)]
    _refuse_duplicates(entries, source)
    return tuple(
        Approver(
            approver_id=entry.id,
            email=entry.email,
            roles=entry.roles,
            tenants=entry.tenants,
            limit_minor=entry.limit,
        )
        for entry in entries
    )


def _entry(table: object, number: int, source: str) -> Entry:
    try:
        return Entry.model_validate(table)
    except ValidationError as error:
        named = cast(TomlTable, table).get("id") if isinstance(table, dict) else None
        who = f"approver {named!r}" if named else f"approver number {number}"
        raise ConfigurationError(f"{source}: {who}: {fault(error)}") from error


def _refuse_duplicates(entries: list[Entry], source: str) -> None:
    # One person with two entries could decide twice, or approve what the other one asked for.
    seen: set[tuple[str, str]] = set()
    for entry in entries:
        for key, value in (("id", entry.id), ("email", entry.email)):
            if (key, value.casefold()) in seen:
                raise ConfigurationError(
                    f"{source}: approver {entry.id!r}: {key}: {value!r} stands in the file twice"
                )
            seen.add((key, value.casefold()))
