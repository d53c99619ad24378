"""Returns, changed orders and credit as the offline desk proposes them, to the receipt."""

import pytest

from closeloop.models.proposal import Proposal, ProposeRequest
from closeloop.offline.resolver import OfflineResolver
from tests.support.scripted import ScriptedClassifier, ScriptedResolver
from tests.workflows.play import NORA, OpenDesk, Play, action, texts

DANA = "dana.kowalski@example.com"


class Offline:
    """The offline resolver over the backends of a desk that is opened later."""

    def __init__(self) -> None:
        self.desk: Play | None = None

    def propose(self, request: ProposeRequest) -> Proposal:
        assert self.desk is not None
        services = self.desk.services
        shop, payments = services.backends.shop, services.payments
        return OfflineResolver(shop, payments, services.knowledge).propose(request)


@pytest.mark.parametrize(
    ("intent", "email", "body", "kind", "said"),
    [
        (
            "return_item",
            NORA,
            "I want to return the mug of order #W1001.",
            "return_items",
            "the return of 1 of order #W1001 is taken in",
        ),
        (
            "exchange_item",
            NORA,
            "Please exchange the mug of order #W1001 for the moss one.",
            "exchange_items",
            "the exchange of 1 of order #W1001 is taken in",
        ),
        (
            "change_order_items",
            DANA,
            "Please change the throw of order #W1017 to flax.",
            "modify_order_items",
            "the items of order #W1017 are changed",
        ),
        (
            "change_payment_method",
            DANA,
            "Please charge order #W1016 to my PayPal.",
            "modify_order_payment",
            "#W1016:payment",
        ),
        (
            "store_credit",
            NORA,
            "Please give me $5 store credit for order #W1001.",
            "issue_store_credit",
            "$5.00 of credit",
        ),
        (
            "partial_refund",
            NORA,
            "Please refund $5 of the mug of order #W1001.",
            "refund_payment",
            "$5.00",
        ),
    ],
)
async def test_a_person_approves_and_the_receipt_is_what_the_customer_reads(
    open_desk: OpenDesk, intent: str, email: str, body: str, kind: str, said: str
) -> None:
    offline = Offline()
    desk = await open_desk(
        resolver=ScriptedResolver(offline.propose), classifier=ScriptedClassifier(intent)
    )
    offline.desk = desk
    handle = await desk.open(body, email=email)
    pending = await desk.asked(handle)
    assert not any("A reply says only" in reason for reason in pending.reasons), pending.reasons
    assert desk.sent(handle) == ()
    await desk.decide(handle, "bob", approve=True)
    view = await desk.resolved(handle)
    assert (action(view).kind, action(view).state) == (kind, "verified")
    assert said in texts(view)[-1]
