"""``starter.py knowledge``: what agents know, where it comes from, and what it lacks."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, get_args

import typer

from closeloop import report, syncs
from closeloop.cli import pages
from closeloop.cli.commands import AsJson, Since, Tenant, run_on_desk
from closeloop.cli.inputs import parse_since
from closeloop.client import PATIENCE_SECONDS, SupportDesk
from closeloop.errors import BadInput
from closeloop.models.base import clip, sayable
from closeloop.models.knowledge import KNOWLEDGE_BASE, Passage, SourceKind
from closeloop.models.sync import SyncKnowledge, SyncProgress, SyncReport
from closeloop.names import DEFAULT_TENANT, checked_part
from closeloop.settings import load_settings

_SHOWN_CHARS = 300

app = typer.Typer(help="What agents know.", rich_markup_mode=None)


@app.command()
def sync(
    folder: Annotated[
        list[Path] | None,
        typer.Option(
            "--folder",
            help="On the worker's machine; again for more. Default: CLOSELOOP_KNOWLEDGE_DIR.",
        ),
    ] = None,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: AsJson = False,
) -> None:
    """Make the tenant's knowledge what these folders say; what came from others is removed."""
    sources = tuple(dict.fromkeys(_named(path) for path in folder or ()))
    request = SyncKnowledge(tenant=tenant, sources=sources or (KNOWLEDGE_BASE,))
    told: set[str] = set()

    def tell(progress: SyncProgress) -> None:
        line = f"{progress.source}: {progress.written} of {progress.to_write} documents written"
        if line not in told:
            told.add(line)
            sys.stderr.write(f"{line}\n")

    async def work(desk: SupportDesk) -> SyncReport:
        return await syncs.sync(desk.client, request, patience=PATIENCE_SECONDS, tell=tell)

    done = run_on_desk(tenant, work)
    pages.emit(done, None if as_json else _sync_page(done))


@app.command()
def search(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="As a customer would ask.")],
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", help=f"{', '.join(get_args(SourceKind))}; again for more."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=50)] = 5,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: AsJson = False,
) -> None:
    """Show the passages that agents would find today, best first."""
    checked_part(tenant, "tenant")
    if wrong := [name for name in kind or () if name not in get_args(SourceKind)]:
        known = ", ".join(get_args(SourceKind))
        raise BadInput(f"kind {wrong[0][:40]!r} is not one of {known}", field="kind")
    settings = load_settings()
    from closeloop import bootstrap  # here, for it brings in all that a worker is made of

    store = bootstrap.find_knowledge(settings)
    kinds: list[SourceKind] | None = (
        [k for k in get_args(SourceKind) if k in kind] if kind else None
    )
    today = datetime.now(UTC).date()
    found = store.search(tenant, query, limit=limit, kinds=kinds, on=today)
    pages.emit(found, None if as_json else _search_page(found))


@app.command()
def gaps(
    since: Since = None,
    tenant: Tenant = DEFAULT_TENANT,
    as_json: AsJson = False,
) -> None:
    """List what tickets asked for and nothing answered, by intent, the most frequent first."""
    checked_part(tenant, "tenant")
    begin = None if since is None else parse_since(since, now=datetime.now(UTC))
    settings = load_settings()
    from closeloop import bootstrap  # as in search

    found = report.gaps(bootstrap.open_records(settings), tenant, begin)
    pages.emit(found, None if as_json else _gaps_page(found))


@app.command()
def withdraw(
    document_id: Annotated[str, typer.Argument(metavar="ID", help="Of a past ticket or article.")],
    tenant: Tenant = DEFAULT_TENANT,
    as_json: AsJson = False,
) -> None:
    """Remove a document, such as a past ticket that is no example; a sync brings articles back."""
    checked_part(tenant, "tenant")
    settings = load_settings()
    from closeloop import bootstrap  # as in search

    if not bootstrap.find_knowledge(settings).delete_document(tenant, document_id):
        raise BadInput(
            f"tenant {tenant!r} has no document {clip(document_id, 80)!r}: its id is the passage's"
            " up to the first '#'",
            field="document_id",
        )
    done: dict[str, object] = {"tenant": tenant, "document_id": document_id, "withdrawn": True}
    pages.emit(done, None if as_json else pages.Page(f"{document_id}: withdrawn"))


def _named(folder: Path) -> str:
    """Return the folder as a source of knowledge is named."""
    name = str(folder.absolute())
    if sayable(name) != name:
        raise BadInput(
            f"{sayable(name)}: this name is not UTF-8; rename the folder", field="folder"
        )
    return name


def _sync_page(done: SyncReport) -> pages.Page:
    grid = pages.Grid(
        ("source", "documents", "written", "removed", "passages changed"),
        [
            (s.source, str(s.documents), str(s.written), str(s.removed), str(s.passages))
            for s in done.sources
        ],
    )
    return pages.Page(f"Knowledge of {done.tenant}: in step", grids=[grid])


def _search_page(found: Sequence[Passage]) -> pages.Page:
    texts = [
        (f"{p.passage_id} ({p.kind}, {p.score:.3f}): {p.title}", clip(p.text, _SHOWN_CHARS))
        for p in found
    ]
    return pages.Page(f"{len(found)} passages", texts=texts)


def _gaps_page(found: list[report.Gap]) -> pages.Page:
    grid = pages.Grid(
        ("intent", "tickets", "newest", "last", "missing"),
        [
            (
                gap.intent,
                str(gap.count),
                ", ".join(gap.tickets),
                f"{gap.last_at:%Y-%m-%d %H:%M}",
                clip("; ".join(gap.missing), 200) or "-",
            )
            for gap in found
        ],
    )
    return pages.Page(f"Knowledge gaps of {len(found)} intents", grids=[grid] if found else [])
