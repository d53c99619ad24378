"""What reaches a running ticket: updates, signals and queries.

Handlers only take things in: they check, keep a receipt and change the state; the main coroutine
acts on it. Signals run the same checks as updates; what they may not do is recorded as ignored.
Only ``ApplicationError`` leaves a handler.
"""

from typing import TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from closeloop.models.approval import (
        BackendEvent,
        CustomerMessage,
        Decision,
        Operation,
        UpdateReceipt,
    )
    from closeloop.models.proposal import Action, ActionRecord, ActionState
    from closeloop.models.state import TimelineEntry
    from closeloop.models.steps import RecordedEffects
    from closeloop.models.view import PendingApprovalView, TicketView, view_of
    from closeloop.names import (
        QUERY_PENDING_APPROVAL,
        QUERY_TICKET,
        QUERY_TIMELINE,
        SIGNAL_BACKEND_EVENT,
        SIGNAL_CUSTOMER_MESSAGE,
        SIGNAL_SUBMIT_DECISION,
        UPDATE_ADD_MESSAGE,
        UPDATE_DECIDE,
        UPDATE_OPERATE,
    )
    from workflows import approval, checks, comparing, deciders, levels
    from workflows import state as transitions
    from workflows.calling import decoded
    from workflows.core import TicketCore
    from workflows.patches import ADVICE_READ_BACK
    from workflows.state import Item


MAX_HINTS = 20

Sent = TypeVar("Sent", bound=BaseModel)


class TicketHandlers(TicketCore):
    """The handlers of ``TicketWorkflow``, over the state they share with it."""

    @workflow.update(name=UPDATE_ADD_MESSAGE)
    def add_message(self, message: CustomerMessage) -> UpdateReceipt:
        """Take in a message of the customer; the same id again gets the same receipt."""
        self.clock.moved()
        return self._take_message(message)

    @add_message.validator
    def _check_message(self, message: CustomerMessage) -> None:
        _refuse(approval.message_problem(self._state, message))

    @workflow.signal(name=SIGNAL_CUSTOMER_MESSAGE)
    def customer_message(self, raw: RawValue) -> None:
        """Take in a ``CustomerMessage`` from an ingress that cannot redeliver."""
        self.clock.moved()
        message = self._read(raw, CustomerMessage)
        problem = message and approval.message_problem(self._state, message)
        if message is not None and problem is None:
            self._take_message(message)
        elif problem is not None:
            self._note("ignored", f"message: {problem.code}: {problem.message}")

    @workflow.update(name=UPDATE_DECIDE)
    async def decide(self, decision: Decision) -> UpdateReceipt:
        """Take a person's decision on the open request.

        Raises:
            ApplicationError: its type is the refusal's code, for example ``stale_request``.
        """
        self.clock.moved()
        return await self._take_decision(decision)

    @decide.validator
    def _check_decision(self, decision: Decision) -> None:
        if self._known("decision", decision.decision_id) is None:
            now = workflow.now()
            _refuse(
                deciders.decision_problem(self._state, decision, now)
                or deciders.late_problem(self._state, decision, now)
            )

    @workflow.signal(name=SIGNAL_SUBMIT_DECISION)
    async def submit_decision(self, raw: RawValue) -> None:
        """Take a ``Decision`` from an ingress that cannot wait for the answer."""
        self.clock.moved()
        decision = self._read(raw, Decision)
        if decision is None:
            return
        try:
            await self._take_decision(decision)
        except ApplicationError as refusal:
            self._ignored(f"decision {decision.decision_id}", refusal)

    @workflow.update(name=UPDATE_OPERATE)
    async def operate(self, operation: Operation) -> UpdateReceipt:
        """Claim a request, take over, hand back, record a resolution, or lower the mode.

        Raises:
            ApplicationError: its type is the refusal's code, for example ``not_escalated``.
        """
        self.clock.moved()
        known = self._known("operation", operation.operation_id)
        if known is not None:
            return known
        await checks.check_approver(self._state, operation.approver, None, operation)
        effects = RecordedEffects()
        if operation.resolution is not None:
            advised = comparing.advised(self._state)
            if advised and not self._patches.patched(ADVICE_READ_BACK):
                advised = ()
            if operation.resolution.effects or advised:
                effects = await checks.verify_resolution(
                    self._state, operation, operation.resolution, advised
                )
        if operation.resolution is not None:
            recorded = _recorded(operation, effects)
            await checks.check_recorded_reply(self._state, operation.resolution, recorded)
        known = self._known("operation", operation.operation_id)
        if known is not None:  # a second delivery overtook this one
            return known
        _refuse(deciders.operation_problem(self._state, operation, self.clock.now()))
        self._operate(operation, effects)
        return self._receipt("operation", operation.operation_id)

    @operate.validator
    def _check_operation(self, operation: Operation) -> None:
        if self._known("operation", operation.operation_id) is None:
            _refuse(deciders.operation_problem(self._state, operation, workflow.now()))

    @workflow.signal(name=SIGNAL_BACKEND_EVENT)
    def backend_event(self, raw: RawValue) -> None:
        """Take a ``BackendEvent``: a hint that causes a read-back, and proves nothing."""
        self.clock.moved()
        event = self._read(raw, BackendEvent)
        if event is None or self._known("event", event.event_id) is not None:
            return
        self._receipt("event", event.event_id)
        hints = (*self._state.hints, event)[-MAX_HINTS:]
        self._state = self._state.model_copy(update={"hints": hints})
        self._note("backend hint", f"{event.kind} {event.effect_id or ''}")

    @workflow.query(name=QUERY_TICKET)
    def get_ticket(self) -> TicketView:
        """Return the whole ticket."""
        return view_of(self._state)

    @workflow.query(name=QUERY_PENDING_APPROVAL)
    def get_pending_approval(self) -> PendingApprovalView | None:
        """Return the request that waits for a person, if there is one."""
        return view_of(self._state).pending_approval

    @workflow.query(name=QUERY_TIMELINE)
    def get_timeline(self) -> tuple[TimelineEntry, ...]:
        """Return what happened, oldest first."""
        return self._state.timeline

    def _read(self, raw: RawValue, model: type[Sent]) -> Sent | None:
        """Decode a signal; the SDK would drop one that does not decode without a trace here."""
        try:
            return decoded(raw, model)
        except ValueError:
            self._note("ignored", f"signal: it cannot be read as a {model.__name__}")
            return None

    def _take_message(self, message: CustomerMessage) -> UpdateReceipt:
        known = self._known("message", message.message_id)
        if known is not None:
            return known
        now = self.clock.now()
        state = transitions.received(self._state, message.message_id, message.text, now)
        self._state = levels.asked(state, now)
        return self._receipt("message", message.message_id)

    async def _take_decision(self, decision: Decision) -> UpdateReceipt:
        known = self._known("decision", decision.decision_id)
        if known is not None:
            return known
        _refuse(deciders.decision_problem(self._state, decision, self.clock.now()))
        await checks.check_approver(self._state, decision.approver, decision, None)
        await checks.check_decided_reply(self._state, decision)
        known = self._known("decision", decision.decision_id)
        if known is not None:
            return known
        _refuse(deciders.decision_problem(self._state, decision, self.clock.now()))
        first = deciders.needs_second(self._state, decision)
        self._state = self._state.model_copy(update={"decision": decision})
        reason = deciders.SECOND_NEEDED if first else None
        return self._receipt("decision", decision.decision_id, reason)

    def _operate(self, operation: Operation, effects: RecordedEffects) -> None:
        state = self._state
        match operation.operation:
            case "claim":
                state = deciders.claimed(state, operation.approver, self.clock.now())
            case "take_over":
                state = state.model_copy(update={"taken_by": operation.approver})
            case "hand_back":
                state = state.model_copy(update={"handed_back": True})
            case "lower_mode":
                state = state.model_copy(update={"mode_cap": operation.mode})
            case "record_resolution":
                records = _recorded(operation, effects)
                state = comparing.done_by_person(state, records, self.clock.now())
                state = state.model_copy(
                    update={
                        "recorded": operation.resolution,
                        "actions": (*state.actions, *records)[-transitions.MAX_ACTIONS :],
                    }
                )
        self._state = state
        self._note(operation.operation.replace("_", " "), f"by {operation.approver}")

    def _known(self, what: Item, item_id: str) -> UpdateReceipt | None:
        return self._state.receipts.get(transitions.receipt_key(what, item_id))

    def _receipt(self, what: Item, item_id: str, reason: str | None = None) -> UpdateReceipt:
        receipt = UpdateReceipt(
            ticket_id=self._state.ticket.ticket_id,
            id=item_id,
            accepted=True,
            status=self._state.status,
            reason=reason,
        )
        key = transitions.receipt_key(what, item_id)
        self._state = transitions.with_receipt(self._state, key, receipt)
        return receipt

    def _ignored(self, what: str, refusal: ApplicationError) -> None:
        self._note("ignored", f"{what}: {refusal.type}: {refusal.message}")


def _refuse(problem: approval.Problem | None) -> None:
    if problem is not None:
        raise ApplicationError(problem.message, type=problem.code, non_retryable=True)


def _recorded(operation: Operation, effects: RecordedEffects) -> tuple[ActionRecord, ...]:
    resolution = operation.resolution
    done = resolution.effects if resolution else ()
    advised = tuple(
        ActionRecord(
            action=one.action.model_copy(
                update={
                    "action_id": checks.person_action_id(operation, len(done) + position),
                    "reason": "done by a person, as it was advised",
                }
            ),
            effect_id=one.effect_id,
            state=ActionState.VERIFIED,
            attempts=1,
            receipt=one.receipt,
        )
        for position, one in enumerate(effects.advised, start=1)
    )
    return advised + tuple(
        ActionRecord(
            action=Action(
                action_id=checks.person_action_id(operation, position),
                kind=effect.kind,
                params=effect.params,
                reason=f"done by {operation.approver}",
            ),
            effect_id=effect_id,
            state=ActionState.VERIFIED,
            attempts=1,
            receipt=receipt,
        )
        for position, (effect, effect_id, receipt) in enumerate(
            zip(done, effects.effect_ids, effects.receipts, strict=True), start=1
        )
    )
