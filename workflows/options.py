"""Timeouts, retry policies and priorities, with their why."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, NotRequired, TypedDict

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy

with workflow.unsafe.imports_passed_through():
    from closeloop.names import AGENTS_QUEUE, BACKENDS_QUEUE

BACKEND_RETRY: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(minutes=1),
)
"""A 503 is often over within seconds; a longer outage is asked once a minute."""

LOCAL_RETRY: Final = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=10),
)


class RemoteOptions(TypedDict):
    """Options of a remote activity."""

    task_queue: str
    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    retry_policy: RetryPolicy
    heartbeat_timeout: NotRequired[timedelta]


class LocalOptions(TypedDict):
    """Options of a local activity."""

    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    retry_policy: RetryPolicy


AGENT: Final = RemoteOptions(
    task_queue=AGENTS_QUEUE,
    start_to_close_timeout=timedelta(minutes=4),
    schedule_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=timedelta(seconds=40),
    retry_policy=BACKEND_RETRY,
)
"""Agents: after ten minutes without an answer others are asked.

An agent asks its model several times, and says before each that it lives. So a killed worker is
noticed within 40 s, and a model that hangs is given up by its client before that (30 s).
"""

STAND_IN: Final = RemoteOptions(
    task_queue=BACKENDS_QUEUE,
    start_to_close_timeout=timedelta(seconds=30),
    schedule_to_close_timeout=timedelta(minutes=10),
    retry_policy=BACKEND_RETRY,
)
"""The offline models, and who the customer is: not where language models are waited for.

After ten minutes without an answer a person is better than more waiting.
"""

WRITE: Final = RemoteOptions(
    task_queue=BACKENDS_QUEUE,
    start_to_close_timeout=timedelta(seconds=10),
    schedule_to_close_timeout=timedelta(minutes=30),
    retry_policy=BACKEND_RETRY,
)
"""Writes: a killed worker is noticed after 10 s; after half an hour the effect is looked for."""

PERSON: Final = RemoteOptions(
    task_queue=BACKENDS_QUEUE,
    start_to_close_timeout=timedelta(seconds=10),
    schedule_to_close_timeout=timedelta(seconds=25),
    retry_policy=BACKEND_RETRY,
)
"""Reads inside update handlers: a person waits for the answer."""

DURABLE: Final = RemoteOptions(
    task_queue=BACKENDS_QUEUE,
    start_to_close_timeout=timedelta(seconds=15),
    schedule_to_close_timeout=timedelta(days=7),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(minutes=5),
    ),
)
"""Hand-overs, replies and records: there is nowhere else to go, so they wait out an outage."""

SYNC: Final = RemoteOptions(
    task_queue=BACKENDS_QUEUE,
    start_to_close_timeout=timedelta(hours=6),
    schedule_to_close_timeout=timedelta(days=1),
    heartbeat_timeout=timedelta(seconds=20),
    retry_policy=BACKEND_RETRY,
)
"""A sync of knowledge: an attempt goes on where the last one stopped.

It heartbeats after each batch of passages, which takes a second or two.
"""

LOCAL: Final = LocalOptions(
    start_to_close_timeout=timedelta(seconds=5),
    schedule_to_close_timeout=timedelta(minutes=10),
    retry_policy=LOCAL_RETRY,
)
"""Policy and read-backs: milliseconds; ten minutes of outage hand the ticket to a person."""

HANDLER: Final = LocalOptions(
    start_to_close_timeout=timedelta(seconds=5),
    schedule_to_close_timeout=timedelta(seconds=20),
    retry_policy=LOCAL_RETRY,
)
"""Checks inside update handlers: a person waits for the answer."""

_PRIORITY_KEYS: Final[Mapping[str, int]] = {"urgent": 1, "high": 2, "normal": 3, "low": 4}


def priority(tenant: str, ticket_priority: str | None) -> Priority:
    """Return the task priority: urgent tickets first, tenants in fair shares."""
    key = _PRIORITY_KEYS.get(ticket_priority or "normal", 3)
    return Priority(priority_key=key, fairness_key=tenant)
