"""How a ticket asks for a yes to exactly what it would do, and keeps it."""

from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.base import clip
    from closeloop.models.identity import Consent, EffectAsked
    from closeloop.models.policy import ActionFacts, Judgement
    from closeloop.models.state import Phase, TicketState
    from closeloop.models.ticket import Mode, Status
    from workflows import approval, conversation, identity_calls, notices
    from workflows import state as transitions
    from workflows.core import TicketCore

MAX_ASKED: Final = 6
"""About how many effects the customer of one ticket is asked at most; then people are."""
MAX_EFFECT_CHARS: Final = 400


def to_ask(state: TicketState, judgement: Judgement) -> tuple[ActionFacts, ...]:
    """Return the effects that the customer is asked about before anybody else is; pure.

    None where a person looks at everything anyway, where an effect cannot be said to a customer,
    and where they were asked about it before and did not say yes.
    """
    if not state.terms.asks_consent or approval.mode_cap(state) is not Mode.AUTONOMOUS:
        return ()
    facts = tuple(f for f in judgement.facts.actions if f.action_id in judgement.lacks_consent)
    before = {asked.digest for asked in state.consent_asked}
    if len(before) + len(facts) > MAX_ASKED:
        return ()
    sayable = all(f.in_words and f.effect is not None and f.digest not in before for f in facts)
    return facts if sayable else ()


class ConsentingSteps(TicketCore):
    """Ask for consent, and hear it."""

    async def _ask_consent(self, effects: tuple[ActionFacts, ...]) -> None:
        """Ask about effects by name: the plan waits, as it is, for the answer."""
        asked = tuple(
            EffectAsked(effect_id=facts.effect.effect_id, digest=facts.digest)
            for facts in effects
            if facts.effect is not None
        )
        lines = "\n".join(f"- {clip(facts.in_words, MAX_EFFECT_CHARS)}" for facts in effects)
        names = ", ".join(one.effect_id for one in asked)
        self._note("consent asked", names)
        if await self._send(notices.CONSENT.format(effects=lines), Status.AWAITING_CUSTOMER):
            self._set(
                consent_asked=(*self._state.consent_asked, *asked),
                consent_open=True,
                question_id=f"r{self._state.reply_count}",
            )
            self._rest_with_customer(final=False)
        else:
            self._hand_over("reply_failed", "The customer could not be asked to agree.", "")

    async def _hear_consent(self) -> None:
        """Read the answer to what was asked last; only a plain yes lets the plan go on."""
        messages = conversation.unread(self._state)
        word = await identity_calls.read_consent(self._state, "\n".join(m.text for m in messages))
        self._set(consent_open=False)
        now = self.clock.now()
        if word.answer == "yes":
            self._agreed(messages[-1].message_id)
            self._state = conversation.handled(self._state, [m.message_id for m in messages])
            self._go(Phase.JUDGE, Status.WORKING)
            return
        await self._abandon("not_agreed")
        if word.answer == "other":
            self._go(Phase.UNDERSTAND, Status.WORKING)
            return
        self._state = transitions.event(self._state, now, "consent_refused")
        self._note("consent refused")
        self._state = conversation.handled(self._state, [m.message_id for m in messages])
        if await self._send(notices.NOT_DONE, Status.AWAITING_CUSTOMER):
            self._rest_with_customer(final=False)
        else:
            self._hand_over("reply_failed", "The customer could not be answered.", "")

    def _agreed(self, message_id: str) -> None:
        """Keep the yes, bound to each effect that the last question named."""
        now = self.clock.now()
        proposal = self._state.proposal
        names = [action.action_id for action in proposal.actions] if proposal else []
        judgement = self._state.judgement
        facts = judgement.facts.actions if judgement else ()
        digests = {f.digest for f in facts if f.action_id in names and f.digest}
        given = tuple(
            Consent(message_id=message_id, effect_id=one.effect_id, digest=one.digest, at=now)
            for one in self._state.consent_asked
            if one.digest in digests
        )
        self._set(consents=given)
        for one in given:
            self._state = transitions.event(
                self._state, now, "consented", effect_id=one.effect_id, message_id=one.message_id
            )
            self._note("consented", f"{one.effect_id}, by message {one.message_id}")
