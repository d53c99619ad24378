"""How a ticket's workflow is called: patience, repetition, and Temporal's failures in our words."""

import asyncio
import os
import re
import sys
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, NoReturn, TypeVar

from pydantic import BaseModel
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from closeloop.dev_json import read_dev_json
from closeloop.errors import (
    BadInput,
    CloseloopError,
    ConfigurationError,
    NotFound,
    Refused,
    Unavailable,
    closed,
)
from closeloop.models.approval import UpdateReceipt
from closeloop.models.base import clip
from closeloop.names import parse_workflow_id
from closeloop.settings import Settings

CONNECT_SECONDS: Final = 5.0
RPC_TIMEOUT: Final = timedelta(seconds=10)
"""For calls that the server answers by itself, within milliseconds."""
ANSWER_SECONDS: Final = 5.0
"""How long one attempt waits for a worker; a healthy one answers within a second."""

_DEFAULT_ADDRESS: Final = "localhost:7233"
_CODE: Final = re.compile(r"[a-z][a-z0-9_]*")
_DROPPED_AT_CLOSE: Final = "AcceptedUpdateCompletedWorkflow"
"""The server's word for an update whose run ended before its handler did."""
_PASSING: Final = frozenset(
    {
        RPCStatusCode.ABORTED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.FAILED_PRECONDITION,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.UNAVAILABLE,
    }
)
"""What goes away when a worker or the server comes back."""

_PAUSE_SECONDS: Final = 0.25

Answer = TypeVar("Answer")
Handle = WorkflowHandle[Any, Any]


class _Unanswered(Exception):
    """A call that may be repeated; ``closing`` if the workflow may have ended."""

    def __init__(self, *, closing: bool = False) -> None:
        super().__init__("not answered")
        self.closing = closing


def leave(code: int) -> NoReturn:
    """End the process with an exit code, and without Python's own end.

    Threads of the Temporal SDK that still deliver an answer would crash it there now and then
    (temporalio/sdk-python issue 300), and its exit code with it.
    """
    with suppress(OSError):  # whoever read our output has gone
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


async def connect(settings: Settings, *, identity: str | None = None) -> Client:
    """Connect to the dev server that serves the state folder, else where Temporal's envconfig says.

    Envconfig is Temporal's own way: ``TEMPORAL_ADDRESS``, ``TEMPORAL_NAMESPACE``, ``TEMPORAL_TLS``,
    ``TEMPORAL_API_KEY``, or a profile in its configuration file.

    Raises:
        ConfigurationError: the configuration is wrong.
        Unavailable: no server answers there.
    """
    options = await _where(settings)
    address = options.get("target_host") or _DEFAULT_ADDRESS
    if "://" in address:
        raise ConfigurationError(f"TEMPORAL_ADDRESS {address!r}: write host:port alone")
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await Client.connect(
                address,
                namespace=options.get("namespace") or "default",
                api_key=options.get("api_key"),
                tls=options.get("tls"),
                rpc_metadata=options.get("rpc_metadata", {}),
                identity=identity,
                data_converter=pydantic_data_converter,
            )
    except ValueError as error:
        raise ConfigurationError(f"TEMPORAL_ADDRESS {address!r}: {error}") from error
    except (RuntimeError, TimeoutError) as error:
        raise Unavailable(
            f"no Temporal server answers at {address}, and no dev server serves "
            f"{settings.state_dir}: start `python worker.py --dev`, or set TEMPORAL_ADDRESS"
        ) from error


async def _where(settings: Settings) -> ClientConnectConfig:
    dev = await read_dev_json(settings.state_dir)
    if dev is not None:
        return {"target_host": dev.address, "namespace": dev.namespace}
    try:
        return ClientConfig.load_client_connect_config()
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigurationError(f"Temporal's configuration: {_said(str(error))}") from error


async def describe(handle: Handle) -> WorkflowExecutionDescription | None:
    """Return the workflow's newest run, or None if the namespace has none of that id."""
    try:
        return await handle.describe(rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if _is_missing(error):
            return None
        raise in_our_words(error) from error


async def check_open(handle: Handle) -> None:
    """Do nothing if the ticket is open.

    Raises:
        NotFound: there is no such ticket.
        Refused: it is closed (``closed``).
    """
    description = await describe(handle)
    if description is None:
        raise missing(handle)
    if description.status is not WorkflowExecutionStatus.RUNNING:
        _, ticket_id = parse_workflow_id(handle.id)
        raise closed(ticket_id)


async def query(
    handle: Handle, name: str, result_type: type[Answer], *, patience: float
) -> Answer | None:
    """Ask the workflow, closed or not, for at most ``patience`` seconds.

    Raises:
        NotFound: the namespace has no workflow of that id.
        Unavailable: no worker answered.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            answer: Answer | None = await handle.query(
                name, result_type=result_type, rpc_timeout=_attempt(deadline)
            )
        except WorkflowQueryFailedError as error:
            raise CloseloopError(f"the ticket's workflow cannot answer: {error.message}") from error
        except RPCError as error:
            if _is_missing(error):
                raise missing(handle) from error
            if error.status not in _PASSING:
                raise in_our_words(error) from error
            await _pause(deadline, patience)
        else:
            return answer


async def update(
    handle: Handle, name: str, arg: BaseModel, *, update_id: str, patience: float
) -> UpdateReceipt:
    """Send an update, with the same id again and again, until the workflow has answered.

    An update is lost where no worker accepted it, and its answer where the connection broke; the
    same id makes every repetition the same update.

    Raises:
        Refused: the workflow said no, with its code; or the ticket is closed (``closed``).
        BadInput, NotFound: the workflow said so, or there is no such ticket.
        Unavailable: nothing answered for ``patience`` seconds. The update may still have happened.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return await _send(handle, name, arg, update_id, deadline)
        except _Unanswered as miss:
            if miss.closing:
                await check_open(handle)
        await _pause(deadline, patience)


async def _send(
    handle: Handle, name: str, arg: BaseModel, update_id: str, deadline: float
) -> UpdateReceipt:
    try:
        # Not `execute_update`: it would wait for ever on a worker that dies in the handler.
        sent = await handle.start_update(  # pyright: ignore[reportUnknownMemberType]
            name,
            arg,
            id=update_id,
            wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            result_type=UpdateReceipt,
            rpc_timeout=_attempt(deadline),
        )
        receipt: UpdateReceipt = await sent.result(rpc_timeout=_attempt(deadline))
    except WorkflowUpdateFailedError as error:
        if isinstance(error.cause, ApplicationError) and error.cause.type == _DROPPED_AT_CLOSE:
            raise _Unanswered(closing=True) from error
        raise _refusal(error.cause) from error
    except WorkflowUpdateRPCTimeoutOrCancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError from error  # the SDK hides that it was our caller
        raise _Unanswered from error
    except RPCError as error:
        if _is_missing(error):
            raise _Unanswered(closing=True) from error
        if error.status not in _PASSING:
            raise in_our_words(error) from error
        raise _Unanswered from error
    return receipt


def in_our_words(error: RPCError) -> CloseloopError:
    """Return what a failed call means to the caller."""
    said = _said(error.message)
    match error.status:
        case RPCStatusCode.NOT_FOUND if _is_namespace(error):
            return ConfigurationError(f"TEMPORAL_NAMESPACE: {said}")
        case RPCStatusCode.PERMISSION_DENIED | RPCStatusCode.UNAUTHENTICATED:
            return ConfigurationError(
                f"the Temporal server refuses this caller: {said}; look at TEMPORAL_API_KEY and TLS"
            )
        case RPCStatusCode.INVALID_ARGUMENT if "search attribute" in said:
            return ConfigurationError(
                f"{said}: run `python starter.py doctor`, which says what to register"
            )
        case status if status in _PASSING:
            return Unavailable(f"the Temporal server does not answer: {said}")
        case _:
            return CloseloopError(f"the Temporal server refuses the call: {said}")


def missing(handle: Handle) -> NotFound:
    """Return the error for a ticket that is not there."""
    tenant, ticket_id = parse_workflow_id(handle.id)
    return NotFound(f"tenant {tenant!r} has no ticket {ticket_id!r}", field="ticket_id")


def _refusal(cause: BaseException) -> CloseloopError:
    """Return the workflow's own no: an ApplicationError's type is the code."""
    if not isinstance(cause, ApplicationError):
        return CloseloopError(f"the ticket's workflow failed: {_said(str(cause))}")
    match cause.type:
        case "bad_input":
            return BadInput(cause.message)
        case "bad_effect":
            return BadInput(cause.message, field="effects")
        case "not_found":
            return NotFound(cause.message)
        case str(code) if _CODE.fullmatch(code):
            return Refused(cause.message, code=code)
        case _:  # not a rule's word but a defect, or a worker of another version
            return CloseloopError(f"the ticket's workflow failed: {_said(cause.message)}")


def _said(text: str) -> str:
    return clip(" ".join(text.split()), 300)


def _attempt(deadline: float) -> timedelta:
    left = deadline - time.monotonic()
    return timedelta(seconds=min(ANSWER_SECONDS, max(left, _PAUSE_SECONDS)))


async def _pause(deadline: float, patience: float) -> None:
    if time.monotonic() + _PAUSE_SECONDS >= deadline:
        raise Unavailable(
            f"no worker answered for {patience:.0f} s: start `python worker.py` on the same "
            "Temporal server, or look at its log; repeating the command is harmless"
        )
    await asyncio.sleep(_PAUSE_SECONDS)


def _is_missing(error: RPCError) -> bool:
    return error.status is RPCStatusCode.NOT_FOUND and not _is_namespace(error)


def _is_namespace(error: RPCError) -> bool:
    details = error.grpc_status.details
    return bool(details) and details[0].Is(NamespaceNotFoundFailure.DESCRIPTOR)
