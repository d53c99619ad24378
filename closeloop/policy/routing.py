"""Which queue and which person get a ticket: pure, over the desk's people, hours and open cases.

A queue is found by skill, then language, then working hours, then load; a person of it likewise.
What cannot be had is done without, and the route says so: no ticket is left without a queue.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Final

from closeloop.models.approval import Approver
from closeloop.models.routing import OpenCases, RouteRequest
from closeloop.models.sla import OpenHours
from closeloop.policy.hours import after
from closeloop.policy.roster import may_decide


@dataclass(frozen=True, kw_only=True)
class Skill:
    """What a group of tickets needs: by intent, topic, or why they are with people."""

    name: str
    intents: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A queue of people; without skills it takes what needs none.

    ``name`` is what customers read, ``answer_within`` open seconds of its calendar (None: always).
    """

    queue_id: str
    name: str
    answer_within: float
    skills: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    calendar: str | None = None


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who works in queues, on at most ``at_most`` cases at once."""

    person_id: str
    name: str
    queues: tuple[str, ...]
    skills: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    calendar: str | None = None
    at_most: int = 10


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The queues and people of a tenant, as they are authored; ``default`` is one of the queues."""

    default: str
    skills: tuple[Skill, ...] = ()
    queues: tuple[Queue, ...]
    people: tuple[Person, ...] = ()

    def queue(self, queue_id: str) -> Queue | None:
        """Return the queue with this id."""
        return next((queue for queue in self.queues if queue.queue_id == queue_id), None)

    def person(self, person_id: str) -> Person | None:
        """Return the person with this id."""
        return next((person for person in self.people if person.person_id == person_id), None)

    def skill_for(self, request: RouteRequest) -> str | None:
        """Return the skill that a ticket needs.

        Why it is with people says more than what it touches, and this more than its intent.
        """
        topics = frozenset(request.topics)
        by_reason = (s.name for s in self.skills if request.reason in s.reasons)
        by_topic = (s.name for s in self.skills if s.topics & topics)
        by_intent = (s.name for s in self.skills if request.intent in s.intents)
        return next(chain(by_reason, by_topic, by_intent), None)


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What is the case at the moment of routing.

    ``hours`` are the open hours from then on, by calendar; ``roster`` the approvers of the tenant.
    """

    hours: Mapping[str, OpenHours] = field(default_factory=dict[str, OpenHours])
    cases: Sequence[OpenCases] = ()
    roster: Sequence[Approver] = ()


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Who gets a ticket, and why in words."""

    queue: Queue
    person: str | None
    skill: str | None
    language: str | None
    why: tuple[str, ...]


def choose(
    desk: Desk, request: RouteRequest, now: Circumstances, tenant: str, time_scale: float = 1.0
) -> Choice:
    """Return the queue for a ticket, and the person in it who can take it now, if there is one.

    Who took the ticket over keeps it. Nobody gets a ticket that they are part of, that they may not
    resolve, while they are away, off work or have as much as they can do.
    """
    skill = desk.skill_for(request)
    language = base_language(request.language)
    why: list[str] = [f"needs {skill}"] if skill else []
    queues = _able(desk, skill, why)
    queues = _writing(desk, queues, language, why)
    queues = _of_the_taker(desk, queues, request.taken_by)
    queue = min(queues, key=_soonest_then_freest(request.at, now, time_scale))
    why.append("open now" if _is_open(queue.calendar, request.at, now) else "closed now")
    if request.taken_by is not None:
        person, word = request.taken_by, "took it over"
    else:
        person, word = _person(desk, queue, skill, language, request, now, tenant)
    return Choice(queue=queue, person=person, skill=skill, language=language, why=(*why, word))


def answer_by(
    queue: Queue, at: datetime, hours: Mapping[str, OpenHours], time_scale: float = 1.0
) -> datetime | None:
    """Return when a queue answers at the latest; None where its hours are not known so far."""
    if queue.calendar is None:
        return after(None, at, queue.answer_within * time_scale)
    known = hours.get(queue.calendar)
    return None if known is None else after(known, at, queue.answer_within * time_scale)


def base_language(language: str | None) -> str | None:
    """Return the first part of a language tag, ``en`` of ``en-GB``; None for none."""
    return (language or "").partition("-")[0].lower() or None


def _able(desk: Desk, skill: str | None, why: list[str]) -> list[Queue]:
    default = [queue for queue in desk.queues if queue.queue_id == desk.default]
    if skill is None:
        general = [queue for queue in desk.queues if not queue.skills]
        return [*default, *(queue for queue in general if queue not in default)]
    able = [queue for queue in desk.queues if skill in queue.skills]
    if not able:
        why.append(f"no queue has {skill}")
    return able or default


def _writing(desk: Desk, queues: list[Queue], language: str | None, why: list[str]) -> list[Queue]:
    """Keep the queues that write a language; else any that does: who cannot read cannot help."""
    if language is None:
        return queues
    for some in (queues, desk.queues):
        able = [queue for queue in some if language in queue.languages]
        if able:
            why.append(f"writes {language}")
            return able
    why.append(f"nobody writes {language}")
    return queues


def _of_the_taker(desk: Desk, queues: list[Queue], taken_by: str | None) -> list[Queue]:
    taker = desk.person(taken_by) if taken_by is not None else None
    if taker is None:
        return queues
    theirs = [queue for queue in queues if queue.queue_id in taker.queues]
    return theirs or [queue for queue in desk.queues if queue.queue_id in taker.queues]


_NEVER: Final = float("inf")


def _soonest_then_freest(
    at: datetime, now: Circumstances, time_scale: float
) -> Callable[[Queue], tuple[bool, float, int]]:
    """Order queues: those open now by load, then the others by when they answer."""

    def key(queue: Queue) -> tuple[bool, float, int]:
        load = sum(case.count for case in now.cases if case.queue == queue.queue_id)
        if _is_open(queue.calendar, at, now):
            return False, 0.0, load
        by = answer_by(queue, at, now.hours, time_scale)
        return True, _NEVER if by is None else (by - at).total_seconds(), load

    return key


def _is_open(calendar: str | None, at: datetime, now: Circumstances) -> bool:
    if calendar is None:
        return True
    hours = now.hours.get(calendar)
    return hours is not None and any(opens <= at < closes for opens, closes in hours.spans)


def _person(
    desk: Desk,
    queue: Queue,
    skill: str | None,
    language: str | None,
    request: RouteRequest,
    now: Circumstances,
    tenant: str,
) -> tuple[str | None, str]:
    able = [
        person
        for person in desk.people
        if queue.queue_id in person.queues
        and (skill is None or not person.skills or skill in person.skills)
        and (language is None or language in person.languages)
        and _may(person, now.roster, tenant, request)
    ]
    there = [
        person for person in able if _is_open(person.calendar or queue.calendar, request.at, now)
    ]
    load = {person.person_id: _load(person, now.cases) for person in there}
    free = [person for person in there if load[person.person_id] < person.at_most]
    if not able:
        return None, "nobody in the queue can be given it"
    if not free:
        return None, "nobody is free" if there else "nobody is at work"
    best = min(free, key=lambda person: load[person.person_id])
    return best.person_id, f"has {load[best.person_id]} of {best.at_most} cases"


def _load(person: Person, cases: Collection[OpenCases]) -> int:
    return sum(case.count for case in cases if case.person == person.person_id)


def _may(person: Person, roster: Sequence[Approver], tenant: str, request: RouteRequest) -> bool:
    """Whether a person may resolve the ticket, and is not away on that day (UTC)."""
    entry = next((one for one in roster if one.approver_id == person.person_id), None)
    day = request.at.date()
    if entry is None or any(absence.first <= day <= absence.last for absence in entry.away):
        return False
    refusal = may_decide(
        entry,
        approver_id=person.person_id,
        tenant=tenant,
        requesters=request.requesters,
        total=None,
    )
    return refusal is None
