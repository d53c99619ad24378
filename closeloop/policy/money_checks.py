"""The checks on money: what is left of an order, and what may leave at once or in a day."""

from abc import ABC, abstractmethod
from typing import Annotated, ClassVar

from pydantic import Field

from closeloop.models.base import Money
from closeloop.models.policy import ActionFacts, Facts
from closeloop.policy.check import (
    PASSED,
    ActionCheck,
    Check,
    Finding,
    Scope,
    concerns,
    failed,
    standing,
    unknown,
)
from closeloop.policy.standing import Standing
from closeloop.policy.tomlfile import MinorUnits


class Refundable(ActionCheck):
    """What this and the proposal's other actions take from the order is still left of it."""

    name: ClassVar[str] = "refundable"
    scope: ClassVar[Scope] = Scope.MONEY
    judges_change: ClassVar[bool] = True

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Compare with paid less refunded, and with what the named parts are worth."""
        if standing(facts, action) is Standing.BEGUN_HERE:
            return PASSED  # what it took itself may count as refunded already
        amount, paid, refunded = action.amount, action.paid, action.refunded
        if amount is None or paid is None or refunded is None:
            return unknown("the amount, or what was paid or refunded, is not known")
        parts = action.component_total
        if len({money.currency for money in (amount, paid, refunded, parts or amount)}) > 1:
            return unknown("the amounts are in different currencies")
        if parts is not None and amount.amount_minor > parts.amount_minor:
            return failed(f"{amount} is asked, the parts cost {parts}")
        asked = _sum_of(facts, amount.currency, order_id=action.order_id)
        if asked is None:
            return unknown("not every amount on this order is known")
        left = paid.amount_minor - refunded.amount_minor
        if asked <= left:
            return PASSED
        words = Money(amount_minor=asked, currency=amount.currency)
        rest = Money(amount_minor=max(left, 0), currency=amount.currency)
        return failed(f"{words} is asked, {rest} is left")


class WholePrice(ActionCheck):
    """What is taken is the whole price of the named parts, not some of it."""

    name: ClassVar[str] = "whole_price"
    scope: ClassVar[Scope] = Scope.MONEY
    judges_change: ClassVar[bool] = True

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Compare the amount with what the parts cost."""
        if action.amount is None or action.component_total is None:
            return unknown("the amount, or what the parts cost, is not known")
        if action.amount == action.component_total:
            return PASSED
        return failed(f"{action.amount} of {action.component_total}")


class _AtMost(ActionCheck, ABC):
    """Base of the checks that compare a sum with ``at_most`` of ``currency``."""

    scope: ClassVar[Scope] = Scope.MONEY
    judges_change: ClassVar[bool] = True

    at_most: MinorUnits
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"

    @abstractmethod
    def _sum(self, facts: Facts, action: ActionFacts) -> int | None:
        """Return the minor units to compare; None where one is missing or of other currency."""

    def look(self, facts: Facts, action: ActionFacts) -> Finding:
        """Compare the sum with the limit."""
        minor = self._sum(facts, action)
        if minor is None:
            return unknown(f"an amount is not known in {self.currency}")
        if minor <= self.at_most:
            return PASSED
        return failed(f"it is {Money(amount_minor=minor, currency=self.currency)}")

    def never_heard_beside(self, refusing: Check) -> bool:
        """Compare the limits."""
        return (
            type(refusing) is type(self)
            and refusing.currency == self.currency
            and refusing.at_most <= self.at_most
        )


class AmountAtMost(_AtMost):
    """The action alone moves at most ``at_most``."""

    name: ClassVar[str] = "amount_at_most"

    def _sum(self, facts: Facts, action: ActionFacts) -> int | None:
        amount = action.amount
        return amount.amount_minor if amount and amount.currency == self.currency else None


class CustomerDayAtMost(_AtMost):
    """The customer's day, with everything this proposal moves, is at most ``at_most``."""

    name: ClassVar[str] = "customer_day_at_most"

    def _sum(self, facts: Facts, action: ActionFacts) -> int | None:
        moved = _sum_of(facts, self.currency)
        return None if moved is None else moved + facts.customer_spent_today_minor


class TenantDayAtMost(_AtMost):
    """The tenant's day, with everything this proposal moves, is at most ``at_most``."""

    name: ClassVar[str] = "tenant_day_at_most"

    def _sum(self, facts: Facts, action: ActionFacts) -> int | None:
        moved = _sum_of(facts, self.currency)
        return None if moved is None else moved + facts.tenant_spent_today_minor


def _sum_of(facts: Facts, currency: str, *, order_id: str | None = None) -> int | None:
    """Return what the proposal would move (on one order), None where an amount is not known."""
    total = 0
    for action in facts.actions:
        if not concerns(Scope.MONEY, action) or standing(facts, action) is Standing.DONE:
            continue
        if order_id is not None and action.order_id != order_id:
            continue
        if action.amount is None or action.amount.currency != currency:
            return None
        total += action.amount.amount_minor
    return total
