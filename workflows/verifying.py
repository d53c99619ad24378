"""How a ticket finds out who writes: by a one-time code to the contact on file.

What the customer reads is the same whether or not they, or what they speak of, exist.
"""

from datetime import timedelta
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.identity import CodeTerms, Verification
    from closeloop.models.state import Phase
    from closeloop.models.ticket import Assurance, Mode, Status
    from workflows import approval, conversation, identity, identity_calls, notices
    from workflows import state as transitions
    from workflows.calling import CallFailed
    from workflows.core import TicketCore

LOCKED: Final = "identity_locked"
CONTACT_CHANGED: Final = "contact_changed"


class VerifyingSteps(TicketCore):
    """Ask for a code, and hear it."""

    async def _verify(self) -> None:
        """Ask the customer for a code; a new one is sent unless one that was sent is still good."""
        await self._abandon("identity")
        terms = identity.code_terms(self._state)
        assert terms is not None
        waiting = self._state.verification
        if identity.awaits_code(self._state, self.clock.now()):
            assert waiting is not None
            text = notices.CODE_WRONG if waiting.last == "wrong" else notices.CODE_WAITS
        elif await self._send_code(terms):
            expired = waiting is not None and waiting.last == "expired"
            text = notices.CODE_EXPIRED if expired else notices.CODE_SENT
        else:
            return
        if await self._send(text, Status.AWAITING_CUSTOMER):
            self._set(question_id=f"r{self._state.reply_count}")
            self._rest_with_customer(final=False)
        else:
            self._hand_over("reply_failed", "The customer could not be asked for a code.", "")

    async def _send_code(self, terms: CodeTerms) -> bool:
        """Send another code; False where people have to look instead."""
        waiting = self._state.verification or Verification()
        number = waiting.number + 1
        now = self.clock.now()
        sent = await identity_calls.send_code(self._state, number, terms)
        if sent.outcome != "sent":
            self._locked_out(sent.outcome)
            return False
        expires_at = now + timedelta(seconds=terms.expiry_seconds)
        self._set(
            verification=Verification(number=number, expires_at=expires_at, given=waiting.given)
        )
        self._state = transitions.event(self._state, now, "code_sent", number=number)
        self._note(
            "code asked for", f"number {number}, sent to the contact on file if there is one"
        )
        return True

    async def _hear_codes(self) -> None:
        """Check the codes that came, before anything else is made of the messages they came in."""
        waiting, terms = self._state.verification, self._state.terms.codes
        if waiting is None or not waiting.given or terms is None:
            return
        try:
            checked = await identity_calls.check_code(self._state, waiting.given, terms)
        except CallFailed as failure:
            self._state = identity.checked(self._state, waiting.given, "expired")
            self._note("code not checked", failure.problem.message)
            self._put_to_people("step_failed", "A code could not be checked.")
            return
        now = self.clock.now()
        self._state = identity.checked(self._state, waiting.given, checked.outcome)
        match checked.outcome:
            case "right":
                self._state = transitions.event(
                    self._state, now, "identity_confirmed", number=waiting.number
                )
                self._note("identity confirmed", "by the code sent to the contact on file")
                self._answered_by_codes(Phase.PROPOSE)
            case "wrong":
                self._state = transitions.event(self._state, now, "code_wrong", left=checked.left)
                self._note("wrong code", f"{checked.left} more may be wrong")
                self._answered_by_codes(Phase.VERIFY)
            case "expired":
                self._note("code not good any more")
                self._answered_by_codes(Phase.VERIFY)
            case "locked":
                self._note("wrong code", "no more may be wrong")
                self._locked_out("locked")

    def _answered_by_codes(self, phase: Phase) -> None:
        """Go on without reading anew, where a customer whom we asked sent codes alone."""
        state = self._state
        waits = state.phase is Phase.CONFIRM and state.status is Status.AWAITING_CUSTOMER
        unread = [m.message_id for m in conversation.unread(state)]
        if waits and unread and identity.only_codes(state) and state.question_id is not None:
            self._state = conversation.handled(state, unread)
            self._go(phase, Status.WORKING)

    def _locked_out(self, why: str) -> None:
        if why == "contact_changed":
            self._put_to_people(
                CONTACT_CHANGED,
                "The contact on file was changed lately, so no code is sent to it.",
            )
            return
        self._state = transitions.event(self._state, self.clock.now(), "identity_locked")
        self._put_to_people(
            LOCKED, "Too many codes were wrong, or asked for: nobody knows who is writing."
        )

    def _put_to_people(self, reason: str, summary: str) -> None:
        if self._state.status is Status.ESCALATED:
            self._note(reason, summary)
            return
        advice = "Find out who writes before anything is told or changed."
        self._hand_over(reason, summary, advice)

    def _needs_code(self, needed: Assurance | None) -> bool:
        """Whether something waits for us to be surer who writes, and a code may make us so."""
        asks = approval.mode_cap(self._state) is Mode.AUTONOMOUS
        if needed is None or not asks or identity.code_terms(self._state) is None:
            return False
        return needed.rank > identity.assurance(self._state).rank
