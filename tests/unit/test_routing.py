"""Who gets a ticket: properties of the choice, whatever queues, people, hours and loads."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from closeloop.models.approval import Absence, Approver
from closeloop.models.routing import OpenCases, RouteRequest
from closeloop.models.sla import OpenHours
from closeloop.policy.routing import (
    Choice,
    Circumstances,
    Desk,
    Person,
    Queue,
    Skill,
    answer_by,
    choose,
)

AT = datetime(2026, 12, 1, 12, tzinfo=UTC)
LATER = AT + timedelta(days=40)
HOURS = {
    "open": OpenHours(spans=((AT, AT + timedelta(hours=8)),), until=LATER),
    "closed": OpenHours(spans=((AT + timedelta(hours=2), AT + timedelta(hours=30)),), until=LATER),
    "never": OpenHours(spans=(), until=LATER),
}
QUEUES = ("q1", "q2", "q3")
SKILLS = ("money", "parcels")
TONGUES = ("en", "fr")
PEOPLE = ("ann", "ben", "cy", "di")

some = st.frozensets
calendars = st.sampled_from([None, *HOURS])
queues = st.tuples(
    *(
        st.builds(
            Queue,
            queue_id=st.just(name),
            name=st.just(f"team {name}"),
            answer_within=st.sampled_from([3_600.0, 36_000.0]),
            skills=some(st.sampled_from(SKILLS)),
            languages=some(st.sampled_from(TONGUES), min_size=1),
            calendar=calendars,
        )
        for name in QUEUES
    )
)
people = st.tuples(
    *(
        st.builds(
            Person,
            person_id=st.just(name),
            name=st.just(name.title()),
            queues=st.lists(st.sampled_from(QUEUES), min_size=1, unique=True).map(tuple),
            skills=some(st.sampled_from(SKILLS)),
            languages=some(st.sampled_from(TONGUES), min_size=1),
            calendar=calendars,
            at_most=st.integers(1, 3),
        )
        for name in PEOPLE
    )
)
desks = st.builds(
    Desk,
    default=st.sampled_from(QUEUES),
    skills=st.just(
        (
            Skill(name="money", intents=frozenset({"refund"}), reasons=frozenset({"unsettled"})),
            Skill(name="parcels", intents=frozenset({"lost"})),
        )
    ),
    queues=queues,
    people=people,
)
requests = st.builds(
    RouteRequest,
    reason=st.sampled_from(["unsettled", "odd"]),
    intent=st.sampled_from([None, "refund", "lost", "other"]),
    language=st.sampled_from([None, "en", "en-GB", "fr", "fi"]),
    requesters=st.sampled_from([(), ("ann",), ("ben@x.example",)]),
    at=st.just(AT),
    clock_start=st.just(AT),
)
loads = st.lists(
    st.builds(
        OpenCases,
        queue=st.sampled_from(QUEUES),
        person=st.sampled_from([None, *PEOPLE]),
        count=st.integers(0, 3),
    ),
    max_size=6,
)


def approver(name: str, tenants: tuple[str, ...], away: bool) -> Approver:
    absence = Absence(first=date(2026, 12, 1), last=date(2026, 12, 1), delegate="boss")
    return Approver(
        approver_id=name,
        email=f"{name}@x.example",
        roles=("agent",),
        tenants=tenants,
        limit_minor=100,
        away=(absence,) if away else (),
    )


rosters = st.tuples(
    *(
        st.builds(
            approver,
            st.just(name),
            st.sampled_from([("default",), ("*",), ("acme",)]),
            st.booleans(),
        )
        for name in PEOPLE[:3]  # di is no approver
    )
)
moments = st.builds(Circumstances, hours=st.just(HOURS), cases=loads, roster=rosters)


def is_open(calendar: str | None) -> bool:
    return calendar in (None, "open")


def load_of(person: str, now: Circumstances) -> int:
    return sum(case.count for case in now.cases if case.person == person)


def picked(desk: Desk, request: RouteRequest, now: Circumstances) -> Choice:
    return choose(desk, request, now, "default")


@given(desks, requests, moments)
def test_every_ticket_gets_a_queue_of_the_desk_and_the_same_one_again(
    desk: Desk, request: RouteRequest, now: Circumstances
) -> None:
    choice = picked(desk, request, now)
    assert choice.queue in desk.queues
    assert choice == picked(desk, request, now)
    assert choice.why


@given(desks, requests, moments)
def test_a_person_gets_only_what_they_can_do_now(
    desk: Desk, request: RouteRequest, now: Circumstances
) -> None:
    choice = picked(desk, request, now)
    if choice.person is None:
        return
    person = desk.person(choice.person)
    assert person is not None
    [entry] = [one for one in now.roster if one.approver_id == choice.person]
    assert set(entry.tenants) & {"default", "*"}
    assert not entry.away
    assert not set(request.requesters) & {entry.approver_id, entry.email}
    assert choice.queue.queue_id in person.queues
    assert choice.language in (None, *person.languages)
    assert choice.skill is None or not person.skills or choice.skill in person.skills
    assert is_open(person.calendar or choice.queue.calendar)
    assert load_of(choice.person, now) < person.at_most


@given(desks, requests, moments)
def test_a_queue_lacks_only_what_no_queue_has(
    desk: Desk, request: RouteRequest, now: Circumstances
) -> None:
    choice = picked(desk, request, now)
    writing = [queue for queue in desk.queues if choice.language in queue.languages]
    if choice.language is not None and writing:
        assert choice.queue in writing
    able = [queue for queue in desk.queues if choice.skill in queue.skills]
    both = [queue for queue in able if choice.language in (None, *queue.languages)]
    if choice.skill is not None and both:
        assert choice.queue in both
        if any(is_open(queue.calendar) for queue in both):
            assert is_open(choice.queue.calendar)


@given(desks, requests, moments)
def test_of_queues_alike_the_freest_is_taken(
    desk: Desk, request: RouteRequest, now: Circumstances
) -> None:
    first = desk.queues[0]
    names = {name: f"team {name}" for name in QUEUES}
    alike = tuple(
        Queue(
            queue_id=name,
            name=names[name],
            answer_within=first.answer_within,
            skills=first.skills,
            languages=first.languages,
            calendar=None,
        )
        for name in QUEUES
    )
    desk = Desk(default=desk.default, skills=desk.skills, queues=alike, people=desk.people)
    choice = picked(desk, request, now)
    load = {name: sum(case.count for case in now.cases if case.queue == name) for name in QUEUES}
    if choice.skill in first.skills or (choice.skill is None and not first.skills):
        assert load[choice.queue.queue_id] == min(load.values())


@given(desks, requests, moments, st.sampled_from([*PEOPLE, "stranger"]))
def test_who_took_it_over_keeps_it(
    desk: Desk, request: RouteRequest, now: Circumstances, taker: str
) -> None:
    choice = picked(desk, request.model_copy(update={"taken_by": taker}), now)
    assert choice.person == taker
    person = desk.person(taker)
    assert person is None or choice.queue.queue_id in person.queues


@given(desks, st.sampled_from([1.0, 0.001]))
def test_an_answer_is_promised_in_open_time_only(desk: Desk, scale: float) -> None:
    for queue in desk.queues:
        by = answer_by(queue, AT, HOURS, scale)
        if queue.calendar == "never":
            assert by is None
        elif by is not None:
            assert by >= AT + timedelta(seconds=queue.answer_within * scale)
            spans = HOURS[queue.calendar].spans if queue.calendar else ((AT, LATER),)
            assert any(opens < by <= closes for opens, closes in spans)
