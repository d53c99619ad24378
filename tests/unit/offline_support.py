"""A desk for the offline resolver: the embedded shop and payments, and the example articles."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

from closeloop.actions.base import ActionKind
from closeloop.actions.catalogue import WORKFLOW_ONLY, parse
from closeloop.actions.refunds import RefundPayment
from closeloop.bootstrap import index_knowledge_base
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.knowledge.encoder import SentenceEncoder
from closeloop.knowledge.sqlite import SqliteKnowledge
from closeloop.models.base import Money
from closeloop.models.proposal import (
    Action,
    ActionRecord,
    ActionState,
    ConversationMessage,
    Observation,
    Proposal,
    ProposeRequest,
    Receipt,
)
from closeloop.models.rendering import render_reply
from closeloop.models.ticket import Assurance
from closeloop.models.triage import Classification, ClassifyRequest
from closeloop.offline.classifier import OfflineClassifier
from closeloop.offline.resolver import OfflineResolver

TENANT = "default"
PASSAGES = 6
AT = datetime(2026, 3, 1, tzinfo=UTC)

_ENCODER = SentenceEncoder()
"""Loaded once for all desks of a process."""
Kind = Literal["answer", "question", "escalation"]


class Us(str):
    """Something that we wrote to the customer."""

    __slots__ = ()


class Desk:
    """Backends, knowledge and the resolver over them; close it, or use it in ``with``."""

    def __init__(self, folder: Path, *, shop_file: Path | None = None) -> None:
        """Seed the example shop, or ``shop_file``, and index the example articles."""
        self.backends = EmbeddedBackends(folder / "backends.db", shop_file=shop_file)
        self.knowledge = SqliteKnowledge(folder / "knowledge.db", _ENCODER)
        index_knowledge_base(self.knowledge, [TENANT])
        self.resolver = OfflineResolver(self.backends.shop, self.backends.payments, self.knowledge)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the files."""
        self.backends.close()
        self.knowledge.close()

    def request(
        self,
        intent: str,
        *said: str,
        who: str | None,
        assurance: Assurance | str = Assurance.CHANNEL_VERIFIED,
        subject: str = "My order",
        confidence: float = 0.9,
        observations: Sequence[Observation] = (),
        done: Sequence[ActionRecord] = (),
        order_ids: Sequence[str] = (),
        item_mentions: Sequence[str] = (),
        about: str = "",
    ) -> ProposeRequest:
        """Return a request as the workflow makes it, with passages found for the words.

        ``about`` adds words to what knowledge is searched for.
        """
        words = " ".join([intent.replace("_", " "), subject, about, *said])
        found = self.knowledge.search(TENANT, words, limit=PASSAGES)
        return ProposeRequest(
            tenant=TENANT,
            ticket_id="T-1",
            proposal_number=1,
            customer_id=who,
            display_name=who.partition("_")[0].title() if who else None,
            assurance=assurance,
            subject=subject,
            classification_intent=intent,
            confidence=confidence,
            order_ids=tuple(order_ids),
            item_mentions=tuple(item_mentions),
            passage_ids=tuple(passage.passage_id for passage in found),
            conversation=tuple(
                ConversationMessage(
                    message_id=f"m{number}",
                    sender="closeloop" if isinstance(text, Us) else "customer",
                    text=text,
                )
                for number, text in enumerate(said, start=1)
            ),
            observations=tuple(observations),
            done=tuple(done),
        )

    def propose(self, request: ProposeRequest) -> Proposal:
        """Return the resolver's proposal, checked for what every proposal has to be."""
        proposal = self.resolver.propose(request)
        check(self, request, proposal)
        return proposal


def ask(classifier: OfflineClassifier, *messages: str, subject: str = "") -> Classification:
    """Return how the customer's messages are read."""
    return classifier.classify(TENANT, ClassifyRequest(subject=subject, messages=messages))


def plan(desk: Desk, intent: str, *said: str | Us, who: str, about: str = "") -> Proposal:
    """Return what is proposed to a customer of whom the desk is sure."""
    request = desk.request(intent, *said, who=who, assurance=Assurance.CONFIRMED, about=about)
    return desk.propose(request)


def kind_of(proposal: Proposal) -> Kind:
    """Return which of the three a proposal is; exactly one of them."""
    if proposal.escalation is not None:
        assert proposal.reply is None
        assert not proposal.actions
        assert not proposal.asks_customer
        return "escalation"
    assert proposal.reply is not None
    if proposal.asks_customer:
        assert not proposal.actions
        return "question"
    return "answer"


def check(desk: Desk, request: ProposeRequest, proposal: Proposal) -> None:
    """Assert what holds for every proposal, whatever was written."""
    kind_of(proposal)
    assert not proposal.commitments
    own = {order.order_id for order in desk.backends.shop.list_orders(TENANT, _id(request))}
    asked = {m.message_id for m in request.conversation if m.sender == "customer"}
    for action in proposal.actions:
        params = parse(action)
        assert action.kind not in WORKFLOW_ONLY
        assert params.target_order is None or params.target_order in own
        assert request.assurance in list(Assurance)
        assert Assurance(request.assurance).rank >= params.assurance.rank
        assert action.requested_by
        assert set(action.requested_by) <= asked
        assert action.reason
        if isinstance(params, RefundPayment):
            assert_affordable(desk, params)
    if proposal.reply is not None:
        assert set(proposal.reply.cites) <= set(request.passage_ids)
        rendered = render_reply(proposal.reply, [receipt_for(a) for a in proposal.actions])
        assert rendered.endswith("The support team")


def assert_affordable(desk: Desk, params: RefundPayment) -> None:
    """Assert that a refund asks for no more than is left of what was paid."""
    order = desk.backends.shop.get_order(TENANT, params.order_id)
    assert order is not None
    amount = params.effect("T-1", order).amount
    assert amount is not None
    paid = desk.backends.payments.list_payments(TENANT, order.order_id)
    back = desk.backends.payments.list_refunds(TENANT, order.order_id)
    left = sum(p.amount.amount_minor for p in paid) - sum(r.amount.amount_minor for r in back)
    assert 0 < amount.amount_minor <= left


def _id(request: ProposeRequest) -> str:
    return request.customer_id or ""


def receipt_for(action: Action, *, receipt_id: str = "re_1", minor: int = 2490) -> ActionRecord:
    """Return the action as verified."""
    receipt = Receipt(
        receipt_id=receipt_id, summary="done", amount=Money(amount_minor=minor), at=AT
    )
    return ActionRecord(
        action=action, effect_id="e", state=ActionState.VERIFIED, attempts=1, receipt=receipt
    )


def the_action(proposal: Proposal) -> ActionKind:
    """Return the one action of a proposal, with exact parameters."""
    (action,) = proposal.actions
    return parse(action)


def text_of(proposal: Proposal) -> str:
    """Return the text of the reply."""
    assert proposal.reply is not None
    return proposal.reply.text


def reason_of(proposal: Proposal) -> str:
    """Return why a person is to take over."""
    assert proposal.escalation is not None
    return proposal.escalation.reason


def refused(
    code: str, message: str = "A rule says no.", kind: str = "refund_payment"
) -> Observation:
    """Return policy's word on an action."""
    return Observation(kind="refused", action_kind=kind, code=code, message=message)


def rejected(code: str, words: str = "no") -> Observation:
    """Return an approver's rejection."""
    return Observation(kind="rejected", code=code, message=words)
