"""What is shown: cards and tables on a terminal, plain lines elsewhere, or one JSON document.

Customers' words are data: control characters are taken out, and nothing in them is markup.
"""

import json
import math
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Final

from pydantic import BaseModel
from rich import box
from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

_KEPT: Final = "\n\t"
_STEERING: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's control characters, lone surrogates, and line separators."""
_TURNING: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""What turns the direction of writing, so that a line reads as another than it is."""

_BAR_WIDTH: Final = 20
_COLUMNS: Final = "·▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Grid:
    """A table; a cell is one line.

    ``bars`` are drawn after the rows, on a terminal only: how much of the widest each one fills.
    """

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    title: str = ""
    bars: tuple[float, ...] = ()


@dataclass(frozen=True)
class Series:
    """Counts in the order of time: a line of small columns on a terminal, elsewhere numbers."""

    name: str
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Page:
    """A title, facts by name, counts over time, tables, and what to do next."""

    title: str
    facts: Sequence[tuple[str, str]] = ()
    grids: Sequence[Grid] = ()
    hint: str = ""
    texts: Sequence[tuple[str, str]] = ()
    series: Sequence[Series] = ()


def emit(document: BaseModel | Sequence[BaseModel] | dict[str, object], page: Page | None) -> None:
    """Write ``page``, or ``document`` as JSON where there is none, to stdout."""
    _never_fail_on_characters()
    if page is None:
        sys.stdout.write(json.dumps(_plain_data(document), indent=2) + "\n")
    elif sys.stdout.isatty():
        _write_rich(page)
    else:
        sys.stdout.write(_plain_page(page))


def clean(text: str) -> str:
    """Return ``text`` without anything that could steer a terminal or hide from a reader."""
    return "".join(
        char if char in _KEPT or _is_harmless(char) else "\N{REPLACEMENT CHARACTER}"
        for char in text.replace("\r\n", "\n")
    )


def one_line(text: str) -> str:
    """Return ``text`` cleaned, on one line."""
    return " ".join(clean(text).split())


def _is_harmless(char: str) -> bool:
    return unicodedata.category(char) not in _STEERING and char not in _TURNING


def _plain_data(document: BaseModel | Sequence[BaseModel] | dict[str, object]) -> object:
    if isinstance(document, BaseModel):
        return document.model_dump(mode="json")
    if isinstance(document, dict):
        return document
    return [row.model_dump(mode="json") for row in document]


def _plain_page(page: Page) -> str:
    lines = [one_line(page.title)]
    counts = [(one.name, " ".join(str(count) for count in one.counts)) for one in page.series]
    facts = [*page.facts, *counts]
    width = max((len(name) for name, _ in facts), default=0)
    lines += [f"  {name:<{width}}  {one_line(value)}" for name, value in facts]
    for grid in page.grids:
        lines += ["", grid.title] if grid.title else [""]
        lines += _plain_grid(grid)
    for name, text in page.texts:
        lines += ["", one_line(name), *(f"  {line}".rstrip() for line in clean(text).split("\n"))]
    if page.hint:
        lines += ["", page.hint]
    return "\n".join(lines) + "\n"


def _plain_grid(grid: Grid) -> list[str]:
    rows = [grid.columns, *(tuple(one_line(cell) for cell in row) for row in grid.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(grid.columns))]
    return [
        "  "
        + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _write_rich(page: Page) -> None:
    parts: list[RenderableType] = []
    drawn = [(one.name, _sparkline(one.counts)) for one in page.series]
    if page.facts or drawn:
        facts = Table.grid(padding=(0, 2))
        facts.add_column(style="bold", no_wrap=True)
        facts.add_column()
        for name, value in (*page.facts, *drawn):
            facts.add_row(Text(name), Text(one_line(value)))
        parts.append(facts)
    for grid in page.grids:
        parts.append(_rich_grid(grid))
    for name, text in page.texts:
        parts.append(Text(f"\n{one_line(name)}", style="bold"))
        parts.append(Text(clean(text)))
    console = Console(file=sys.stdout, markup=False, highlight=False, emoji=False)
    console.print(Panel(Group(*parts), title=Text(one_line(page.title)), title_align="left"))
    if page.hint:
        console.print(Text(page.hint, style="dim"))


def _rich_grid(grid: Grid) -> Table:
    title = Text(grid.title, style="bold") if grid.title else None
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in grid.columns:
        table.add_column(Text(column), overflow="fold")
    if grid.bars:
        table.add_column()
    for position, row in enumerate(grid.rows):
        bar = [Bar(1.0, 0.0, grid.bars[position], width=_BAR_WIDTH)] if grid.bars else []
        table.add_row(*(Text(one_line(cell)) for cell in row), *bar)
    return table


def _sparkline(counts: Sequence[int]) -> str:
    """Draw counts as columns against the highest, which is named; a dot is none."""
    most = max(counts, default=0)
    heights = [math.ceil(count * (len(_COLUMNS) - 1) / most) if most else 0 for count in counts]
    return f"{''.join(_COLUMNS[height] for height in heights)} at most {most}"


def _never_fail_on_characters() -> None:
    out: object = sys.stdout
    if isinstance(out, TextIOWrapper):
        out.reconfigure(errors="backslashreplace")
