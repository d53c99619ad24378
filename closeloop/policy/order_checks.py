"""The checks on what changes an order: its items, and how it is paid."""

from abc import ABC, abstractmethod
from typing import ClassVar, Final

from closeloop.models.policy import ActionFacts, Facts, MethodFacts
from closeloop.policy.check import (
    PASSED,
    ActionCheck,
    Finding,
    Otherwise,
    failed,
    standing,
    unknown,
)
from closeloop.policy.standing import Standing

ONLY_APPROVAL: Final[frozenset[Otherwise]] = frozenset({"needs_approval"})


class PersonDecides(ActionCheck):
    """No machine decides this alone: it fails whatever the facts are."""

    name: ClassVar[str] = "person_decides"
    otherwise: ClassVar[frozenset[Otherwise]] = ONLY_APPROVAL
    judges_change: ClassVar[bool] = True

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Ask for a person."""
        return failed()


class OrderNamedExactly(ActionCheck):
    """The action writes the order's id exactly as the shop does."""

    name: ClassVar[str] = "order_named_exactly"

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Compare what was asked for with what was found."""
        if action.order_asked is None or action.order_asked == action.order_id:
            return PASSED
        return failed(f"it says {action.order_asked[:60]!r}")


# --- items ---------------------------------------------------------------------------------------


class SameProduct(ActionCheck):
    """Every new item is a variant of the product whose item it replaces."""

    name: ClassVar[str] = "same_product"
    judges_change: ClassVar[bool] = True

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Read the recorded facts."""
        others = [item.new_item_id for item in action.items if item.of_product is False]
        return failed(f"{others[0]} is not") if others else PASSED


class NewItemAvailable(ActionCheck):
    """Every new item can be had."""

    name: ClassVar[str] = "new_item_available"
    judges_change: ClassVar[bool] = True

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Read the recorded facts."""
        gone = [item.new_item_id for item in action.items if item.available is False]
        return failed(f"{gone[0]} is not") if gone else PASSED


class OtherItem(ActionCheck):
    """No new item is the one that it replaces."""

    name: ClassVar[str] = "other_item"
    judges_change: ClassVar[bool] = True

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Compare the ids."""
        same = [item.item_id for item in action.items if item.new_item_id == item.item_id]
        return failed(f"{same[0]} stays the same") if same else PASSED


# --- payment methods -----------------------------------------------------------------------------


class _MethodCheck(ActionCheck, ABC):
    """Base of the checks on the payment method that an action names; none passes."""

    judges_change: ClassVar[bool] = True

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Look at the method, unless this very action may have used it already."""
        if action.method is None or standing(facts, action) is Standing.BEGUN_HERE:
            return PASSED
        return self._look(action.method, action)

    @abstractmethod
    def _look(self, method: MethodFacts, action: ActionFacts) -> Finding:
        """Return what the facts say of the method."""


class MethodOnFile(_MethodCheck):
    """The payment method is the customer's own."""

    name: ClassVar[str] = "method_on_file"

    def _look(self, method: MethodFacts, action: ActionFacts) -> Finding:
        return PASSED if method.on_file else failed(f"{method.method_id} is not")


class GiftCardCovers(_MethodCheck):
    """A gift card has enough on it for what is charged."""

    name: ClassVar[str] = "gift_card_covers"

    def _look(self, method: MethodFacts, action: ActionFacts) -> Finding:
        if not method.gift_card:
            return PASSED
        charge, balance = action.charge, method.balance
        if charge is None or balance is None or charge.currency != balance.currency:
            return unknown("the charge or the balance is not known")
        if charge.amount_minor <= balance.amount_minor:
            return PASSED
        return failed(f"{charge} is needed, {balance} is on it")


class OriginalMethodOrGiftCard(_MethodCheck):
    """Money goes back to how the order was paid, or to a gift card of the customer."""

    name: ClassVar[str] = "original_method_or_gift_card"

    def _look(self, method: MethodFacts, action: ActionFacts) -> Finding:
        if method.original or method.gift_card:
            return PASSED
        return failed(f"{method.method_id} is neither")


class OtherMethod(_MethodCheck):
    """The order was not paid by this method already."""

    name: ClassVar[str] = "other_method"

    def _look(self, method: MethodFacts, action: ActionFacts) -> Finding:
        return failed(f"it is paid by {method.method_id}") if method.paid else PASSED


class SinglePayment(_MethodCheck):
    """One payment is all that ever moved on the order."""

    name: ClassVar[str] = "single_payment"

    def _look(self, method: MethodFacts, action: ActionFacts) -> Finding:
        if action.single_payment is None:
            return unknown("what moved on the order is not known")
        return PASSED if action.single_payment else failed()
