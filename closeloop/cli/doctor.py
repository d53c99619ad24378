"""``doctor``: what a desk needs, looked at one by one, each with what to do where it is wrong.

``bootstrap`` is imported where it is used: it brings in everything that a worker is made of.
"""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from closeloop.calls import RPC_TIMEOUT, connect, in_our_words
from closeloop.errors import BackendError, CloseloopError, Unavailable
from closeloop.models.base import Wire
from closeloop.names import (
    AGENTS_QUEUE,
    BACKENDS_QUEUE,
    DEFAULT_TENANT,
    SEARCH_ATTRIBUTES,
    TICKETS_QUEUE,
)
from closeloop.policy.book import FilePolicyBook
from closeloop.search_attributes import search_attribute_types
from closeloop.settings import Settings

UNREACHABLE: Final = 4
WRONG_ATTRIBUTE: Final = 3
WRONG: Final = 1

SEEN_WITHIN: Final = timedelta(minutes=2)
"""A worker asks for work at least once a minute; the server lists one for five after its last."""


class Finding(Wire):
    """What one look found; ``todo`` says what to do, a line for each command."""

    name: str
    ok: bool
    detail: str
    todo: str = ""
    exit_code: int = 0


class Findings(Wire):
    """Everything that was looked at."""

    ok: bool
    checks: tuple[Finding, ...]


async def examine(settings: Settings) -> Findings:
    """Look at everything; a server that does not answer does not keep the rest from being seen."""
    found: list[Finding] = []
    try:
        client = await connect(settings)
    except CloseloopError as error:
        found.append(_problem("server", error))
    else:
        address = client.service_client.config.target_host
        found.append(_good("server", f"{address}, namespace {client.namespace!r}"))
        for name, look in _SERVER_LOOKS:
            try:
                found.append(await look(name, client))
            except RPCError as error:
                found.append(_problem(name, in_our_words(error)))
    for name, read in _LOCAL_LOOKS:
        try:
            found.append(_good(name, await asyncio.to_thread(read, settings)))
        except CloseloopError as error:
            found.append(_problem(name, error))
    return Findings(ok=all(one.ok for one in found), checks=tuple(found))


async def _attributes(name: str, client: Client) -> Finding:
    there = await search_attribute_types(client)
    missing = [key for key in SEARCH_ATTRIBUTES if key not in there]
    wrong = [key for key, kind in SEARCH_ATTRIBUTES.items() if there.get(key, kind) != kind]
    if not missing and not wrong:
        return _good(name, f"all {len(SEARCH_ATTRIBUTES)} there, with the right types")
    detail = [f"{key} is missing" for key in missing]
    detail += [f"{key} is {there[key]} and must be {SEARCH_ATTRIBUTES[key]}" for key in wrong]
    names = [f"--name {key} --type {SEARCH_ATTRIBUTES[key]}" for key in (*wrong, *missing)]
    address = client.service_client.config.target_host
    where = f"--address {address} --namespace {client.namespace}"
    tool = "temporal operator search-attribute"
    todo = [f"{tool} remove {where} --name {key}" for key in wrong]
    todo.append(f"{tool} create {where} {' '.join(names)}")
    return Finding(
        name=name,
        ok=False,
        detail="; ".join(detail),
        todo="\n".join(todo),
        exit_code=WRONG_ATTRIBUTE,
    )


async def _ticket_workers(name: str, client: Client) -> Finding:
    return await _workers(name, client, TICKETS_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)


async def _backend_workers(name: str, client: Client) -> Finding:
    return await _workers(name, client, BACKENDS_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)


async def _agent_workers(name: str, client: Client) -> Finding:
    return await _workers(name, client, AGENTS_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)


async def _workers(name: str, client: Client, queue: str, kind: TaskQueueType.ValueType) -> Finding:
    response = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
        ),
        timeout=RPC_TIMEOUT,
    )
    since = datetime.now(UTC) - SEEN_WITHIN
    seen = {
        poller.identity
        for poller in response.pollers
        if poller.last_access_time.ToDatetime(UTC) >= since
    }
    if not seen:
        return Finding(
            name=name,
            ok=False,
            detail=f"nobody serves {queue}: tickets are kept, and wait",
            todo="start `python worker.py` on the same Temporal server",
            exit_code=UNREACHABLE,
        )
    return _good(name, f"{queue} is served by {', '.join(sorted(seen))}")


def _database(settings: Settings) -> str:
    from closeloop import bootstrap

    file = bootstrap.missing_database(settings)
    if file is not None:
        return f"{file} is not there yet; the worker makes it"
    records = bootstrap.open_records(settings)
    waiting = len(records.list_approvals(DEFAULT_TENANT))
    stop = bootstrap.open_stops(settings).stopped(DEFAULT_TENANT)
    words = f"; autonomous writes are stopped by {stop.by}: {stop.reason}" if stop else ""
    return f"answers; tenant {DEFAULT_TENANT!r} has {waiting} waiting for approval{words}"


def _policies(settings: Settings) -> str:
    from closeloop import bootstrap

    book = FilePolicyBook(settings.policies_dir)
    bootstrap.check_voice(book)
    people = len(book.approvers(DEFAULT_TENANT))
    return (
        f"{settings.policies_dir}, version {book.version[:12]}; tenants "
        f"{', '.join(book.tenants)}; {people} approvers of tenant {DEFAULT_TENANT!r}"
    )


def _taxonomy(settings: Settings) -> str:
    from closeloop import bootstrap

    intents, labelled = bootstrap.count_learnt(settings)
    return f"{intents} intents, and {labelled} labelled tickets"


def _articles(settings: Settings) -> str:
    from closeloop import bootstrap

    return f"{bootstrap.count_articles(settings)} articles and products in {settings.knowledge_dir}"


def _shop(settings: Settings) -> str:
    from closeloop import bootstrap

    # Read as a worker reads it, into a folder that is thrown away; the policies are another look.
    policies: Path = Settings.model_fields["policies_dir"].default
    with tempfile.TemporaryDirectory() as folder:
        elsewhere = {"state_dir": Path(folder), "policies_dir": policies}
        bootstrap.open_backends(settings.model_copy(update=elsewhere))
    return f"{settings.shop_file or 'the example shop'} can be read"


def _models(settings: Settings) -> str:
    from closeloop import bootstrap

    bootstrap.check_models(settings)
    if settings.llm == "offline":
        return "offline: no language model is asked"
    endpoint = os.environ.get("OPENAI_BASE_URL") or "OpenAI"
    asked = f"{settings.llm_classify}, {settings.llm_retrieve}, {settings.llm_resolve}"
    unpriced = bootstrap.unpriced_models(settings)
    words = f"; no price for {', '.join(unpriced)}: CLOSELOOP_LLM_PRICES" if unpriced else ""
    return f"{asked} at {endpoint}{words}"


def _good(name: str, detail: str) -> Finding:
    return Finding(name=name, ok=True, detail=detail)


def _problem(name: str, error: CloseloopError) -> Finding:
    unreachable = isinstance(error, Unavailable | BackendError)
    return Finding(
        name=name, ok=False, detail=str(error), exit_code=UNREACHABLE if unreachable else WRONG
    )


_SERVER_LOOKS: Final[Sequence[tuple[str, Callable[[str, Client], Awaitable[Finding]]]]] = (
    ("search attributes", _attributes),
    ("ticket worker", _ticket_workers),
    ("backend worker", _backend_workers),
    ("agent worker", _agent_workers),
)
_LOCAL_LOOKS: Final[Sequence[tuple[str, Callable[[Settings], str]]]] = (
    ("database", _database),
    ("policies", _policies),
    ("taxonomy", _taxonomy),
    ("articles", _articles),
    ("shop data", _shop),
    ("language models", _models),
)
