"""When the offline models stand in for the language models, and what those cost: pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.base import clip
    from closeloop.models.proposal import ActionError
    from closeloop.models.spending import ModelCall
    from closeloop.models.state import StandIn, TicketState
    from closeloop.models.ticket import Mode
    from workflows import state as transitions

WHY: Final[dict[StandIn, str]] = {
    "models_down": "The language models do not answer; the offline ones stand in.",
    "over_budget": "The ticket's budget for language models is spent; the offline ones stand in.",
}


def stands_in(state: TicketState) -> bool:
    """Return whether the offline models are asked now."""
    return state.stand_in is not None


def cap(state: TicketState) -> Mode:
    """Return the most that may be done by whoever is asked now: a person looks at a stand-in."""
    return Mode.ASSISTED if stands_in(state) else Mode.AUTONOMOUS


def reasons(state: TicketState) -> tuple[str, ...]:
    """Return why the mode is no higher, as far as it is for this."""
    return () if state.stand_in is None else (WHY[state.stand_in],)


def asking_again(state: TicketState) -> TicketState:
    """Return the state in which models that were down are asked as if they were not."""
    return _standing(state, None) if state.stand_in == "models_down" else state


def went_down(state: TicketState, problem: ActionError, now: datetime) -> TicketState:
    """Return the state after the models gave no answer; the rest of the turn is offline."""
    first = state.stand_in is None
    state = transitions.note(state, now, "models down", f"{problem.code}: {problem.message}")
    if first:
        state = transitions.event(state, now, "models_down", code=clip(problem.code, 80))
    return _begun(state, "models_down", now)


def came_back(state: TicketState, now: datetime) -> TicketState:
    """Return the state after models that were down have answered again."""
    state = transitions.note(state, now, "models back", "the language models answer again")
    return _standing(transitions.event(state, now, "models_back"), None)


def within_budget(state: TicketState, now: datetime) -> TicketState:
    """Return the state as it is, or with the offline models once the budget is spent, for good."""
    budget = state.terms.model_budget_micros
    if budget is None or state.cost.usd_micros < budget or state.stand_in == "over_budget":
        return state
    spent = state.cost.usd_micros
    state = transitions.note(state, now, "budget spent", f"{spent} of {budget} millionths of USD")
    state = transitions.event(state, now, "model_budget_spent", usd_micros=spent)
    return _begun(state, "over_budget", now)


def spent(state: TicketState, calls: Sequence[ModelCall], now: datetime) -> TicketState:
    """Add calls to the ticket's cost; each is an outcome of its own."""
    for call in calls:
        cost = state.cost
        cost = cost.model_copy(
            update={
                "usd_micros": cost.usd_micros + call.usd_micros,
                "input_tokens": cost.input_tokens + call.input_tokens,
                "output_tokens": cost.output_tokens + call.output_tokens,
            }
        )
        state = state.model_copy(update={"cost": cost})
        state = transitions.event(state, now, "model_called", **call.model_dump())
    return state


def _begun(state: TicketState, why: StandIn, now: datetime) -> TicketState:
    return transitions.lowered(_standing(state, why), Mode.ASSISTED, (WHY[why],), now)


def _standing(state: TicketState, why: StandIn | None) -> TicketState:
    return state.model_copy(update={"stand_in": why})
