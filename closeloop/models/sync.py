"""What a sync of knowledge is asked for, and what it did."""

import hashlib

from closeloop.models.base import Wire
from closeloop.models.knowledge import KNOWLEDGE_BASE


class SyncKnowledge(Wire):
    """Input of ``KnowledgeSyncWorkflow`` and of its activity: whose knowledge, from where.

    A source is ``knowledge_base``, or the path of a folder on the workers' machine. Afterwards the
    tenant knows exactly what stands in them, and its past tickets: what came from any other source
    is gone.
    """

    tenant: str
    sources: tuple[str, ...] = (KNOWLEDGE_BASE,)

    def content_hash(self) -> str:
        """Return what makes two syncs the same."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class SyncProgress(Wire):
    """How far a sync is: the details of its activity's heartbeat, after each batch."""

    source: str
    written: int = 0
    to_write: int = 0


class SourceReport(Wire):
    """What the attempt that finished found in one source and did about it.

    A source that was not asked for, and whose documents are removed, has no ``documents``.

    ``documents`` is how many stand there, ``written`` how many of them were new or changed,
    ``removed`` how many are gone; ``passages`` were added, replaced or removed.
    """

    source: str
    documents: int
    written: int
    removed: int
    passages: int


class SyncReport(Wire):
    """Output of ``KnowledgeSyncWorkflow``, in the order asked for; retired sources come last."""

    tenant: str
    sources: tuple[SourceReport, ...]
