"""What several tests play: an agent that gives up, two refunds at once, a person's own refund."""

from typing import Final

from closeloop.models.base import Money
from closeloop.models.proposal import Action, EscalationDraft, Proposal
from closeloop.models.ticket import Status
from tests.support.desk import Handle
from tests.support.scripted import ScriptedResolver, acting
from tests.workflows.play import NORA, Play

GIVE_UP: Final = Proposal(
    escalation=EscalationDraft(reason="no_playbook", summary="odd", recommendation="call them")
)
RESOLUTION: Final = {
    "summary": "refunded by hand",
    "effects": [{"kind": "refund_payment", "params": {"order_id": "#W1001"}}],
    "reply": "I have refunded it myself.",
}


def two_mugs() -> ScriptedResolver:
    return ScriptedResolver(
        acting(
            *(
                Action(
                    action_id=str(n),
                    kind="refund_payment",
                    params={"order_id": "#W1020", "components": [f"item:710103:{n}"]},
                )
                for n in (1, 2)
            ),
            text="{{1.amount}} and {{2.amount}} were refunded.",
        )
    )


async def escalated(desk: Play, body: str = "Please refund order #W1001.") -> Handle:
    handle = await desk.open(body, email=NORA)
    await desk.until(handle, Status.ESCALATED)
    await desk.noted(handle, "replied")
    return handle


def refund_by_hand(desk: Play, minor: int = 2490, order_id: str = "#W1001") -> None:
    money = Money(amount_minor=minor)
    desk.services.backends.payments.refund("default", "by-hand-1", order_id, money)
