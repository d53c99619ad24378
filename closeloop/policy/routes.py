"""The authored routing, ``routing.toml``: skills, queues and people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, NoReturn, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from closeloop.errors import ConfigurationError
from closeloop.models.approval import Approver
from closeloop.models.base import Input
from closeloop.models.ticket import Id
from closeloop.policy.calendars import Calendar
from closeloop.policy.routing import Desk, Person, Queue, Skill
from closeloop.policy.tomlfile import Seconds, TomlTable, by_tenant, fault

FILE: Final = "routing.toml"
DEFAULT_AT_MOST: Final = 10


def _apart(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is named twice")
    return names


Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,59}$")]
Codes = Annotated[tuple[Code, ...], AfterValidator(_apart)]
Ids = Annotated[tuple[Id, ...], AfterValidator(_apart)]
Languages = Annotated[
    tuple[Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")], ...],
    Field(min_length=1),
    AfterValidator(_apart),
]
Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=2, max_length=60, pattern=r"^[^\x00-\x1f{}<>]+$"
    ),
]
"""What a customer reads, in the midst of a sentence: "our billing team"."""


class SkillTable(Input):
    """One ``[skill.ID]``."""

    intents: Codes = ()
    topics: Codes = ()
    reasons: Codes = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.intents and not self.topics and not self.reasons:
            raise ValueError("names neither intents, topics nor reasons: nothing would need it")
        return self


class QueueTable(Input):
    """One ``[queue.ID]``; without ``languages`` it writes those of the desk."""

    name: Name
    skills: Ids = ()
    languages: Languages | None = None
    calendar: Id | None = None
    answer_within: Seconds


class PersonTable(Input):
    """One ``[person.ID]``, an approver; without ``skills`` they have all of their queues'."""

    name: Name
    queues: Annotated[Ids, Field(min_length=1)]
    skills: Ids = ()
    languages: Languages | None = None
    calendar: Id | None = None
    at_most: Annotated[int, Field(strict=True, ge=1, le=1_000)] = DEFAULT_AT_MOST


class Routing(Input):
    """The routing of one tenant; ``languages`` are those that everybody writes."""

    default: Id
    languages: Languages = ("en",)
    skill: dict[Id, SkillTable] = Field(default_factory=dict)
    queue: Annotated[dict[Id, QueueTable], Field(min_length=1)]
    person: dict[Id, PersonTable] = Field(default_factory=dict)

    def desk(self) -> Desk:
        """Return it as tickets are routed by."""
        shared = frozenset(self.languages)
        return Desk(
            default=self.default,
            skills=tuple(
                Skill(
                    name=name,
                    intents=frozenset(one.intents),
                    topics=frozenset(one.topics),
                    reasons=frozenset(one.reasons),
                )
                for name, one in self.skill.items()
            ),
            queues=tuple(
                Queue(
                    queue_id=name,
                    name=one.name,
                    answer_within=one.answer_within,
                    skills=frozenset(one.skills),
                    languages=frozenset(one.languages or shared),
                    calendar=one.calendar,
                )
                for name, one in self.queue.items()
            ),
            people=tuple(
                Person(
                    person_id=name,
                    name=one.name,
                    queues=one.queues,
                    skills=frozenset(one.skills),
                    languages=frozenset(one.languages or shared),
                    calendar=one.calendar,
                    at_most=one.at_most,
                )
                for name, one in self.person.items()
            ),
        )

    def named(self) -> dict[str, str]:
        """Return everything that customers read, by its key."""
        queues = {f"queue.{name}.name": one.name for name, one in self.queue.items()}
        return queues | {f"person.{name}.name": one.name for name, one in self.person.items()}

    def calendars(self) -> dict[str, str]:
        """Return the calendars that are named, by the key that names them."""
        rows = [(f"queue.{name}", one.calendar) for name, one in self.queue.items()]
        rows += [(f"person.{name}", one.calendar) for name, one in self.person.items()]
        return {f"{key}.calendar": name for key, name in rows if name is not None}


@dataclass(frozen=True, kw_only=True)
class RoutingBook:
    """The routing for everybody, and those of tenants that differ."""

    default: Routing
    tenants: Mapping[str, Routing]

    def named(self, source: str) -> dict[str, Routing]:
        """Return every routing by where in the file it stands."""
        tenants = {f"{source}: [tenant.{name}]": one for name, one in self.tenants.items()}
        return {source: self.default, **tenants}

    def of(self, tenant: str) -> Routing:
        """Return the tenant's routing."""
        return self.tenants.get(tenant, self.default)


def parse_routing(document: TomlTable, source: str) -> RoutingBook:
    """Return the routing of a parsed file.

    Raises:
        ConfigurationError: names the file (``source``), the tenant, the key and the reason.
    """
    base, overridden = by_tenant(document, source)
    return RoutingBook(
        default=_routing(base, source),
        tenants={
            name: _routing(table, f"{source}: [tenant.{name}]")
            for name, table in overridden.items()
        },
    )


def check_against(
    routing: Routing,
    where: str,
    *,
    intents: frozenset[str],
    calendars: Mapping[str, Calendar],
    roster: Sequence[Approver],
) -> None:
    """Check that what the routing names in other files is there.

    Raises:
        ConfigurationError: an intent, calendar or approver is not; names where, key and reason.
    """
    for name, skill in routing.skill.items():
        for intent in skill.intents:
            if intent not in intents:
                _refuse(where, f"skill.{name}.intents", f"taxonomy.toml has no intent {intent!r}")
    for key, calendar in routing.calendars().items():
        if calendar not in calendars:
            _refuse(where, key, f"sla.toml has no [calendar.{calendar}] for it")
    known = {person.approver_id for person in roster}
    for name in routing.person:
        if name not in known:
            _refuse(
                where,
                f"person.{name}",
                f"approvers.toml has no {name!r}: who gets tickets must be able to resolve them",
            )


def words_of(at: datetime, zone: str | None) -> str:
    """Return a time as a customer reads it, on the clock of a zone, and up to the full minute.

    >>> words_of(datetime(2026, 12, 1, 19, tzinfo=UTC), "America/New_York")
    'Tuesday, 1 December, 14:00 (New York time)'
    """
    if at.second or at.microsecond:
        at = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    local = at.astimezone(ZoneInfo(zone or "UTC"))
    place = (zone or "UTC").rpartition("/")[2].replace("_", " ")
    clock = "UTC" if place == "UTC" else f"({place} time)"
    return f"{local:%A}, {local.day} {local:%B}, {local:%H:%M} {clock}"


def _routing(table: TomlTable, where: str) -> Routing:
    try:
        routing = Routing.model_validate(table)
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {fault(error)}") from error
    if routing.default not in routing.queue:
        _refuse(where, "default", f"there is no [queue.{routing.default}]")
    _refuse_doubles(routing, where)
    _refuse_unknown(routing, where)
    _refuse_uncovered(routing, where)
    return routing


def _refuse_doubles(routing: Routing, where: str) -> None:
    names: dict[str, str] = {}
    for queue_id, queue in routing.queue.items():
        first = names.setdefault(queue.name.casefold(), queue_id)
        if first != queue_id:
            _refuse(where, f"queue.{queue_id}.name", f"{queue.name!r} is queue {first!r} already")
    for field in ("intents", "reasons"):
        taken: dict[str, str] = {}
        for skill_id, skill in routing.skill.items():
            for code in getattr(skill, field):
                first = taken.setdefault(code, skill_id)
                if first != skill_id:
                    _refuse(
                        where,
                        f"skill.{skill_id}.{field}",
                        f"{code!r} needs the skill {first!r} already",
                    )


def _refuse_unknown(routing: Routing, where: str) -> None:
    for queue_id, queue in routing.queue.items():
        for skill in queue.skills:
            if skill not in routing.skill:
                _refuse(where, f"queue.{queue_id}.skills", f"there is no [skill.{skill}]")
    for person_id, person in routing.person.items():
        for queue_id in person.queues:
            if queue_id not in routing.queue:
                _refuse(where, f"person.{person_id}.queues", f"there is no [queue.{queue_id}]")
        theirs = {skill for queue_id in person.queues for skill in routing.queue[queue_id].skills}
        for skill in person.skills:
            if skill not in theirs:
                _refuse(
                    where, f"person.{person_id}.skills", f"none of their queues takes {skill!r}"
                )


def _refuse_uncovered(routing: Routing, where: str) -> None:
    """Refuse a skill without a queue, and one that none of a queue's people has."""
    for skill in routing.skill:
        if not any(skill in queue.skills for queue in routing.queue.values()):
            _refuse(where, f"skill.{skill}", "no queue takes it")
    for queue_id, queue in routing.queue.items():
        people = [person for person in routing.person.values() if queue_id in person.queues]
        for skill in queue.skills if people else ():
            if all(person.skills and skill not in person.skills for person in people):
                _refuse(where, f"queue.{queue_id}.skills", f"none of its people has {skill!r}")


def _refuse(where: str, key: str, why: str) -> NoReturn:
    raise ConfigurationError(f"{where}: {key}: {why}")
