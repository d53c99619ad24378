"""Who decides an open request, pure: who is asked and looking at it, and whether two are needed."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.errors import closed
    from closeloop.models.approval import (
        ApprovalOutcome,
        ApprovalRequest,
        Approver,
        Claim,
        Decision,
        Edit,
        FirstYes,
        Operation,
        Rung,
    )
    from closeloop.models.base import Money
    from closeloop.models.labels import DecisionLabel
    from closeloop.models.state import TicketState
    from closeloop.models.ticket import Status
    from closeloop.policy.ladder import RUNGS, asked_from, with_authority
    from closeloop.policy.roster import Refusal, may_decide
    from workflows import approval, edits
    from workflows.approval import Problem

SECOND_NEEDED: Final = "a second person has to approve it"
"""What the first of two people reads on their receipt."""


class Stop(NamedTuple):
    """When a request that nobody decides has to be seen to, and what happens then."""

    at: datetime
    what: Literal["raise", "remind", "expire"]
    reason: str


# ------------------------------------------------------------------------------------ who is asked


def asking(state: TicketState, rung: Rung, now: datetime) -> ApprovalRequest:
    """Return the open request as it is asked from a rung on: of the lowest with anybody able."""
    request = _open(state)

    def may(person: Approver) -> bool:
        first = request.first
        able = _refusal(state, person, request.total) is None
        return able and (first is None or person.approver_id != first.approver)

    found = asked_from(rung, request.roster, now.date(), may)
    rung, asked = found or (rung, request.asked)
    return request.model_copy(update={"rung": rung, "asked": asked})


def enough_may_decide(state: TicketState, now: datetime) -> bool:
    """Whether as many people on the roster as are needed could approve the open request."""
    request = _open(state)
    people = (with_authority(person, request.roster, now.date()) for person in request.roster)
    able = [person for person in people if _refusal(state, person, request.total) is None]
    return len(able) >= (2 if _above_four_eyes(request, request.total) else 1)


def next_stop(request: ApprovalRequest) -> Stop:
    """Return what comes first: the next rung, the reminder, or the end."""
    reach = RUNGS.index(request.rung)
    stops = [
        Stop(step.at, "raise", f"approval, then the {step.rung}")
        for step in request.terms.ladder
        if RUNGS.index(step.rung) > reach and step.at < request.deadline
    ]
    if not request.reminded:
        stops.append(Stop(request.reminder_at, "remind", "approval, then a reminder"))
    else:
        stops.append(Stop(request.deadline, "expire", "approval"))
    return min(stops, key=lambda stop: stop.at)


def raised_to(request: ApprovalRequest, now: datetime) -> Rung:
    """Return the rung that is due by now."""
    due = {request.rung, *(step.rung for step in request.terms.ladder if step.at <= now)}
    return next(rung for rung in reversed(RUNGS) if rung in due)


# ------------------------------------------------------------------------------- who may decide it


def decision_problem(state: TicketState, decision: Decision, now: datetime) -> Problem | None:
    """Return why this decision cannot be taken now; no I/O, fit for a validator."""
    if state.status is Status.CLOSED:
        return _closed(state)
    request = state.approval
    if request is None or state.decision is not None or request.request_id != decision.request_id:
        waiting = request.request_id if request and state.decision is None else "none"
        return Problem(
            "stale_request",
            f"request {decision.request_id[:80]!r} is not waiting (now waiting: {waiting})",
        )
    if request.binding_hash != decision.binding_hash:
        return Problem("stale_request", "the request has changed since it was read; read it again")
    person = next((p for p in request.roster if p.approver_id == decision.approver), None)
    if person is not None:
        person = with_authority(person, request.roster, now.date())
        refusal = _refusal(state, person, decided_total(state, decision))
        if refusal is not None:
            return Problem(refusal.code, refusal.message)
    taken = _claimed_by_another(request, decision.approver, now) or _second(request, decision)
    if taken is not None or decision.edit is None:
        return taken
    return edits.edit_problem(state, decision.edit)


def late_problem(state: TicketState, decision: Decision, now: datetime) -> Problem | None:
    """Return why this decision comes too late; for a validator alone, which no replay runs.

    The end of a request is a timer's, and no worker may have been there to see it.
    """
    request = state.approval
    if request is None or request.request_id != decision.request_id or now < request.deadline:
        return None
    return Problem(
        "expired",
        f"{request.request_id} could be decided until {request.deadline:%Y-%m-%d %H:%M} UTC;"
        " the ticket goes to people",
    )


def decided_total(state: TicketState, decision: Decision) -> Money | None:
    """Return the money this decision would let go: after its edits, none where it is no yes."""
    if not decision.approve or state.judgement is None:
        return None
    return approval.total_of(state.judgement.facts.actions, edit_of(state, decision))


def edit_of(state: TicketState, decision: Decision) -> Edit | None:
    """Return what the decision makes of the request; a second yes is to what the first left."""
    first = state.approval.first if state.approval else None
    return first.edit if first is not None else decision.edit


def _second(request: ApprovalRequest, decision: Decision) -> Problem | None:
    """Return why this is no second yes; another word than yes may come from the first as well."""
    first = request.first
    if first is None or not decision.approve:
        return None
    if first.approver == decision.approver:
        return Problem("four_eyes", f"{first.approver} has approved it; {SECOND_NEEDED}")
    if decision.edit is not None:
        words = f"{first.approver} has approved it as it stands: approve or reject exactly that"
        return Problem("bad_edit", f"edit: {words}")
    return None


def needs_second(state: TicketState, decision: Decision) -> bool:
    """Whether this yes is the first of two that are needed."""
    request = _open(state)
    total = decided_total(state, decision)
    return decision.approve and request.first is None and _above_four_eyes(request, total)


def approved_once(state: TicketState, decision: Decision, now: datetime) -> ApprovalRequest:
    """Return the request after the first of two said yes.

    It is bound anew to what that person left of it: who has read it before must read it again.
    """
    request = _open(state)
    first = FirstYes(
        approver=decision.approver,
        at=now,
        edit=decision.edit,
        human_seconds=_looked_at(request, decision.approver, now),
    )
    left = json.dumps(
        [request.binding_hash, first.edit and first.edit.model_dump(mode="json")], sort_keys=True
    )
    return request.model_copy(
        update={
            "first": first,
            "claim": None,
            "binding_hash": hashlib.sha256(left.encode()).hexdigest(),
        }
    )


def approvers(request: ApprovalRequest, decision: Decision) -> str:
    """Return who approved, for the ledger."""
    names = (request.first.approver, decision.approver) if request.first else (decision.approver,)
    return ", ".join(names)


def label(state: TicketState, ended: ApprovalOutcome, decision: Decision) -> DecisionLabel:
    """Return what is kept of a person's decision on the open request, to learn from."""
    request, proposal = _open(state), state.proposal
    return DecisionLabel(
        request_id=ended.request_id,
        at=ended.at,
        outcome=ended.outcome,
        approver=decision.approver,
        first_approver=ended.first_approver,
        reason=decision.reason,
        words=decision.words,
        question=decision.ask,
        edit=edit_of(state, decision),
        intent=state.classification.intent if state.classification else None,
        actions=request.actions,
        reply=request.reply,
        total=request.total,
        source=proposal.source if proposal else "",
    )


def _above_four_eyes(request: ApprovalRequest, total: Money | None) -> bool:
    above = request.terms.four_eyes_above
    return above is not None and total is not None and total.amount_minor > above


def _refusal(state: TicketState, person: Approver, total: Money | None) -> Refusal | None:
    return may_decide(
        person,
        approver_id=person.approver_id,
        tenant=state.ticket.tenant,
        requesters=approval.requesters(state),
        total=total,
    )


def _open(state: TicketState) -> ApprovalRequest:
    assert state.approval is not None
    return state.approval


# ---------------------------------------------------------------------------------- who is looking


def claim_problem(state: TicketState, operation: Operation, now: datetime) -> Problem | None:
    """Return why this person cannot claim the open request now."""
    request = state.approval
    if request is None or state.decision is not None:
        return Problem("nothing_to_claim", "no request waits for a decision")
    person = next((p for p in request.roster if p.approver_id == operation.approver), None)
    refusal = _refusal(state, person, None) if person is not None else None
    if refusal is not None:
        return Problem(refusal.code, refusal.message)
    return _claimed_by_another(request, operation.approver, now)


def claimed(state: TicketState, approver: str, now: datetime) -> TicketState:
    """Give the request to a person for the time that a claim lasts; their own is prolonged."""
    request = _open(state)
    running = _running(request, now)
    since = running.at if running is not None and running.approver == approver else now
    until = now + timedelta(seconds=request.terms.claim_seconds)
    claim = Claim(approver=approver, at=since, until=until)
    request = request.model_copy(update={"claim": claim})
    return state.model_copy(update={"approval": request, "claim_news": True})


def human_seconds(request: ApprovalRequest, decision: Decision, now: datetime) -> float | None:
    """Return how long people looked at a request: from claim to decision, both of two people's.

    None where one of them had not claimed it: nobody knows. A claim that ended counts to its end.
    """
    last = _looked_at(request, decision.approver, now)
    if request.first is None or last is None:
        return last
    before = request.first.human_seconds
    return None if before is None else before + last


def _looked_at(request: ApprovalRequest, approver: str, now: datetime) -> float | None:
    claim = request.claim
    if claim is None or claim.approver != approver:
        return None
    return (min(now, claim.until) - claim.at).total_seconds()


def _running(request: ApprovalRequest, now: datetime) -> Claim | None:
    claim = request.claim
    return claim if claim is not None and now < claim.until else None


def _claimed_by_another(request: ApprovalRequest, approver: str, now: datetime) -> Problem | None:
    claim = _running(request, now)
    if claim is None or claim.approver == approver:
        return None
    return Problem("claimed", f"{claim.approver} looks at it until {claim.until:%H:%M:%S} UTC")


def operation_problem(state: TicketState, operation: Operation, now: datetime) -> Problem | None:
    """Return why this operation cannot be done now; no I/O, fit for a validator."""
    if state.status is Status.CLOSED:
        return _closed(state)
    with_people = state.status is Status.ESCALATED
    cap = approval.mode_cap(state)
    # Without an escalation the answer that a person recorded is on its way to the customer.
    leaving = state.recorded is not None or state.handed_back or state.escalation is None
    match operation.operation:
        case "claim":
            return claim_problem(state, operation, now)
        case "take_over" if with_people:
            return Problem("already_taken", "the ticket is with people already")
        case "hand_back" | "record_resolution" if not with_people or leaving:
            return Problem("not_escalated", "the ticket is not with people: take it over first")
        case "hand_back" if state.escalation is not None and state.escalation.stays:
            reason = state.escalation.reason
            return Problem(
                "stays_with_people",
                f"it was handed back before and came again for the same reason ({reason}):"
                " resolve it, and record how",
            )
        case "lower_mode" if operation.mode is None or operation.mode.rank <= cap.rank:
            return Problem("not_lower", f"the mode is {cap.value}; it only goes lower")
        case _:
            return None


def _closed(state: TicketState) -> Problem:
    refusal = closed(state.ticket.ticket_id)
    return Problem(refusal.code, str(refusal))
