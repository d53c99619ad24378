"""The resolver that needs no key: an intent's playbook, the customer's records, and observations.

It implements the port ``Resolver`` through the same types that a language model uses. Everything
it says comes from records, from quoted passages or from placeholders that receipts fill.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from closeloop.actions.customers import IssueStoreCredit
from closeloop.actions.items import ModifyOrderItems
from closeloop.actions.orders import ModifyOrderAddress, ModifyOrderPayment
from closeloop.models.proposal import Proposal, ProposeRequest
from closeloop.models.ticket import Assurance
from closeloop.models.triage import OTHER_INTENT, PERSON_INTENT
from closeloop.offline.playbooks import (
    account,
    answers,
    charges,
    drafting,
    items,
    orders,
    paying,
    refunds,
)
from closeloop.offline.playbooks.calls import CallPlans
from closeloop.offline.playbooks.case import CUSTOMER, Case, assurance_of
from closeloop.offline.playbooks.revision import Playbook, revised
from closeloop.offline.playbooks.wishes import (
    all_of,
    answers_nothing,
    for_a_person,
    hangs_on_a_condition,
    is_conditional,
    only_if,
    wishes,
)
from closeloop.ports import Knowledge, Payments, Shop

CALL_INTENT: Final = "request_callback"
LOW_CONFIDENCE: Final = 0.3
"""Below it a message counts as not understood; policy's own floor, for asking, is higher."""


class _Entry(NamedTuple):
    """A playbook with the assurance below which it is not even begun."""

    run: Playbook
    needs: Assurance = Assurance.CHANNEL_VERIFIED


PLAYBOOKS: Final[dict[str, _Entry]] = {
    "refund_request": _Entry(refunds.refund),
    "damaged_or_wrong_item": _Entry(refunds.damaged),
    "double_charge": _Entry(charges.double_charge),
    "partial_refund": _Entry(refunds.partial_refund),
    "refund_status": _Entry(refunds.refund_status),
    "store_credit": _Entry(paying.store_credit, IssueStoreCredit.assurance),
    "cancel_order": _Entry(orders.cancel),
    "change_order_items": _Entry(items.change_order_items, ModifyOrderItems.assurance),
    "change_payment_method": _Entry(paying.change_payment_method, ModifyOrderPayment.assurance),
    "change_address": _Entry(account.change_address, ModifyOrderAddress.assurance),
    "order_status": _Entry(orders.order_status),
    "parcel_late_or_lost": _Entry(orders.parcel),
    "return_item": _Entry(items.return_item, Assurance.NONE),
    "exchange_item": _Entry(items.exchange_item, Assurance.NONE),
    "invoice_copy": _Entry(answers.invoice_copy, Assurance.NONE),
    "stop_subscription": _Entry(account.stop_subscription, Assurance.NONE),
    "account_access": _Entry(account.account_access, Assurance.NONE),
    "change_contact": _Entry(account.change_contact, Assurance.NONE),
    "account_data": _Entry(account.account_data, Assurance.NONE),
    "discount_or_gift_card": _Entry(account.discount_or_gift_card, Assurance.NONE),
    "product_question": _Entry(answers.product_question, Assurance.NONE),
    "complaint": _Entry(answers.complaint, Assurance.NONE),
    PERSON_INTENT: _Entry(answers.speak_to_person, Assurance.NONE),
    OTHER_INTENT: _Entry(answers.not_understood, Assurance.NONE),
}
"""By the taxonomy's intent ids; an intent without a playbook goes to a person."""

_NOT_UNDERSTOOD: Final = PLAYBOOKS[OTHER_INTENT]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class OfflineResolver:
    """The port ``Resolver`` without a language model."""

    def __init__(
        self,
        shop: Shop,
        payments: Payments,
        knowledge: Knowledge,
        *,
        clock: Callable[[], datetime] = _utc_now,
        calls: CallPlans | None = None,
    ) -> None:
        """Keep the ports that are read; ``clock`` tells the age of orders.

        Without ``calls`` who asks for a call goes to a person.
        """
        self._shop = shop
        self._payments = payments
        self._knowledge = knowledge
        self._clock = clock
        self._calls = _Entry(calls.plan if calls else answers.speak_to_person)

    def propose(self, request: ProposeRequest) -> Proposal:
        """Return an answer, a question or an escalation for the request.

        Only the ticket's own customer's orders are ever read, and none below the assurance that
        the intent needs, so that a reply is the same whatever anybody else has ordered.

        Raises:
            BackendUnavailable: the shop, payments or knowledge do not answer.
        """
        case = self._case(request)
        entry = self._entry(request)
        every = () if entry is _NOT_UNDERSTOOD else wishes(case, request.classification_intent)
        if entry is not _NOT_UNDERSTOOD and (answers_nothing(case) or is_conditional(case)):
            plan = for_a_person(case)
        elif every:
            plan = all_of(case, every, lambda part, wish: _plan(part, PLAYBOOKS[wish.intent]))
        else:
            plan = _plan(case, entry)
        if hangs_on_a_condition(case, plan.actions):
            plan = only_if(case, plan)
        return _not_again(case, plan)

    def _entry(self, request: ProposeRequest) -> _Entry:
        intent = request.classification_intent
        wrote = any(message.sender == CUSTOMER for message in request.conversation)
        unsure = request.confidence < LOW_CONFIDENCE and intent != PERSON_INTENT
        if unsure or not wrote:
            return _NOT_UNDERSTOOD
        return self._calls if intent == CALL_INTENT else PLAYBOOKS.get(intent, _NOT_UNDERSTOOD)

    def _case(self, request: ProposeRequest) -> Case:
        known = assurance_of(request) is not Assurance.NONE and request.customer_id is not None
        return Case(
            request=request,
            orders=self._shop.list_orders(request.tenant, request.customer_id or "")
            if known
            else (),
            passages=self._knowledge.get(request.tenant, request.passage_ids),
            shop=self._shop,
            payments=self._payments,
            now=self._clock(),
        )


def _plan(case: Case, entry: _Entry) -> Proposal:
    if case.assurance.rank >= entry.needs.rank:
        return revised(case, entry.run)
    if case.assurance is Assurance.NONE:
        return drafting.not_identified(case)
    return drafting.not_sure_enough(case)


def _not_again(case: Case, plan: Proposal) -> Proposal:
    """Return the plan, or a hand-over where it would only say what the customer has read before."""
    if plan.reply is None or plan.actions or not case.was_sent(plan.reply.text):
        return plan
    what = "question" if plan.asks_customer else "answer"
    return drafting.escalate(
        case,
        f"repeated_{what}",
        f"The same {what} was sent before, and the customer writes again ({plan.goal}).",
    )
