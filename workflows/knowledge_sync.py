"""``KnowledgeSyncWorkflow``: a tenant's knowledge becomes what its sources say, once, on demand."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.knowledge_sync import KnowledgeSyncActivities
    from closeloop.models.sync import SyncKnowledge, SyncReport
    from closeloop.names import KNOWLEDGE_SYNC_WORKFLOW
    from workflows import options


@workflow.defn(name=KNOWLEDGE_SYNC_WORKFLOW)
class KnowledgeSyncWorkflow:
    """One sync; its workflow id is the tenant's, so that there are never two at once."""

    @workflow.run
    async def run(self, request: SyncKnowledge) -> SyncReport:
        """Sync, through kills of workers and outages of the store.

        Raises:
            ActivityError: a source is faulty, or the store did not answer for a day.
        """
        return await workflow.execute_activity_method(
            KnowledgeSyncActivities.sync_knowledge,
            request,
            summary=f"{len(request.sources)} source(s)",
            **options.SYNC,
        )
