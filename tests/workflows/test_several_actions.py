"""Several actions in one proposal: what can be taken back first, and the truth when one fails."""

from closeloop.models.proposal import Action
from closeloop.models.ticket import Status
from tests.support.scripted import ScriptedResolver, acting, answer
from tests.workflows.held import Held
from tests.workflows.play import OMAR, OpenDesk, Play

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
BODY = "Please send order #W1018 to my new address, 9 Elm Street, Boise 83702, and cancel it."


def goes_to(desk: Play) -> str:
    order = desk.services.backends.shop.get_order("default", "#W1018")
    assert order is not None
    assert order.address is not None
    return order.address.address1


async def test_what_can_be_taken_back_runs_first(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(acting(CANCEL, MOVE)))
    handle = await desk.open(BODY, email=OMAR)
    view = await desk.resolved(handle)
    assert [action.state for action in view.actions] == ["verified", "verified"]
    verified = desk.events(handle, "action_verified")
    assert [row.data["kind"] for row in verified] == ["modify_order_address", "cancel_order"]


async def test_a_later_refusal_takes_back_what_was_done_and_tells_both(
    open_desk: OpenDesk,
) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(acting(CANCEL, NOTE, MOVE), answer("All right.")),
        faults="shop.cancel_order=refuse:x1",
    )
    before = goes_to(desk)
    handle = await desk.open(BODY, email=OMAR)
    view = await desk.until(handle, Status.AWAITING_CUSTOMER, Status.ESCALATED)
    assert view.status is Status.AWAITING_CUSTOMER, await desk.timeline(handle)
    states = {action.kind: action.state for action in view.actions}
    assert states["cancel_order"] == "failed"
    assert states["modify_order_address"] == "compensated"
    assert goes_to(desk) == before
    undo = f"undo:{view.ticket_id}:{view.actions[2].action_id}-undo"
    assert desk.effect_state(undo) == "done"
    [word] = desk.sent(handle)
    assert "not begun: Cancel order #W1018" in word.text
    assert "taken it back: Send order #W1018 to 9 Elm Street, 83702 Boise." in word.text
    assert desk.refunds("#W1018") == ()
    await desk.say(handle, "Then leave it as it is.")
    view = await desk.resolved(handle)
    assert desk.kinds(handle).count("action_compensated") == 1


async def test_what_was_taken_back_may_be_asked_for_again(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(acting(CANCEL, MOVE), acting(MOVE)),
        faults="shop.cancel_order=refuse:x1",
    )
    handle = await desk.open(BODY, email=OMAR)
    await desk.until(handle, Status.AWAITING_CUSTOMER, Status.ESCALATED)
    assert goes_to(desk) != "9 Elm Street"
    await desk.say(handle, "Then only send order #W1018 to the new address, please.")
    view = await desk.resolved(handle)
    states = [action.state for action in view.actions]
    assert states == ["failed", "compensated", "verified"]
    assert goes_to(desk) == "9 Elm Street"


async def test_an_undo_that_never_answered_is_found_by_reading(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(acting(CANCEL, MOVE)), faults="shop.cancel_order=refuse:x1"
    )
    before = goes_to(desk)
    desk.services.backends.faults.add("shop.modify_order_address=timeout_after:x2")
    handle = await desk.open(BODY, email=OMAR)
    view = await desk.until(handle, Status.AWAITING_CUSTOMER)
    assert view.actions[1].state == "compensated"
    assert goes_to(desk) == before


async def test_an_undo_that_is_refused_goes_to_a_person_with_the_truth(
    open_desk: OpenDesk,
) -> None:
    held = Held("shop.cancel_order")
    desk = await open_desk(
        resolver=ScriptedResolver(acting(CANCEL, MOVE)),
        faults="shop.cancel_order=refuse:x1",
        held=held,
    )
    handle = await desk.open(BODY, email=OMAR)
    await held.reached()  # the address is changed by now
    desk.services.backends.faults.add("shop.modify_order_address=refuse:x1")
    held.let_go()
    view = await desk.until(handle, Status.ESCALATED)
    states = {action.kind: action.state for action in view.actions}
    assert states == {"cancel_order": "failed", "modify_order_address": "verified"}
    assert view.escalation is not None
    assert view.escalation.reason == "partly_done"
    await desk.eventually(lambda: len(desk.sent(handle)) == 1)
    [word] = desk.sent(handle)
    assert "This is done already: order #W1018 goes to the new address." in word.text
    assert goes_to(desk) == "9 Elm Street"


async def test_a_customer_who_writes_meanwhile_stops_the_undo(open_desk: OpenDesk) -> None:
    held = Held("shop.cancel_order")
    desk = await open_desk(
        resolver=ScriptedResolver(acting(CANCEL, MOVE)),
        faults="shop.cancel_order=refuse:x1",
        held=held,
    )
    handle = await desk.open(BODY, email=OMAR)
    await held.reached()
    await desk.say(handle, "Wait, let me talk to somebody.")
    held.let_go()
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "partly_done"
    assert goes_to(desk) == "9 Elm Street"


async def test_money_is_never_taken_back(open_desk: OpenDesk) -> None:
    plan = [
        MOVE.model_copy(update={"params": MOVE.params | {"order_id": "#W1007"}}),
        Action(action_id="r", kind="refund_payment", params={"order_id": "#W1006"}),
        CANCEL.model_copy(update={"params": {"order_id": "#W1007"}}),
    ]
    desk = await open_desk(
        resolver=ScriptedResolver(acting(*plan)), faults="shop.cancel_order=refuse:x1"
    )
    handle = await desk.open(
        "Refund order #W1006, send #W1007 to my new address, 9 Elm Street, 83702, and cancel it.",
        email="priya.raman@example.com",
    )
    await desk.asked(handle)
    await desk.decide(handle, "bob", approve=True)
    view = await desk.until(handle, Status.ESCALATED)
    assert [action.state for action in view.actions] == ["verified", "verified", "failed"]
    assert len(desk.refunds("#W1006")) == 1
    assert view.escalation is not None
    assert view.escalation.reason == "partly_done"
    assert "Done before it: modify_order_address, refund_payment" in view.escalation.draft.summary


async def test_an_address_on_file_is_taken_back_too(open_desk: OpenDesk) -> None:
    address = MOVE.params["address"]
    profile = Action(
        action_id="u",
        kind="update_customer_address",
        params={"customer_id": "omar_haddad", "address": address},
    )
    desk = await open_desk(
        resolver=ScriptedResolver(acting(CANCEL, profile)), faults="shop.cancel_order=refuse:x1"
    )
    shop = desk.services.backends.shop
    before = shop.get_customer("default", "omar_haddad")
    handle = await desk.open(f"{BODY} Change the address in my profile too.", email=OMAR)
    await desk.asked(handle)
    await desk.decide(handle, "bob", approve=True)
    view = await desk.until(handle, Status.AWAITING_CUSTOMER, Status.ESCALATED)
    assert [action.state for action in view.actions] == ["failed", "compensated"]
    after = shop.get_customer("default", "omar_haddad")
    assert before is not None
    assert after is not None
    assert after.address == before.address


async def test_a_note_of_ours_is_no_part_of_the_plan(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(acting(NOTE, CANCEL), acting(CANCEL)),
        faults="shop.cancel_order=refuse:x1",
    )
    handle = await desk.open("Please cancel order #W1018.", email=OMAR)
    view = await desk.resolved(handle)
    assert [action.state for action in view.actions] == ["verified", "failed", "verified"]
