"""Several actions in one proposal: what can be taken back first, and the truth when one fails."""

from closeloop.models.proposal import Action
from closeloop.models.ticket import Status
from tests.support.scripted import ScriptedResolver, acting
from tests.workflows.play import OpenDesk

OMAR = "omar.haddad@example.com"
CANCEL = Action(action_id="a", kind="cancel_order", params={"order_id": "#W1018"})
MOVE = Action(
    action_id="b",
    kind="modify_order_address",
    params={
        "order_id": "#W1018",
        "address": {"address1": "9 Elm Street", "city": "Boise", "zip": "83702", "country": "USA"},
    },
)
NOTE = Action(action_id="c", kind="add_crm_note", params={"text": "Moves house in June."})
BODY = "Please send order #W1018 to my new address, 9 Elm Street, Boise, and cancel it."


async def test_what_can_be_taken_back_runs_first(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(acting(CANCEL, MOVE)))
    handle = await desk.open(BODY, email=OMAR)
    view = await desk.resolved(handle)
    assert [action.state for action in view.actions] == ["verified", "verified"]
    verified = desk.events(handle, "action_verified")
    assert [row.data["kind"] for row in verified] == ["modify_order_address", "cancel_order"]


async def test_a_later_refusal_stops_tells_the_truth_and_goes_to_a_person(
    open_desk: OpenDesk,
) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(acting(CANCEL, MOVE)), faults="shop.cancel_order=refuse:x1"
    )
    handle = await desk.open(BODY, email=OMAR)
    view = await desk.until(handle, Status.ESCALATED)
    states = {action.kind: action.state for action in view.actions}
    assert states == {"cancel_order": "failed", "modify_order_address": "verified"}
    assert view.escalation is not None
    assert view.escalation.reason == "partly_done"
    await desk.eventually(lambda: len(desk.sent(handle)) == 1)
    [word] = desk.sent(handle)
    assert "This is done already: order #W1018 goes to the new address." in word.text
    assert desk.refunds("#W1018") == ()


async def test_a_note_of_ours_is_no_part_of_the_plan(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(acting(NOTE, CANCEL), acting(CANCEL)),
        faults="shop.cancel_order=refuse:x1",
    )
    handle = await desk.open("Please cancel order #W1018.", email=OMAR)
    view = await desk.resolved(handle)
    assert [action.state for action in view.actions] == ["verified", "failed", "verified"]
