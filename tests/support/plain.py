"""Agents that keep nothing in memory: any worker, in any process, would answer the same."""

import re

from closeloop.models.proposal import Draft, Proposal, ProposeRequest
from closeloop.models.triage import Classification, ClassifyRequest, Confirmation
from tests.support.scripted import answer, asked_by, question, read_confirmation, refund

_ORDER = re.compile(r"#W\d+")


class PlainClassifier:
    """Takes every message for a wish for money back."""

    def classify(self, tenant: str, request: ClassifyRequest) -> Classification:
        return Classification(intent="refund_request", confidence=0.95)

    def read_confirmation(self, tenant: str, text: str) -> Confirmation:
        return read_confirmation(text)


class PlainResolver:
    """Refunds the first order named; asks where none is named; else only answers."""

    def propose(self, request: ProposeRequest) -> Proposal:
        words = " ".join(m.text for m in request.conversation if m.sender == "customer")
        named = _ORDER.search(words)
        if named is None:
            return question()
        if request.done:
            return answer("Your refund is on its way.")
        return refund(named.group())(request)


class EchoResolver:
    """Asks what else there is, naming the last message it has read."""

    def propose(self, request: ProposeRequest) -> Proposal:
        return Proposal(
            goal="ask",
            reply=Draft(text=f"I have read {asked_by(request)[-1]}. What else?"),
            asks_customer=True,
        )
