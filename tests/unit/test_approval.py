"""The approval state machine's pure functions: an edit only lessens, a decision must fit."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closeloop.errors import closed
from closeloop.models.approval import Approver, Decision, Edit, Operation
from closeloop.models.base import MAX_SAFE_MINOR, NO_CURRENCY, Money
from closeloop.models.policy import ActionFacts, EffectFacts, Facts, Judgement
from closeloop.models.proposal import Action, ActionRecord, ActionState, Draft, Proposal
from closeloop.models.state import Phase, TicketState
from closeloop.models.ticket import Assurance, Customer, Mode, Status, Ticket
from closeloop.models.triage import CustomerContext
from workflows import approval, deciders, edits
from workflows.approval import Problem

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HASH = "h" * 64
LIMIT = 50_000

amounts = st.integers(min_value=1, max_value=100_000)


def person(name: str = "alice", limit: int = LIMIT, tenant: str = "default") -> Approver:
    return Approver(
        approver_id=name,
        email=f"{name}@desk.example.com",
        roles=("agent",),
        tenants=(tenant,),
        limit_minor=limit,
    )


def waiting(*minors: int, text: str = "Done.", currencies: tuple[str, ...] = ()) -> TicketState:
    """Return a ticket that waits for approval of refunds of these amounts."""
    actions = tuple(
        Action(
            action_id=f"p1-a{n}",
            kind="refund_payment",
            params={"order_id": f"#W{n}", "amount_minor": minor},
        )
        for n, minor in enumerate(minors, start=1)
    )
    facts = tuple(
        ActionFacts(
            action_id=action.action_id,
            kind=action.kind,
            moves_money=True,
            amount=Money(amount_minor=minor, currency=currency),
            effect=EffectFacts(effect_id=f"refund:{action.params['order_id']}:all"),
        )
        for action, minor, currency in zip(
            actions, minors, currencies or ("USD",) * len(minors), strict=True
        )
    )
    proposal = Proposal(proposal_id="p1", actions=actions, reply=Draft(text=text))
    judgement = Judgement(
        facts=Facts(
            at=NOW,
            policy_version="v",
            tenant="default",
            customer_id="c1",
            assurance=Assurance.CONFIRMED,
            intent="refund_request",
            confidence=1.0,
            actions=facts,
        ),
        mode=Mode.ASSISTED,
        binding_hash=HASH,
    )
    state = TicketState(
        ticket=Ticket(
            ticket_id="t1",
            tenant="default",
            customer=Customer(email="c@example.com"),
            subject="s",
            body="b",
            received_at=NOW,
        ),
        opened_at=NOW,
        opened_by="shop",
        customer=CustomerContext(customer_id="c1"),
        phase=Phase.APPROVE,
        status=Status.AWAITING_APPROVAL,
        proposal=proposal,
        judgement=judgement,
        actions=tuple(ActionRecord(action=a, state=ActionState.AWAITING_APPROVAL) for a in actions),
    )
    request = approval.build_request(state, proposal, judgement, NOW)
    roster = (person(), person("bob", 10**9), person("dave", 10**9, "acme"))
    return state.model_copy(update={"approval": request.model_copy(update={"roster": roster})})


def problem_with(state: TicketState, what: Decision) -> Problem | None:
    return deciders.decision_problem(state, what, NOW)


def decision(state: TicketState, **changes: Any) -> Decision:
    assert state.approval is not None
    return Decision.model_validate(
        {
            "decision_id": "d1",
            "request_id": state.approval.request_id,
            "binding_hash": HASH,
            "approver": "bob",
            "approve": True,
            **changes,
        }
    )


def changes_to(count: int) -> st.SearchStrategy[dict[str, Any]]:
    """Edits as an approver may send them: of known and unknown actions, of any amount."""
    one = st.fixed_dictionaries(
        {"action_id": st.sampled_from([f"p1-a{n}" for n in range(1, count + 2)])},
        optional={"drop": st.booleans(), "amount_minor": amounts},
    )
    return st.fixed_dictionaries(
        {"actions": st.lists(one, max_size=4)},
        optional={"reply": st.sampled_from(["Fine.", "{{1.amount}}", "{{9.amount}}", "{{x"])},
    )


requests = st.lists(amounts, min_size=1, max_size=3).flatmap(
    lambda minors: st.tuples(st.just(minors), changes_to(len(minors)))
)


def minor_of(action: Action) -> int:
    minor = action.params["amount_minor"]
    assert isinstance(minor, int)
    return minor


@settings(deadline=None)
@given(requests)
def test_an_edit_that_is_taken_only_ever_lessens(given: tuple[list[int], dict[str, Any]]) -> None:
    minors, changes = given
    state = waiting(*minors)
    what = decision(state, edit=changes)
    if problem_with(state, what) is not None:
        return
    assert what.edit is not None
    after = edits.edited(state, what.edit, NOW)
    assert after.proposal is not None
    assert state.proposal is not None
    before = {a.action_id: a for a in state.proposal.actions}
    left = approval.live_actions(after, after.proposal)
    for action in left:
        old = before[action.action_id]
        assert 0 < minor_of(action) <= minor_of(old)
        assert (action.kind, action.params["order_id"]) == (old.kind, old.params["order_id"])
    assert left == edits.edited_actions(state.proposal.actions, what.edit)
    gone = edits.dropped(state.proposal.actions, what.edit)
    assert {a.action_id for a in left} | {a.action_id for a in gone} == set(before)
    total = deciders.decided_total(state, what)
    assert sum(minor_of(action) for action in left) == (total.amount_minor if total else 0)
    assert sum(minor_of(action) for action in left) <= sum(minors)


@settings(deadline=None)
@given(requests)
def test_an_edit_that_is_refused_says_why(given: tuple[list[int], dict[str, Any]]) -> None:
    minors, changes = given
    state = waiting(*minors)
    problem = problem_with(state, decision(state, edit=changes))
    known = {f"p1-a{n}" for n in range(1, len(minors) + 1)}
    named = [change["action_id"] for change in changes["actions"]]
    raised = any(
        change.get("amount_minor", 0) > minors[int(change["action_id"][-1]) - 1]
        for change in changes["actions"]
        if change["action_id"] in known and not change.get("drop")
    )
    if set(named) - known or len(set(named)) < len(named) or raised:
        assert problem is not None
        assert problem.code == "bad_edit"


@settings(deadline=None)
@given(
    st.lists(amounts, min_size=1, max_size=3),
    st.text(min_size=1, max_size=20),
    st.sampled_from(["request_id", "binding_hash"]),
)
def test_another_request_or_hash_is_never_decided(minors: list[int], other: str, key: str) -> None:
    state = waiting(*minors)
    assert state.approval is not None
    if other in (HASH, state.approval.request_id):
        return
    for approve in (True, False):
        reason = None if approve else "other"
        what = decision(state, **{key: other}, approve=approve, reason=reason)
        problem = problem_with(state, what)
        assert problem is not None
        assert problem.code == "stale_request"


@settings(deadline=None)
@given(st.lists(amounts, min_size=1, max_size=4))
def test_above_the_limit_only_a_rejection_is_taken(minors: list[int]) -> None:
    state = waiting(*minors)
    yes = problem_with(state, decision(state, approver="alice"))
    no = problem_with(state, decision(state, approver="alice", approve=False, reason="other"))
    assert no is None
    assert (yes is None) == (sum(minors) <= LIMIT)
    if yes is not None:
        assert yes.code == "above_limit"


@settings(deadline=None)
@given(st.lists(amounts, min_size=2, max_size=4), st.data())
def test_amounts_of_several_currencies_are_above_every_limit(
    minors: list[int], data: st.DataObject
) -> None:
    currencies = data.draw(
        st.lists(st.sampled_from(["USD", "EUR", "JPY"]), min_size=len(minors), max_size=len(minors))
    )
    state = waiting(*minors, currencies=tuple(currencies))
    problem = problem_with(state, decision(state))
    assert (problem is None) == (set(currencies) == {"USD"})


def test_one_decision_at_a_time() -> None:
    state = waiting(100)
    taken = state.model_copy(update={"decision": decision(state)})
    problem = problem_with(taken, decision(state, decision_id="d2"))
    assert problem is not None
    assert problem.code == "stale_request"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"approver": "dave"}, "wrong_tenant"),
        ({"approver": "nobody"}, None),  # the live roster is asked: it may have grown
    ],
)
def test_the_roster_snapshot(changes: dict[str, Any], code: str | None) -> None:
    state = waiting(100)
    problem = problem_with(state, decision(state, **changes))
    assert (problem.code if problem else None) == code


@pytest.mark.parametrize("who", ["bob", "BOB", "bob@desk.example.com", " Bob@Desk.example.com"])
def test_nobody_decides_on_a_ticket_they_opened(who: str) -> None:
    state = waiting(100).model_copy(update={"opened_by": who})
    problem = problem_with(state, decision(state))
    assert problem is not None
    assert problem.code == "own_request"
    assert problem_with(state, decision(state, approver="alice")) is None


def test_nothing_is_decided_or_done_on_a_closed_ticket() -> None:
    state = waiting(100).model_copy(update={"status": Status.CLOSED})
    problem = problem_with(state, decision(state))
    assert problem is not None
    assert (problem.code, problem.message) == ("closed", str(closed("t1")))
    operation = Operation(operation_id="o1", operation="take_over", approver="bob")
    refused = deciders.operation_problem(state, operation, NOW)
    assert refused is not None
    assert refused == problem, "the same words for both, and for callers after the end"


def test_what_leaves_people_leaves_once() -> None:
    state = waiting(100).model_copy(
        update={"status": Status.ESCALATED, "phase": Phase.WITH_PERSON, "handed_back": True}
    )
    for name in ("hand_back", "record_resolution"):
        operation = Operation.model_validate(
            {
                "operation_id": "o1",
                "operation": name,
                "approver": "bob",
                "resolution": {"summary": "s"} if name == "record_resolution" else None,
            }
        )
        problem = deciders.operation_problem(state, operation, NOW)
        assert problem is not None
        assert problem.code == "not_escalated"


@settings(deadline=None)
@given(st.sampled_from(list(Mode)), st.sampled_from(list(Mode)), st.sampled_from(list(Mode)))
def test_a_mode_is_only_ever_lowered(mine: Mode, desks: Mode, wanted: Mode) -> None:
    state = waiting(100)
    terms = state.terms.model_copy(update={"mode_cap": desks})
    state = state.model_copy(update={"mode_cap": mine, "terms": terms})
    operation = Operation(operation_id="o1", operation="lower_mode", approver="bob", mode=wanted)
    problem = deciders.operation_problem(state, operation, NOW)
    assert (problem is None) == (wanted.rank > max(mine.rank, desks.rank))
    assert approval.mode_cap(state).rank == max(mine.rank, desks.rank)


def test_a_total_beyond_all_amounts_is_above_every_limit() -> None:
    most = Money(amount_minor=MAX_SAFE_MINOR)
    facts = [
        ActionFacts(action_id=name, kind="refund_payment", moves_money=True, amount=most)
        for name in ("a", "b")
    ]
    assert approval.total_of(facts[:1]) == most
    assert approval.total_of(facts) == most.model_copy(update={"currency": NO_CURRENCY})


def judgement(hash_: str = HASH, **changes: Any) -> Judgement:
    state = waiting(100)
    assert state.judgement is not None
    return state.judgement.model_copy(update={"binding_hash": hash_, **changes})


def test_drift_is_any_other_hash() -> None:
    assert approval.unchanged(judgement(), judgement())
    assert not approval.unchanged(judgement(), judgement("x" * 64))
    assert not approval.unchanged(judgement(), judgement(escalate="topic.safety"))


def test_a_request_has_its_reminder_before_its_end() -> None:
    request = waiting(100).approval
    assert request is not None
    assert NOW < request.reminder_at < request.deadline == NOW + timedelta(hours=24)


def test_the_reply_is_tried_before_the_decision_is_taken() -> None:
    state = waiting(100, 200, text="{{1.amount}} and {{2.amount}}")
    drop = Edit.model_validate({"actions": [{"action_id": "p1-a2", "drop": True}]})
    problem = problem_with(state, decision(state, edit=drop))
    assert problem is not None
    assert problem.code == "bad_edit"
    assert "2.amount" in problem.message
    whole = drop.model_copy(update={"reply": "{{1.amount}}, and see {{1.receipt_id}}"})
    assert problem_with(state, decision(state, edit=whole)) is None
