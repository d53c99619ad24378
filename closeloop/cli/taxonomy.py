"""``starter.py taxonomy``: the tenant's own labelled tickets, and how well they are read."""

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from closeloop.bootstrap import examine_taxonomy, train_taxonomy
from closeloop.cli import pages
from closeloop.settings import load_settings

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]

taxonomy = typer.Typer(help="What the offline classifier learns.", rich_markup_mode=None)


@taxonomy.command()
def train(
    file: Annotated[
        Path, typer.Option("--file", help="Tickets with text and intent (CSV or JSON lines).")
    ],
    as_json: AsJson = False,
) -> None:
    """Keep labelled tickets in the policies folder; a worker learns them when it starts."""
    kept = train_taxonomy(load_settings(), file)
    counts = cast("dict[str, int]", kept["by_intent"])
    page = pages.Page(
        title=f"{kept['labelled']} labelled tickets in {kept['file']}, {kept['added']} of them new",
        facts=[(intent, str(count)) for intent, count in sorted(counts.items())],
        hint="A worker that is started now learns them; `taxonomy test` says how well.",
    )
    pages.emit(kept, None if as_json else page)


@taxonomy.command("test")
def assess(
    file: Annotated[
        Path | None,
        typer.Option("--file", help="Other tickets to be read; without it leave-one-out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say how many tickets are read rightly, and which are mistaken for what."""
    found = examine_taxonomy(load_settings(), file)
    confusions = cast("list[dict[str, Any]]", found["confusions"])
    names = ("accuracy", "in_scope_accuracy", "out_of_scope_recall")
    grid = pages.Grid(
        columns=("intent", "read as", "tickets"),
        rows=[(row["intent"], row["read_as"], str(row["tickets"])) for row in confusions],
        title="Mistaken",
    )
    page = pages.Page(
        title=f"{found['tickets']} tickets ({found['on']})",
        facts=[(n, "none" if found[n] is None else f"{found[n]} %") for n in names],
        grids=[grid] if confusions else [],
    )
    pages.emit(found, None if as_json else page)
