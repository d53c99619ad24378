"""How a ticket calls activities: results decoded inside ``try``, failures of one kind."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    FailureError,
    TimeoutError,
)

with workflow.unsafe.imports_passed_through():
    from activities.failures import MODEL_REFUSED, MODEL_UNAVAILABLE, REFUSED
    from closeloop.models.base import clip
    from closeloop.models.proposal import ActionError
    from closeloop.models.spending import ModelCall
    from closeloop.models.state import TicketState
    from workflows import options
    from workflows.clock import Clock

Given = TypeVar("Given", bound=BaseModel)
Result = TypeVar("Result", bound=BaseModel)

UNDECODABLE = "undecodable_result"
MAX_SUMMARY = 120
"""Servers refuse long summaries, and with them the workflow task."""


class CallFailed(Exception):
    """An activity ended without a result.

    ``refused`` says that the backend said no for a business reason, so that nothing happened;
    ``unanswered``, that a language model, or nobody at all, had an answer; ``calls`` are those
    that were paid for nevertheless.
    """

    def __init__(
        self,
        activity: str,
        problem: ActionError,
        *,
        refused: bool,
        unanswered: bool = False,
        calls: tuple[ModelCall, ...] = (),
    ) -> None:
        """Keep the activity's name and what went wrong, bounded."""
        super().__init__(f"{activity}: {problem.message}")
        self.problem = problem
        self.refused = refused
        self.unanswered = unanswered
        self.calls = calls


async def remote(
    state: TicketState,
    activity: Callable[[Any, Given], Result] | str,
    given: Given,
    result: type[Result],
    *,
    summary: str,
    how: options.RemoteOptions,
) -> Result:
    """Run an activity on the queue of the backends.

    An undecodable result would wedge the workflow if the SDK met it; here it is a failed call.

    Raises:
        CallFailed: it ended without a result, or with one that is not ``result``.
        asyncio.CancelledError: the ticket was cancelled meanwhile.
    """
    name = activity if isinstance(activity, str) else activity.__name__
    level = state.classification.priority if state.classification else None
    try:
        raw: RawValue = await workflow.execute_activity(
            name,
            given,
            result_type=RawValue,
            summary=clip(summary, MAX_SUMMARY),
            priority=options.priority(state.ticket.tenant, level),
            **how,
        )
    except FailureError as error:
        raise _failed(name, error) from error
    finally:
        _clock().moved()
    try:
        return decoded(raw, result)
    except ValueError as error:
        problem = ActionError(code=UNDECODABLE, message=clip(str(error), 300))
        raise CallFailed(name, problem, refused=False) from error


def decoded(raw: RawValue, model: type[Result]) -> Result:
    """Return what came as a model.

    Raises:
        ValueError: it is no such thing; says why.
    """
    try:
        value: object = workflow.payload_converter().from_payload(raw.payload, model)
    except Exception as error:  # whatever a converter raises
        raise ValueError(f"not a {model.__name__}: {error}") from error
    if not isinstance(value, model):  # an empty payload decodes as None, whatever was asked for
        raise ValueError(f"not a {model.__name__}: {type(value).__name__}")
    return value


async def local(
    activity: Callable[[Any, Given], Result],
    given: Given,
    *,
    summary: str,
    how: options.LocalOptions,
) -> Result:
    """Run a quick read on the workflow's own worker.

    Raises:
        CallFailed: it ended without a result.
        asyncio.CancelledError: the ticket was cancelled meanwhile.
    """
    clock = _clock()
    clock.before_local()
    try:
        return await workflow.execute_local_activity_method(
            activity, given, summary=clip(summary, MAX_SUMMARY), **how
        )
    except FailureError as error:
        raise _failed(activity.__name__, error) from error
    finally:
        clock.after_local()


def _clock() -> Clock:
    """Return the clock of the ticket that calls."""
    clock: Clock = workflow.instance().clock
    return clock


def _failed(name: str, error: FailureError) -> CallFailed:
    # A local activity's failure comes as it is, a remote one's as the cause of an ActivityError.
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, CancelledError):  # not the activity's doing: the whole ticket is cancelled
        raise asyncio.CancelledError from error
    if isinstance(cause, ApplicationError):
        refused = cause.type == REFUSED
        coded = cause.type in (REFUSED, MODEL_REFUSED) and cause.details
        code = str(cause.details[0]) if coded else cause.type or "failed"
        problem = ActionError(code=clip(code, 80), message=clip(cause.message, 300))
        unanswered = cause.type in (MODEL_REFUSED, MODEL_UNAVAILABLE)
        return CallFailed(name, problem, refused=refused, unanswered=unanswered, calls=_paid(cause))
    kind = type(cause).__name__ if cause else "ActivityError"
    problem = ActionError(code=kind, message=clip(str(cause or error), 300))
    return CallFailed(name, problem, refused=False, unanswered=isinstance(cause, TimeoutError))


def _paid(error: ApplicationError) -> tuple[ModelCall, ...]:
    """Return the model calls that a failure names; none where it is not ours."""
    if error.type != MODEL_REFUSED or len(error.details) < 2:
        return ()
    try:
        return TypeAdapter(tuple[ModelCall, ...]).validate_python(error.details[1])
    except ValidationError:
        return ()
