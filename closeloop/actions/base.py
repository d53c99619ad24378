"""What every action kind declares: parameters, access, effect, assurance and plain words."""

import hashlib
from abc import ABC, abstractmethod
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from closeloop.models.base import Input, Money, Wire
from closeloop.models.records import CustomerRecord, OrderRecord
from closeloop.models.ticket import Assurance


class Access(StrEnum):
    """Whether an action changes something."""

    READ = "read"
    WRITE = "write"


class Effect(Wire):
    """What a WRITE changes, named before the call.

    ``components`` maps each part it claims to the minor units it is worth; two effects that claim
    the same part overlap. ``amount`` is what would move; it is None where no money does, and where
    only the payments or the shop's prices say how much, which policy then looks up.
    """

    effect_id: str
    components: dict[str, int] = Field(default_factory=dict)
    amount: Money | None = None


class ActionParams(Input):
    """Base of the parameters of every action kind, and of what they mean.

    A kind is one subclass: its fields are the parameters, its class variables what policy, the
    executor and the approval view need to know. ``kind`` is also the name of its activity.
    """

    kind: ClassVar[str]
    access: ClassVar[Access] = Access.WRITE
    assurance: ClassVar[Assurance] = Assurance.CONFIRMED
    moves_money: ClassVar[bool] = False
    internal: ClassVar[bool] = False
    """Bookkeeping of the desk's own (a note, a case, a reply): needs no consent."""
    reversible: ClassVar[bool] = False
    names_parts: ClassVar[bool] = False
    """Whether it takes some parts of an order: then a customer has to have named these."""
    remedy_words: ClassVar[tuple[str, ...]] = ()
    """Words, one of which a customer uses who asks for this remedy (lower case, by prefix)."""

    @property
    def target_order(self) -> str | None:
        """The order that the action is about."""
        return None

    @property
    def own_numbers(self) -> str:
        """What the customer alone can say: its numbers have to stand in their own words."""
        return ""

    @property
    def target_customer(self) -> str | None:
        """The customer whose own record the action is about."""
        return None


class ActionKind(ActionParams, ABC):
    """An ``ActionParams`` that can name its effect."""

    @abstractmethod
    def effect(self, ticket_id: str, order: OrderRecord | None) -> Effect:
        """Name the effect.

        Raises:
            ValueError: the parameters do not fit the order; says which and why.
        """

    @abstractmethod
    def describe(self) -> str:
        """Return one line for a tired person: what would happen."""

    def in_words(self, order: OrderRecord | None, amount: Money | None) -> str:
        """Return the exact effect as its customer reads it, as what we would do; "" if they cannot.

        ``amount`` is what would move. What only staff can read is for a person to ask about.
        """
        return ""

    def inverse(
        self, order: OrderRecord | None, customer: CustomerRecord | None
    ) -> "ActionKind | None":
        """Return the action that takes this one back; None where nothing of ours can.

        ``order`` and ``customer`` are as they stand before the action. Money has no inverse.
        """
        return None


def short_id(prefix: str, parts: tuple[str, ...]) -> str:
    """Return a readable effect id: the parts in full where they are few, else their hash."""
    joined = "+".join(parts)
    if len(joined) > 80:
        joined = hashlib.sha256(joined.encode()).hexdigest()[:24]
    return f"{prefix}:{joined}" if joined else prefix
