"""A worker is killed in the middle of a sync; another one ends it, and embeds the rest only."""

import asyncio
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.knowledge_sync import BATCH_PASSAGES
from closeloop import syncs
from closeloop.devserver import DevServer
from closeloop.errors import BadInput, Refused, Unavailable
from closeloop.knowledge.sqlite import SqliteKnowledge
from closeloop.models.knowledge import KNOWLEDGE_BASE
from closeloop.models.sync import SyncKnowledge, SyncProgress, SyncReport
from closeloop.names import knowledge_sync_id
from tests.support.embedding import WordVectors
from tests.support.gates import Hold
from tests.support.worker_process import WorkerProcess

PAGES = 3 * BATCH_PASSAGES
PATIENCE = 60.0


def manuals(folder: Path) -> Path:
    folder.mkdir()
    for number in range(PAGES):
        text = f"<title>Manual {number}</title><p>The Larkspur {number:03} needs no tools."
        (folder / f"manual-{number:03}.html").write_text(text)
    return folder


async def test_a_sync_survives_its_worker_and_is_never_two_at_once(tmp_path: Path) -> None:
    folder = manuals(tmp_path / "manuals")
    request = SyncKnowledge(tenant="default", sources=(str(folder),))
    told: list[SyncProgress] = []
    hold = Hold("knowledge.put:before", f"manual-{PAGES - 1:03}")
    async with DevServer(tmp_path / "server", headless=True) as server:
        client = await Client.connect(server.address, data_converter=pydantic_data_converter)

        async def sync(asked: SyncKnowledge) -> SyncReport:
            return await syncs.sync(client, asked, patience=PATIENCE, tell=told.append)

        with WorkerProcess(tmp_path, server.address, holds=[hold]) as first:
            await first.ready()
            both = asyncio.gather(sync(request), sync(request))
            while not (hold.reached(tmp_path) and any(beat.written for beat in told)):
                first.check()
                await asyncio.sleep(0.1)
            with pytest.raises(Refused, match="under way") as refused:
                await sync(SyncKnowledge(tenant="default"))
            assert refused.value.code == "other_sync"
            before = await client.get_workflow_handle(knowledge_sync_id("default")).describe()
            first.kill()
        written = documents(tmp_path, str(folder))
        assert 0 < written < PAGES
        with WorkerProcess(tmp_path, server.address) as second:
            await second.ready()
            one, other = await both
            assert one == other
            [report, ours] = one.sources
            assert (ours.source, ours.documents) == (KNOWLEDGE_BASE, 0)
            assert (report.documents, report.written) == (PAGES, PAGES - written)
            after = await client.get_workflow_handle(knowledge_sync_id("default")).describe()
            assert after.run_id == before.run_id
            assert documents(tmp_path, str(folder)) == PAGES

            [again] = (await sync(request)).sources
            assert (again.written, again.removed) == (0, 0)
            (folder / "bad.csv").write_text("id,title\n")
            with pytest.raises(BadInput, match=r"bad\.csv: description: "):
                await sync(request)
            assert documents(tmp_path, str(folder)) == PAGES


async def test_a_sync_without_a_worker_says_so(tmp_path: Path) -> None:
    async with DevServer(tmp_path, headless=True) as server:
        client = await Client.connect(server.address, data_converter=pydantic_data_converter)
        with pytest.raises(Unavailable, match="no worker"):
            await syncs.sync(
                client, SyncKnowledge(tenant="default"), patience=1, tell=lambda _: None
            )


def documents(state_dir: Path, source: str) -> int:
    store = SqliteKnowledge(state_dir / "knowledge.db", WordVectors())
    found = sum(stored.source == source for stored in store.documents("default"))
    store.close()
    return found
