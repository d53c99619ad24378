"""The workers of all queues: activities wired to the services, threads and limits."""

from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.callbacks import CallbackActivities
from activities.changes import ChangeActivities
from activities.crm import CrmActivities
from activities.effects import Effects, VerificationActivities
from activities.failures import FailureInterceptor
from activities.identity import IdentityActivities
from activities.knowledge import KnowledgeActivities
from activities.knowledge_sync import KnowledgeSyncActivities
from activities.orders import OrderActivities
from activities.outcomes import OutcomeActivities
from activities.outreach import OutreachActivities
from activities.past_tickets import PastTickets
from activities.payments import PaymentActivities
from activities.policy import PolicyActivities
from activities.resolution import ResolutionActivities
from activities.triage import TriageActivities
from closeloop.bootstrap.services import Services
from closeloop.names import AGENTS_QUEUE, BACKENDS_QUEUE, TICKETS_QUEUE
from closeloop.offline.retriever import OfflineRetriever
from closeloop.ordered import OrderedRunner
from closeloop.store.codes import SqlCodes
from workflows.knowledge_sync import KnowledgeSyncWorkflow
from workflows.ticket import TicketWorkflow

THREADS: Final = 16
"""Activities block on backends, not on the processor: more threads than cores."""
TASKS: Final = 16
"""Workflow tasks at once: a burst waits at the server, where nothing times out, not in here.

Python works on them in turn, and a ticket's first one needs 0.1 s of the processor for its sandbox:
of a hundred at once, the SDK's default, none is answered within the time that each of them has.
"""
STICKY_TIMEOUT: Final = timedelta(seconds=2)
"""How long a killed worker's tickets wait for it before another takes them."""
HEARTBEATS: Final = timedelta(seconds=1)
"""How often a heartbeat is passed on at most: whoever waits for a sync sees it move."""
GRACE: Final = timedelta(seconds=10)
"""What running activities are given to end when a worker is stopped."""


@dataclass(frozen=True, kw_only=True)
class ActivitySet:
    """The activities by the queue that serves them."""

    tickets: Sequence[Callable[..., Any]]
    agents: Sequence[Callable[..., Any]]
    backends: Sequence[Callable[..., Any]]


def build_activities(services: Services) -> ActivitySet:
    """Wire the activities to the services."""
    backends, ledger, records, book = (
        services.backends,
        services.ledger,
        services.records,
        services.book,
    )
    effects = Effects(ledger)
    payments = PaymentActivities(services.payments, effects)
    orders = OrderActivities(backends.shop, services.payments, effects)
    changes = ChangeActivities(backends.shop, backends.payments, effects)
    past = PastTickets(services.knowledge, backends.shop)
    crm = CrmActivities(backends.crm, effects, records, past, book)
    callbacks = CallbackActivities(backends.calendar, backends.shop, book, effects)
    readers = {
        **payments.readers,
        **orders.readers,
        **changes.readers,
        **callbacks.readers,
        **crm.readers,
    }
    verification = VerificationActivities(readers, ledger, backends.shop, services.payments)
    detector = services.detector
    policy = PolicyActivities(
        book,
        backends.shop,
        services.payments,
        ledger,
        services.knowledge,
        detector,
        backends.calendar,
    )
    syncing = KnowledgeSyncActivities(services.sources, services.knowledge)
    team = services.team
    plain = OfflineRetriever(services.knowledge)
    triage = TriageActivities(
        team.classifier if team else services.classifier,
        services.classifier,
        detector,
        backends.shop,
        book,
        services.languages,
    )
    knowledge = KnowledgeActivities(team.retriever if team else plain, plain)
    resolution = ResolutionActivities(
        team.resolver if team else services.resolver, services.resolver
    )
    agents = (
        triage.classify_ticket,
        knowledge.retrieve_knowledge,
        resolution.propose_resolution,
    )
    outreach = OutreachActivities(backends.outbox, backends.shop, records, book)
    identity = IdentityActivities(backends.shop, backends.outbox, SqlCodes(services.engine), book)
    outcomes = OutcomeActivities(records, ledger, book)
    return ActivitySet(
        tickets=(
            policy.evaluate_policy,
            policy.check_approver,
            verification.verify_action,
            triage.read_confirmation,
            triage.read_hours,
            identity.read_consent,
            callbacks.read_call,
        ),
        agents=agents,
        backends=(
            *agents,
            triage.load_customer,
            syncing.sync_knowledge,
            payments.refund_payment,
            orders.cancel_order,
            orders.modify_order_address,
            changes.modify_order_items,
            changes.modify_order_payment,
            changes.return_items,
            changes.exchange_items,
            changes.update_customer_address,
            changes.issue_store_credit,
            callbacks.schedule_callback,
            callbacks.reschedule_callback,
            callbacks.cancel_callback,
            callbacks.book_next_call,
            crm.add_crm_note,
            crm.create_escalation,
            crm.close_case,
            crm.close_ticket,
            crm.raise_alert,
            outreach.send_reply,
            identity.send_code,
            identity.check_code,
            outcomes.request_approval,
            outcomes.settle_approval,
            outcomes.record_outcome,
            outcomes.recall_effects,
            verification.reconcile_action,
            verification.verify_resolution,
        ),
    )


def workflow_runner() -> WorkflowRunner:
    """Return the sandbox; a module of ours that enters it without being meant to is an error."""
    policy = workflow.SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    restrictions = SandboxRestrictions.default.with_import_notification_policy(policy)
    return OrderedRunner(SandboxedWorkflowRunner(restrictions=restrictions))


@asynccontextmanager
async def running_workers(client: Client, services: Services) -> AsyncGenerator[None]:
    """Run the workers of all queues until the block ends."""
    activities = build_activities(services)
    team = services.team
    at_once = team.at_once if team else THREADS
    async with AsyncExitStack() as stack:
        # Threads of their own: models that are slow keep nobody else waiting.
        askers = stack.enter_context(ThreadPoolExecutor(at_once, thread_name_prefix="agent"))
        await stack.enter_async_context(
            Worker(
                client,
                task_queue=AGENTS_QUEUE,
                activities=activities.agents,
                activity_executor=askers,
                max_concurrent_activities=at_once,
                max_task_queue_activities_per_second=team.per_second if team else None,
                interceptors=[FailureInterceptor()],
                graceful_shutdown_timeout=GRACE,
            )
        )
        threads = stack.enter_context(ThreadPoolExecutor(THREADS, thread_name_prefix="activity"))
        await stack.enter_async_context(
            Worker(
                client,
                task_queue=BACKENDS_QUEUE,
                activities=activities.backends,
                activity_executor=threads,
                max_concurrent_activities=THREADS,
                interceptors=[FailureInterceptor()],
                graceful_shutdown_timeout=GRACE,
                max_heartbeat_throttle_interval=HEARTBEATS,
            )
        )
        await stack.enter_async_context(
            Worker(
                client,
                task_queue=TICKETS_QUEUE,
                workflows=[TicketWorkflow, KnowledgeSyncWorkflow],
                activities=activities.tickets,
                activity_executor=threads,
                no_remote_activities=True,
                max_concurrent_workflow_tasks=TASKS,
                workflow_runner=workflow_runner(),
                interceptors=[FailureInterceptor()],
                sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
                graceful_shutdown_timeout=GRACE,
            )
        )
        yield
