"""The registry of checks, by the names that rules call them.

A check is one class: its fields are the parameters a rule gives it, its class variables say what
it is about and what a rule may make of it. To add one, write the class and list it in ``CHECKS``.
"""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Final

from pydantic import Field

from closeloop.models.policy import ActionFacts, Facts
from closeloop.policy.check import (
    ONLY_REFUSE,
    PASSED,
    ActionCheck,
    Check,
    Finding,
    Otherwise,
    Scope,
    TicketCheck,
    failed,
    standing,
    unknown,
)
from closeloop.policy.money_checks import (
    AmountAtMost,
    CustomerDayAtMost,
    NoOpenDispute,
    RecentAtMost,
    Refundable,
    TenantDayAtMost,
    WholePrice,
)
from closeloop.policy.order_checks import (
    GiftCardCovers,
    MethodOnFile,
    NewItemAvailable,
    OrderNamedExactly,
    OriginalMethodOrGiftCard,
    OtherItem,
    OtherMethod,
    PersonDecides,
    SameProduct,
    SinglePayment,
)
from closeloop.policy.standing import Standing
from closeloop.policy.ticket_checks import (
    AnswerHasEvidence,
    NoInjection,
    NotAbout,
    ReplyGrounded,
    SentimentAtLeast,
    Understood,
)

# --- calls -------------------------------------------------------------------------------------


class SlotFree(ActionCheck):
    """Somebody of the desk can call at the time that the action names, and may."""

    name: ClassVar[str] = "slot_free"
    judges_change: ClassVar[bool] = True

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Look for what speaks against the time."""
        if action.slot_problem is None:
            return unknown("nobody looked whether the time is free")
        return failed(action.slot_problem) if action.slot_problem else PASSED


# --- who ---------------------------------------------------------------------------------------


class EnoughAssurance(ActionCheck):
    """We are as sure who writes as the action's kind needs."""

    name: ClassVar[str] = "enough_assurance"
    otherwise: ClassVar[frozenset[Otherwise]] = ONLY_REFUSE
    required: ClassVar[bool] = True
    scope: ClassVar[Scope] = Scope.ACTIONS

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Compare the ticket's assurance with the kind's."""
        return PASSED if facts.assurance.rank >= action.needed_assurance.rank else failed()


class OwnOrder(ActionCheck):
    """The order exists and is this customer's; the finding never says which of both failed."""

    name: ClassVar[str] = "own_order"
    otherwise: ClassVar[frozenset[Otherwise]] = ONLY_REFUSE
    required: ClassVar[bool] = True
    scope: ClassVar[Scope] = Scope.ACTIONS

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Compare the order's customer with the ticket's."""
        if action.order_id is None and not action.order_found:
            return PASSED
        theirs = facts.customer_id is not None and action.order_customer_id == facts.customer_id
        return PASSED if action.order_found and theirs else failed()


class OwnRecord(ActionCheck):
    """The customer's record that is changed is the ticket's customer's own."""

    name: ClassVar[str] = "own_record"
    otherwise: ClassVar[frozenset[Otherwise]] = ONLY_REFUSE
    required: ClassVar[bool] = True
    scope: ClassVar[Scope] = Scope.ACTIONS

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Compare the customer that the action names with the ticket's."""
        if action.customer_asked is None or action.customer_asked == facts.customer_id:
            return PASSED
        return failed()


GATES: Final[tuple[type[ActionCheck], ...]] = (EnoughAssurance, OwnOrder, OwnRecord)
"""Looked at first, in this order: where one fails nothing else is looked at, let alone told."""


class NamesTarget(ActionCheck):
    """A message of the customer names what the action is about."""

    name: ClassVar[str] = "customer_names_target"
    required: ClassVar[bool] = True

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Read the recorded fact; a yes to exactly this effect is as good."""
        return PASSED if action.names_target or action.consent else failed()


class NamesRemedy(ActionCheck):
    """A message of the customer asks for what the action does."""

    name: ClassVar[str] = "customer_names_remedy"
    required: ClassVar[bool] = True

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Read the recorded fact; a yes to exactly this effect is as good."""
        return PASSED if action.names_remedy or action.consent else failed()


class ContactSettled(ActionCheck):
    """The customer's contact on file was not changed in the last ``days``."""

    name: ClassVar[str] = "contact_settled"
    scope: ClassVar[Scope] = Scope.MONEY
    judges_change: ClassVar[bool] = True

    days: Annotated[int, Field(strict=True, ge=1, le=365)]

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Compare the last change, where there is one on record, with now."""
        changed = facts.contact_changed_at
        if changed is None or facts.at - changed >= timedelta(days=self.days):
            return PASSED
        return failed(f"it was changed on {_day(changed)}")

    def never_heard_beside(self, refusing: Check) -> bool:
        """Compare the days."""
        return isinstance(refusing, ContactSettled) and refusing.days >= self.days


# --- the order -----------------------------------------------------------------------------------


class OrderStatus(ActionCheck):
    """The order stands at one of ``statuses``."""

    name: ClassVar[str] = "order_status"
    judges_change: ClassVar[bool] = True

    statuses: Annotated[frozenset[str], Field(min_length=1)]

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Compare the status, unless this very action may have changed it already."""
        if standing(facts, action) is Standing.BEGUN_HERE:
            return PASSED
        if action.order_status is None:
            return unknown("its status is not known")
        if action.order_status in self.statuses:
            return PASSED
        return failed(f"it is {action.order_status}")

    def never_heard_beside(self, refusing: Check) -> bool:
        """Compare the lists."""
        return isinstance(refusing, OrderStatus) and refusing.statuses <= self.statuses

    def never_passed_beside(self, other: Check) -> bool:
        """Whether no status passes both."""
        return isinstance(other, OrderStatus) and not other.statuses & self.statuses


class DeliveredWithin(ActionCheck):
    """The order was delivered at most ``days`` ago, to the second."""

    name: ClassVar[str] = "delivered_within"
    judges_change: ClassVar[bool] = True

    days: Annotated[int, Field(strict=True, ge=1, le=3_650)]

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Compare the delivery with now."""
        delivered = action.delivered_at
        if delivered is None:
            return unknown("the day of delivery is not known")
        if delivered > facts.at:
            return unknown("the day of delivery is in the future")
        if facts.at - delivered <= timedelta(days=self.days):
            return PASSED
        return failed(f"it was delivered on {_day(delivered)}")

    def never_heard_beside(self, refusing: Check) -> bool:
        """Compare the days."""
        return isinstance(refusing, DeliveredWithin) and refusing.days <= self.days


# --- the effect ----------------------------------------------------------------------------------


class EffectFree(ActionCheck):
    """Nothing live claims the same part: no other effect, no other ticket, no earlier action."""

    name: ClassVar[str] = "effect_free"
    otherwise: ClassVar[frozenset[Otherwise]] = ONLY_REFUSE
    required: ClassVar[bool] = True

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Ask the ledger's facts, then the actions that stand before this one."""
        effect = action.effect
        if effect is None:
            return unknown("what it changes could not be named")
        for earlier in _before(facts, action):
            other = earlier.effect
            if other is not None and (
                other.effect_id == effect.effect_id
                or other.components.keys() & effect.components.keys()
            ):
                return failed(f"action {earlier.action_id} of the same proposal")
        if standing(facts, action) is Standing.DONE:
            return PASSED
        if effect.overlap is not None:
            return failed(effect.overlap)
        if standing(facts, action) is Standing.BUSY_ELSEWHERE:
            return failed(f"ticket {effect.ticket_id}")
        return PASSED


# --- how sure the machine is ---------------------------------------------------------------------


class ConfidenceAtLeast(ActionCheck):
    """The reading of what the customer wants is at least ``floor`` sure."""

    name: ClassVar[str] = "confidence_at_least"

    floor: Annotated[float, Field(gt=0, le=1)]

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Compare the confidence; one that is not a number fails."""
        if facts.confidence >= self.floor:
            return PASSED
        return failed(f"we are {facts.confidence:.0%} sure")

    def never_heard_beside(self, refusing: Check) -> bool:
        """Compare the floors."""
        return isinstance(refusing, ConfidenceAtLeast) and refusing.floor >= self.floor


CHECKS: Final[dict[str, type[ActionCheck] | type[TicketCheck]]] = {
    cls.name: cls
    for cls in (
        EnoughAssurance,
        OwnOrder,
        OwnRecord,
        NamesTarget,
        NamesRemedy,
        ContactSettled,
        OrderStatus,
        DeliveredWithin,
        OrderNamedExactly,
        SameProduct,
        NewItemAvailable,
        OtherItem,
        MethodOnFile,
        GiftCardCovers,
        OriginalMethodOrGiftCard,
        OtherMethod,
        SinglePayment,
        PersonDecides,
        EffectFree,
        SlotFree,
        Refundable,
        NoOpenDispute,
        AmountAtMost,
        WholePrice,
        CustomerDayAtMost,
        TenantDayAtMost,
        RecentAtMost,
        ConfidenceAtLeast,
        NoInjection,
        Understood,
        ReplyGrounded,
        AnswerHasEvidence,
        NotAbout,
        SentimentAtLeast,
    )
}


def _before(facts: Facts, action: ActionFacts) -> tuple[ActionFacts, ...]:
    position = next((n for n, a in enumerate(facts.actions) if a.action_id == action.action_id), 0)
    return facts.actions[:position]


def _day(time: datetime) -> str:
    return time.strftime("%Y-%m-%d")
