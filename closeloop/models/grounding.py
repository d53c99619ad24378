"""What a reply rests on, and what of it rests on nothing."""

from enum import StrEnum
from typing import Literal

from closeloop.models.base import Wire
from closeloop.models.proposal import ActionRecord, CommitmentDraft


class Evidence(StrEnum):
    """What supports a statement, the strongest first; a kind, not a degree of confidence."""

    RECEIPT = "receipt"
    POLICY = "policy"
    RECORD = "record"
    DOCUMENTED = "documented"
    NONE = "none"


ClaimKind = Literal[
    "citation",
    "amount",
    "date",
    "period",
    "order",
    "effect",
    "promise",
    "person",
    "eligibility",
    "reference",
    "contact",
    "secret",
    "off_topic",
    "voice",
    "threshold",
]


class Ungrounded(Wire):
    """A claim that nothing supports: its words, and what its writer has to do about it."""

    kind: ClaimKind
    words: str
    why: str

    def __str__(self) -> str:
        """Return it in one line, for the resolver and for an approver."""
        return f"{self.words!r}: {self.why}"


class Grounding(Wire):
    """What a reply rests on: the kinds of evidence found, and every claim without any.

    ``noted`` says that it shows the receipt of the desk's own bookkeeping.
    """

    evidence: tuple[Evidence, ...] = ()
    problems: tuple[Ungrounded, ...] = ()
    question: bool = False
    noted: bool = False

    @property
    def strongest(self) -> Evidence:
        """The strongest evidence that the reply has."""
        ranked = list(Evidence)
        return min(self.evidence, key=ranked.index, default=Evidence.NONE)

    @property
    def on_nothing(self) -> bool:
        """Whether it is an answer without any evidence; a question needs none."""
        return not self.question and self.strongest is Evidence.NONE


class ReplyToCheck(Wire):
    """A reply before it is sent, with what its ticket has to support it.

    ``passage_ids`` were retrieved for the ticket, ``done`` are its actions with receipts. What a
    person writes (``by_person``) is theirs to answer for, but for effects that nobody read back and
    for what is somebody else's; ``own`` is what the ticket says of its customer. A draft that they
    ``edited`` promises no time and no call without a commitment: nobody else would keep it.
    """

    text: str
    cites: tuple[str, ...] = ()
    commitments: tuple[CommitmentDraft, ...] = ()
    asks_customer: bool = False
    passage_ids: tuple[str, ...] = ()
    done: tuple[ActionRecord, ...] = ()
    by_person: bool = False
    edited: bool = False
    own: tuple[str, ...] = ()
