"""What there is to support a reply: passages, records, receipts, and what is about to be done."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from closeloop.models.base import Money
from closeloop.models.knowledge import Passage
from closeloop.models.records import OrderRecord
from closeloop.policy.vocabulary import words_of


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What there is to support a reply.

    ``named`` are the orders that the reply names, and ``refunded`` is about them: what happened to
    another order proves nothing. ``passages`` were retrieved for the ticket and still exist;
    ``records`` is every word on record about the customer and their orders; ``pending`` are the
    kinds of action that a receipt will prove before the reply is sent, and ``changes`` says that
    one is more than bookkeeping. ``own`` is what the ticket itself says of its customer, ``desk``
    the addresses of its people, and ``strangers`` are other customers' names in the reply.
    """

    passages: tuple[Passage, ...] = ()
    orders: tuple[OrderRecord, ...] = ()
    named: tuple[OrderRecord, ...] = ()
    amounts: frozenset[Money] = frozenset()
    times: tuple[datetime, ...] = ()
    refunded: bool = False
    records: str = ""
    receipts: str = ""
    receipt_amounts: frozenset[Money] = frozenset()
    done: frozenset[str] = frozenset()
    pending: frozenset[str] = frozenset()
    changes: bool = False
    customer: str = ""
    own: str = ""
    desk: str = ""
    strangers: frozenset[str] = frozenset()
    now: datetime

    @cached_property
    def articles(self) -> tuple[Passage, ...]:
        """The passages that may support a fact."""
        return tuple(passage for passage in self.passages if passage.kind != "past_ticket")

    @cached_property
    def rules(self) -> tuple[Passage, ...]:
        """The passages that say what a customer may have."""
        return tuple(passage for passage in self.passages if passage.kind == "policy")

    @cached_property
    def known(self) -> frozenset[str]:
        """The words of all that a reply may speak about; a past ticket's are no subject."""
        texts = [f"{passage.title} {passage.text}" for passage in self.articles]
        return words_of(" ".join([*texts, self.records, self.receipts]))

    @cached_property
    def items(self) -> frozenset[str]:
        """The words by which the customer's items are known."""
        lines = (line for order in self.orders for line in order.lines)
        return words_of(" ".join(" ".join([line.name, *line.options.values()]) for line in lines))
