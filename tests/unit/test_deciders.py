"""Who decides, as a state machine: rungs, claims and two people, against what may never be."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closeloop.models.approval import (
    Absence,
    ApprovalRequest,
    ApprovalTerms,
    Approver,
    Operation,
    Rung,
    RungTime,
)
from closeloop.models.base import Money
from closeloop.models.state import TicketState
from closeloop.policy.ladder import RUNGS, asked_from, deputy_of, rung_of, with_authority
from tests.unit.test_approval import NOW, decision, waiting
from workflows import deciders

DAY = date(2026, 12, 28)
NAMES = ("ann", "ben", "cyd", "dan", "eve")
QUARTER = timedelta(minutes=15)


def person(
    name: str, *, rung: Rung = "team", limit: int = 10_000, delegate: str | None = None
) -> Approver:
    away = () if delegate is None else (Absence(first=DAY, last=DAY, delegate=delegate),)
    return Approver(
        approver_id=name,
        email=f"{name}@desk.example.com",
        roles=("agent", rung),
        tenants=("default",),
        limit_minor=limit,
        away=away,
    )


@st.composite
def rosters(draw: st.DrawFn) -> tuple[Approver, ...]:
    """People of any rung and limit; delegates only stand further on, so there is no circle."""
    size = draw(st.integers(1, len(NAMES)))
    return tuple(
        person(
            NAMES[n],
            rung=draw(st.sampled_from(RUNGS)),
            limit=draw(st.integers(0, 30_000)),
            delegate=draw(st.sampled_from([None, *NAMES[n + 1 : size]])),
        )
        for n in range(size)
    )


# ------------------------------------------------------------------------------------ the ladder


@settings(deadline=None)
@given(rosters(), st.sampled_from(RUNGS), st.integers(0, 30_000))
def test_whoever_is_asked_is_there_and_may(
    roster: tuple[Approver, ...], rung: Rung, total: int
) -> None:
    found = asked_from(rung, roster, DAY, lambda p: p.limit_minor >= total)
    able = {
        p.approver_id for p in roster if with_authority(p, roster, DAY).limit_minor >= total
    } & {p.approver_id for p in roster if not p.away}
    if found is None:
        reach = [p for p in roster if RUNGS.index(rung_of(p)) >= RUNGS.index(rung)]
        assert not {deputy_of(p, roster, DAY).approver_id for p in reach} & able
        return
    reached, asked = found
    assert RUNGS.index(reached) >= RUNGS.index(rung)
    assert asked
    assert set(asked) <= able
    assert len(set(asked)) == len(asked)


@settings(deadline=None)
@given(rosters())
def test_a_delegate_has_the_highest_limit_of_those_they_stand_in_for(
    roster: tuple[Approver, ...],
) -> None:
    for one in roster:
        stands_in_for = [p for p in roster if deputy_of(p, roster, DAY) == one]
        limits = [p.limit_minor for p in (one, *stands_in_for)]
        assert with_authority(one, roster, DAY).limit_minor == max(limits)
        assert with_authority(one, roster, DAY + timedelta(days=1)) == one


def with_request(state: TicketState, **changes: object) -> TicketState:
    assert state.approval is not None
    return state.model_copy(update={"approval": state.approval.model_copy(update=changes)})


def open_request(state: TicketState) -> ApprovalRequest:
    assert state.approval is not None
    return state.approval


@settings(deadline=None)
@given(st.lists(st.integers(1, 30), min_size=2, max_size=2, unique=True))
def test_a_request_goes_up_each_rung_once_is_reminded_once_and_ends(hours: list[int]) -> None:
    lead, manager = sorted(hours)
    ladder: list[tuple[Rung, int]] = [("lead", lead), ("manager", manager)]
    terms = ApprovalTerms(
        ladder=tuple(RungTime(rung=rung, at=NOW + timedelta(hours=h)) for rung, h in ladder)
    )
    state = with_request(
        waiting(100),
        terms=terms,
        roster=(person("ann"), person("ben", rung="lead"), person("cyd", rung="manager")),
    )
    seen: list[str] = []
    now = NOW
    while "expire" not in seen:
        request = open_request(state)
        stop = deciders.next_stop(request)
        assert now <= stop.at <= request.deadline
        now = stop.at
        seen.append(stop.what)
        match stop.what:
            case "raise":
                rung = deciders.raised_to(request, now)
                state = with_request(state, **dict(deciders.asking(state, rung, now)))
                assert open_request(state).rung == rung != request.rung
            case "remind":
                state = with_request(state, reminded=True)
            case "expire":
                assert now == request.deadline
    assert seen.count("remind") == 1
    assert seen.count("raise") == sum(h < 24 for h in (lead, manager))


def test_a_rung_without_anybody_is_passed_over() -> None:
    state = with_request(
        waiting(100), roster=(person("ann"), person("cyd", rung="manager")), asked=("ann",)
    )
    assert deciders.asking(state, "lead", NOW).rung == "manager"
    alone = with_request(waiting(100), roster=(person("ann"),), asked=("ann",))
    request = deciders.asking(alone, "lead", NOW)
    assert (request.rung, request.asked) == ("lead", ("ann",))


# ------------------------------------------------------------------------- claims and two people

Move = tuple[str, str, int]
moves = st.lists(
    st.tuples(
        st.sampled_from(["claim", "approve", "reject", "edit"]),
        st.sampled_from(NAMES),
        st.integers(0, 20),
    ),
    max_size=20,
)


@settings(deadline=None, max_examples=200)
@given(moves, st.sampled_from(NAMES), st.integers(4_000, 12_000))
def test_two_different_people_who_never_asked_for_it_decide_and_one_looks_at_a_time(
    script: list[Move], requester: str, total: int
) -> None:
    state = with_request(
        waiting(total),
        roster=tuple(person(name) for name in NAMES),
        terms=ApprovalTerms(four_eyes_above=5_000, claim_seconds=900),
    ).model_copy(update={"opened_by": requester})
    now, holder, until = NOW, None, NOW
    yes: list[str] = []
    for what, who, minutes in script:
        now += timedelta(minutes=minutes)
        blocked = holder is not None and who != holder and now < until
        request = open_request(state)
        if what == "claim":
            operation = Operation(operation_id="o", operation="claim", approver=who)
            problem = deciders.operation_problem(state, operation, now)
            assert (problem is None) == (who != requester and not blocked)
            if problem is None:
                state = deciders.claimed(state, who, now)
                holder, until = who, now + QUARTER
            continue
        change = {"actions": [{"action_id": "p1-a1", "amount_minor": 5_001}]}
        given_decision = decision(
            state,
            approver=who,
            binding_hash=request.binding_hash,
            approve=what != "reject",
            reason="other" if what == "reject" else None,
            edit=change if what == "edit" and total > 5_001 else None,
        )
        problem = deciders.decision_problem(state, given_decision, now)
        left = deciders.decided_total(state, given_decision)
        if problem is not None:
            over = left is not None and left.amount_minor > 10_000
            second = what != "reject" and bool(yes) and (who in yes or what == "edit")
            assert who == requester or blocked or second or over
            continue
        assert who not in (requester, *yes)[: 1 + len(yes) * (what != "reject")]
        assert not blocked
        if what == "reject":
            return
        if deciders.needs_second(state, given_decision):
            assert not yes
            yes.append(who)
            before = request.binding_hash
            state = with_request(state, **dict(deciders.approved_once(state, given_decision, now)))
            assert open_request(state).binding_hash != before
            holder = None
            continue
        assert left is not None
        assert len({*yes, who}) == (2 if left.amount_minor > 5_000 else 1)
        return


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NAMES[:2]), st.integers(0, 40)), min_size=1, max_size=6))
def test_minutes_run_from_the_last_claim_and_end_with_it(claims: list[tuple[str, int]]) -> None:
    state = with_request(waiting(100), terms=ApprovalTerms(claim_seconds=900))
    now = NOW
    for who, minutes in claims:
        now += timedelta(minutes=minutes)
        operation = Operation(operation_id="o", operation="claim", approver=who)
        if deciders.operation_problem(state, operation, now) is None:
            state = deciders.claimed(state, who, now)
    request = open_request(state)
    assert request.claim is not None
    later = now + timedelta(hours=9)
    for who in NAMES[:2]:
        seconds = deciders.human_seconds(request, decision(state, approver=who), later)
        if who != request.claim.approver:
            assert seconds is None
            continue
        assert seconds == (request.claim.until - request.claim.at).total_seconds()


def test_the_minutes_of_two_people_are_added_up_or_unknown() -> None:
    state = with_request(waiting(100), terms=ApprovalTerms(four_eyes_above=50))
    state = deciders.claimed(state, "alice", NOW)
    first = deciders.approved_once(
        state, decision(state, approver="alice"), NOW + timedelta(seconds=40)
    )
    state = with_request(state, **dict(first))
    yes = decision(state, approver="bob")
    after = NOW + timedelta(seconds=100)
    assert deciders.human_seconds(open_request(state), yes, after) is None
    state = deciders.claimed(state, "bob", NOW + timedelta(seconds=50))
    assert deciders.human_seconds(open_request(state), yes, after) == 90


@pytest.mark.parametrize(("total", "people"), [(5_000, 1), (5_001, 2)])
def test_enough_people_have_to_be_there(total: int, people: int) -> None:
    for there in (1, 2):
        state = with_request(
            waiting(total),
            roster=tuple(person(name) for name in NAMES[:there]),
            terms=ApprovalTerms(four_eyes_above=5_000),
        )
        assert deciders.enough_may_decide(state, NOW) == (there >= people)


def test_a_reply_alone_needs_one_person() -> None:
    state = with_request(waiting(100), total=None, terms=ApprovalTerms(four_eyes_above=0))
    assert deciders.enough_may_decide(state, NOW)
    assert Money(amount_minor=100) == deciders.decided_total(state, decision(state))


# ------------------------------------------------------------------------------------- the end


def test_a_decision_after_the_end_is_refused_and_one_on_another_request_is_not_judged() -> None:
    state = waiting(500)
    assert state.approval is not None
    end = state.approval.deadline
    assert deciders.late_problem(state, decision(state), end - timedelta(seconds=1)) is None
    late = deciders.late_problem(state, decision(state), end)
    assert late is not None
    assert late.code == "expired"
    assert deciders.late_problem(state, decision(state, request_id="r0"), end) is None
