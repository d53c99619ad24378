"""Who decides a request: two people, rung by rung, one looking at a time, or the customer asked."""

from datetime import timedelta
from pathlib import Path

import pytest

from closeloop.models.ticket import Status
from tests.support.desk import Handle, canned_policies, edited_policies
from tests.support.scripted import ScriptedResolver, answer, refund
from tests.workflows.play import HOUR, MINUTE, NORA, SAMUEL, OpenDesk, Play, Refusal, action, texts
from workflows.notices import PERSON_LOOKS

SPEAKER = "refund:#W1005:all"
ROUND_THE_CLOCK = ('calendar = "office"\nlead_after', "lead_after")


def two_above_100(folder: Path) -> Path:
    """Return canned policies that want two people for more than $100."""
    canned_policies(folder)
    change = ('four_eyes_above = "1000.00"', 'four_eyes_above = "100.00"')
    return edited_policies(folder, "desk.toml", change)


async def asked(desk: Play, *, opened_by: str = "shop-backend") -> Handle:
    """Open a ticket about the speaker, $145.50, and wait until a person is asked."""
    handle = await desk.open(
        "Please refund order #W1005, the speaker.", email=SAMUEL, opened_by=opened_by
    )
    await desk.asked(handle)
    return handle


# ----------------------------------------------------------------------------------- four eyes


async def test_above_the_sum_two_people_have_to_approve(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    policies = two_above_100(tmp_path)
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")), policies=policies)
    handle = await asked(desk)
    before = await desk.decision(handle, "bob", approve=True)
    receipt = await desk.decide(handle, "alice", approve=True)
    assert receipt.reason == "a second person has to approve it"
    await desk.noted(handle, "approved once")
    view = await desk.view(handle)
    assert view.status is Status.AWAITING_APPROVAL
    assert desk.refunds("#W1005") == ()
    assert view.pending_approval is not None
    assert view.pending_approval.first is not None
    assert "alice" not in view.pending_approval.asked
    with pytest.raises(Refusal) as again:
        await desk.decide(handle, "alice", approve=True)
    assert again.value.code == "four_eyes"
    with pytest.raises(Refusal) as unread:  # the request is another one since the first yes
        await desk.update(handle, "decide", before)
    assert unread.value.code == "stale_request"
    await desk.decide(handle, "bob", approve=True)
    view = await desk.resolved(handle)
    [outcome] = view.approvals
    assert (outcome.first_approver, outcome.approver) == ("alice", "bob")
    assert len(desk.refunds("#W1005")) == 1
    [decided] = desk.events(handle, "decided")
    assert decided.data["people"] == 2


async def test_the_second_person_approves_what_the_first_left(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    policies = two_above_100(tmp_path)
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")), policies=policies)
    handle = await asked(desk)
    lower = {"actions": [{"action_id": "p1-a1", "amount_minor": 12000}]}
    await desk.decide(handle, "alice", approve=True, edit=lower)
    await desk.noted(handle, "approved once")
    lowest = {"actions": [{"action_id": "p1-a1", "amount_minor": 11000}]}
    with pytest.raises(Refusal, match="approve or reject exactly that"):
        await desk.decide(handle, "bob", approve=True, edit=lowest)
    await desk.decide(handle, "bob", approve=True)
    view = await desk.resolved(handle)
    assert [r.amount.amount_minor for r in desk.refunds("#W1005")] == [12000]
    assert view.approvals[0].edited


async def test_edited_below_the_sum_one_person_is_enough(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    policies = two_above_100(tmp_path)
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")), policies=policies)
    handle = await asked(desk)
    edit = {"actions": [{"action_id": "p1-a1", "amount_minor": 10000}]}
    await desk.decide(handle, "alice", approve=True, edit=edit)
    await desk.resolved(handle)
    assert [r.amount.amount_minor for r in desk.refunds("#W1005")] == [10000]


async def test_the_second_person_may_say_no(open_desk: OpenDesk, tmp_path: Path) -> None:
    policies = two_above_100(tmp_path)
    resolver = ScriptedResolver(refund("#W1005"), answer("Sorry, no."))
    desk = await open_desk(resolver=resolver, policies=policies)
    handle = await asked(desk)
    await desk.decide(handle, "alice", approve=True)
    await desk.noted(handle, "approved once")
    await desk.decide(handle, "bob", approve=False, reason="not_eligible")
    await desk.resolved(handle)
    assert desk.refunds("#W1005") == ()
    assert desk.effect_state(SPEAKER) == "released"


async def test_a_requester_is_neither_of_the_two(open_desk: OpenDesk, tmp_path: Path) -> None:
    policies = two_above_100(tmp_path)
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")), policies=policies)
    handle = await asked(desk, opened_by="bob")
    await desk.decide(handle, "alice", approve=True)
    await desk.noted(handle, "approved once")
    with pytest.raises(Refusal) as own:
        await desk.decide(handle, "bob", approve=True)
    assert own.value.code == "own_request"
    await desk.decide(handle, "carol", approve=True)
    await desk.resolved(handle)


async def test_where_two_are_needed_and_only_one_may_people_get_the_ticket(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    few = [(f'limit = "{limit}.00"', 'limit = "10.00"') for limit in (200, 5000)]
    edited_policies(tmp_path, "approvers.toml", *few)
    policies = two_above_100(tmp_path)
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")), policies=policies)
    handle = await desk.open("Please refund order #W1005, the speaker.", email=SAMUEL)
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "no_approver"
    assert desk.effect_state(SPEAKER) == "released"


# -------------------------------------------------------------------------------------- claims


async def test_who_looks_has_the_request_to_themselves_for_a_while(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    handle = await asked(desk)
    await desk.operate(handle, "claim", "alice")
    await desk.noted(handle, "replied")
    [row] = desk.waiting()
    assert row.claim is not None
    assert row.claim.approver == "alice"
    for attempt in (
        desk.operate(handle, "claim", "bob"),
        desk.decide(handle, "bob", approve=True),
        desk.decide(handle, "bob", approve=False, reason="other"),
    ):
        with pytest.raises(Refusal, match="alice looks at it until") as refused:
            await attempt
        assert refused.value.code == "claimed"
    await desk.skip(16 * MINUTE)
    await desk.operate(handle, "claim", "bob")
    with pytest.raises(Refusal) as late:
        await desk.decide(handle, "alice", approve=True)
    assert late.value.code == "claimed"
    await desk.skip(2 * MINUTE)
    await desk.decide(handle, "bob", approve=True)
    await desk.resolved(handle)
    [decided] = desk.events(handle, "decided")
    seconds = decided.data["human_seconds"]
    assert isinstance(seconds, float)
    assert 120 <= seconds < 200


async def test_the_customer_hears_once_that_a_person_looks(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(refund("#W1005"), refund("#W1005", amount_minor=10000))
    desk = await open_desk(resolver=resolver)
    handle = await asked(desk)
    await desk.operate(handle, "claim", "alice")
    await desk.noted(handle, "claimed")
    await desk.operate(handle, "claim", "alice")
    await desk.noted(handle, "claimed", times=2)
    await desk.decide(handle, "alice", approve=False, reason="wrong_amount", words="100 is enough")
    await desk.asked(handle, request=2)
    await desk.operate(handle, "claim", "bob")
    await desk.decide(handle, "bob", approve=True)
    view = await desk.resolved(handle)
    assert texts(view) == [PERSON_LOOKS, "You get $100.00 back."]
    assert desk.events(handle, "first_response")[0].at > desk.events(handle, "decided")[0].at
    assert [e.data["reason"] for e in desk.events(handle, "decided")] == ["wrong_amount", None]


async def test_without_a_claim_nobody_knows_the_minutes(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    handle = await asked(desk)
    await desk.decide(handle, "alice", approve=True)
    await desk.resolved(handle)
    [decided] = desk.events(handle, "decided")
    assert decided.data["human_seconds"] is None


@pytest.mark.parametrize(
    ("approver", "code"),
    [("dave", "wrong_tenant"), ("mallory", "unknown_approver"), ("bob", "own_request")],
)
async def test_who_may_not_decide_claims_nothing(
    open_desk: OpenDesk, approver: str, code: str
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    handle = await asked(desk, opened_by="bob")
    with pytest.raises(Refusal) as refused:
        await desk.operate(handle, "claim", approver)
    assert refused.value.code == code
    assert desk.sent(handle) == ()


async def test_where_nothing_waits_nothing_is_claimed(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    with pytest.raises(Refusal) as refused:
        await desk.operate(handle, "claim", "bob")
    assert refused.value.code == "nothing_to_claim"


# ------------------------------------------------------------------------- the customer is asked


async def test_a_question_puts_the_request_aside_until_the_customer_answers(
    open_desk: OpenDesk,
) -> None:
    resolver = ScriptedResolver(refund("#W1005"), refund("#W1005", amount_minor=10000))
    desk = await open_desk(resolver=resolver)
    handle = await asked(desk)
    await desk.decide(handle, "alice", approve=False, ask="Which part of it is broken?")
    view = await desk.until(handle, Status.AWAITING_CUSTOMER)
    assert texts(view) == ["Which part of it is broken?"]
    assert desk.effect_state(SPEAKER) == "released"
    assert desk.waiting() == ()
    assert action(view).state == "skipped"
    await desk.say(handle, "Only the cable of #W1005, refund me for that.")
    pending = await desk.asked(handle, request=2)
    await desk.decide(handle, "alice", approve=True)
    view = await desk.resolved(handle)
    assert [outcome.outcome for outcome in view.approvals] == ["asked", "approved"]
    assert pending.total is not None
    assert [r.amount.amount_minor for r in desk.refunds("#W1005")] == [10000]
    labels = desk.services.records.decisions("default")
    assert [(one.outcome, one.question) for one in labels] == [
        ("asked", "Which part of it is broken?"),
        ("approved", None),
    ]


# ---------------------------------------------------------------------------------- the ladder


async def test_undecided_it_goes_up_the_ladder_and_people_are_told(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    policies = edited_policies(tmp_path, "desk.toml", ROUND_THE_CLOCK)
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")), policies=policies)
    handle = await asked(desk)
    pending = await desk.pending(handle)
    assert pending is not None
    assert (pending.rung, pending.asked) == ("team", ("alice",))
    await desk.skip(HOUR + MINUTE)
    await desk.noted(handle, "asked higher")
    pending = await desk.pending(handle)
    assert pending is not None
    assert (pending.rung, pending.asked) == ("lead", ("bob",))
    await desk.skip(2 * HOUR)
    await desk.noted(handle, "asked higher", times=2)
    pending = await desk.pending(handle)
    assert pending is not None
    assert (pending.rung, pending.asked) == ("manager", ("carol", "erin"))
    assert await desk.notes(handle, "reminded") == []
    assert sum("is asked of the" in text for text in desk.alerts(handle)) == 2
    assert [e.data["rung"] for e in desk.events(handle, "approval_raised")] == ["lead", "manager"]
    await desk.decide(handle, "alice", approve=True)  # whoever may decide still may
    await desk.resolved(handle)


async def test_a_sum_above_the_team_is_asked_of_the_lead_at_once(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1008")))
    handle = await desk.open(
        "Please refund everything on order #W1008.", email="arthur.penrose@example.com"
    )
    pending = await desk.asked(handle)
    assert (pending.rung, pending.asked) == ("lead", ("bob",))


async def test_a_delegate_is_asked_and_has_the_authority(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    away = 'away = [{ days = "2000-01-01..2999-12-31", delegate = "alice" }]\n'
    bobs = 'roles = ["agent", "lead"]\n'
    policies = edited_policies(tmp_path, "approvers.toml", (bobs, bobs + away))
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1008")), policies=policies)
    handle = await desk.open(
        "Please refund everything on order #W1008.", email="arthur.penrose@example.com"
    )
    pending = await desk.asked(handle)
    assert pending.asked == ("alice",)
    await desk.decide(handle, "alice", approve=True)
    view = await desk.until(handle, Status.RESOLVED, step=timedelta(seconds=5))
    assert view.approvals[0].approver == "alice"
    assert len(desk.refunds("#W1008")) == 1
