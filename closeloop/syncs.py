"""How a sync of knowledge is started, followed, and waited for."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.service import RPCError

from closeloop import calls
from closeloop.errors import BadInput, CloseloopError, Refused, Unavailable
from closeloop.models.base import clip
from closeloop.models.sync import SyncKnowledge, SyncProgress, SyncReport
from closeloop.names import (
    KNOWLEDGE_SYNC_WORKFLOW,
    MEMO_CONTENT_HASH,
    TICKETS_QUEUE,
    knowledge_sync_id,
)

_PAUSE: Final = 0.5
_UNTOUCHED_EVENTS: Final = 2
"""Events of a history that no worker has touched: started, first task scheduled."""

Told = Callable[[SyncProgress], None]


async def sync(
    client: Client, request: SyncKnowledge, *, patience: float, tell: Told
) -> SyncReport:
    """Start the tenant's sync, or join the one that is under way; return what it did.

    Raises:
        BadInput: a source is not there or faulty; names it, and the file and key.
        Refused: a sync of other sources is under way (``other_sync``), or an id belongs to another
            source (``id_taken``).
        Unavailable: no worker has picked it up within ``patience`` seconds; it is kept.
    """
    handle = await _started(client, request)
    began = time.monotonic()
    while True:
        description = await calls.describe(handle)
        if description is None or description.status is not WorkflowExecutionStatus.RUNNING:
            break
        if await description.memo_value(MEMO_CONTENT_HASH, None) != request.content_hash():
            raise Refused(
                "a sync of other sources is under way; repeat the command when it is done",
                code="other_sync",
            )
        if description.history_length <= _UNTOUCHED_EVENTS and time.monotonic() - began > patience:
            raise Unavailable(
                f"no worker has picked the sync up for {patience:.0f} s; it is kept: start "
                "`python worker.py` on the same Temporal server"
            )
        await _tell(client, description, tell)
        await asyncio.sleep(_PAUSE)
    return await _result(handle)


async def _started(client: Client, request: SyncKnowledge) -> calls.Handle:
    try:
        return await client.start_workflow(
            KNOWLEDGE_SYNC_WORKFLOW,
            request,
            id=knowledge_sync_id(request.tenant),
            task_queue=TICKETS_QUEUE,
            result_type=SyncReport,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            memo={MEMO_CONTENT_HASH: request.content_hash()},
            static_summary=f"Knowledge of {request.tenant}",
            rpc_timeout=calls.RPC_TIMEOUT,
        )
    except RPCError as error:
        raise calls.in_our_words(error) from error


async def _tell(client: Client, description: WorkflowExecutionDescription, tell: Told) -> None:
    """Pass on how far the activity's last heartbeat says it is."""
    for pending in description.raw_description.pending_activities:
        if pending.heartbeat_details.payloads:
            [progress] = await client.data_converter.decode(
                pending.heartbeat_details.payloads, [SyncProgress]
            )
            tell(progress)


async def _result(handle: calls.Handle) -> SyncReport:
    try:
        report: SyncReport = await handle.result(rpc_timeout=calls.RPC_TIMEOUT)
    except RPCError as error:
        raise calls.in_our_words(error) from error
    except WorkflowFailureError as error:
        cause = error.cause.cause if isinstance(error.cause, ActivityError) else error.cause
        if not isinstance(cause, ApplicationError):
            raise CloseloopError(f"the sync failed: {clip(str(cause), 300)}") from error
        match cause.details[0] if cause.details else cause.type:
            case "bad_source":
                raise BadInput(cause.message, field="folder") from error
            case "id_taken":
                raise Refused(cause.message, code="id_taken") from error
            case _:
                raise CloseloopError(f"the sync failed: {cause.message}") from error
    return report
