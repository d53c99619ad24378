"""The authored roster, ``approvers.toml``: who may decide, for whom, up to how much."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal, Self, cast

from pydantic import BeforeValidator, EmailStr, Field, ValidationError, model_validator

from closeloop.errors import ConfigurationError
from closeloop.models.approval import Absence, Approver
from closeloop.models.base import Input
from closeloop.models.ticket import Id
from closeloop.policy.calendars import parse_days
from closeloop.policy.roster import EVERY_TENANT, serves
from closeloop.policy.tomlfile import MinorUnits, TomlTable, fault, read_toml

FILE: Final = "approvers.toml"


class Away(Input):
    """Days out of the office, ``"2026-12-24..2026-12-31"``, and who stands in."""

    days: Annotated[tuple[date, date], BeforeValidator(parse_days)]
    delegate: Id


Role = Literal["agent", "lead", "manager"]


class Entry(Input):
    """One ``[[approver]]`` of the file; ``tenants`` is a list of names, or ``["*"]`` for all."""

    id: Id
    name: Annotated[str, Field(min_length=1, max_length=120)]
    email: EmailStr
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    tenants: Annotated[tuple[Id | Literal["*"], ...], Field(min_length=1)]
    limit: MinorUnits
    away: tuple[Away, ...] = ()

    @model_validator(mode="after")
    def _apart(self) -> Self:
        for (_, last), (first, _) in pairwise(sorted(one.days for one in self.away)):
            if first <= last:
                raise ValueError(f"away: {first} is named twice: somebody has one delegate a day")
        return self


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
    roster = tuple(_person(entry) for entry in entries)
    _refuse_bad_delegates(roster, source)
    return roster


def _person(entry: Entry) -> Approver:
    away = sorted(entry.away, key=lambda one: one.days)
    return Approver(
        approver_id=entry.id,
        email=entry.email,
        roles=entry.roles,
        tenants=entry.tenants,
        limit_minor=entry.limit,
        away=tuple(
            Absence(first=one.days[0], last=one.days[1], delegate=one.delegate) for one in away
        ),
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


def _refuse_bad_delegates(roster: Sequence[Approver], source: str) -> None:
    by_id = {person.approver_id: person for person in roster}
    for person in roster:
        where = f"{source}: approver {person.approver_id!r}: away.delegate"
        for absence in person.away:
            delegate = by_id.get(absence.delegate)
            if delegate is None:
                raise ConfigurationError(f"{where}: there is no approver {absence.delegate!r}")
            for tenant in person.tenants:
                if not serves(delegate, tenant):
                    whose = "every tenant" if tenant == EVERY_TENANT else f"tenant {tenant!r}"
                    raise ConfigurationError(
                        f"{where}: {absence.delegate!r} does not decide for {whose}"
                    )
        circle = _circle(person.approver_id, by_id)
        if circle:
            raise ConfigurationError(
                f"{where}: goes in a circle ({' -> '.join(circle)}): nobody would be left to decide"
            )


def _circle(start: str, by_id: dict[str, Approver]) -> tuple[str, ...]:
    """Return a way along delegates from a person back to them, whatever the days; () for none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for name in (absence.delegate for absence in by_id[way[-1]].away):
            if name == start:
                return (*way, name)
            if name in by_id and name not in seen:
                seen.add(name)
                ways.append((*way, name))
    return ()
