"""What every eval shares: scores against bars, a table for people, JSON for programs, progress."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import comb
from pathlib import Path
from statistics import mean
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from closeloop.models.base import Wire
from closeloop.settings import Settings

SHOWN: Final = 20
"""How many lines of progress there are where the output is no terminal."""


class Score(Wire):
    """A figure, and the bar it is held against; without a bar it is only reported."""

    name: str
    value: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the figure reaches its bars."""
        low = self.at_least is None or self.value >= self.at_least
        return low and (self.at_most is None or self.value <= self.at_most)

    @property
    def bar(self) -> str:
        """The bars in words; empty where there is none."""
        low = "" if self.at_least is None else f"at least {self.at_least:g}"
        high = "" if self.at_most is None else f"at most {self.at_most:g}"
        return " and ".join(filter(None, (low, high)))


def percent(part: float, whole: float) -> float:
    """Return a share in percent with one decimal; of nothing it is all."""
    return round(100 * part / whole, 1) if whole else 100.0


def pass_power(counts: Iterable[tuple[int, int]], k: int) -> float:
    """Return pass^k in percent: the chance that a task succeeds k times out of k.

    The mean over the tasks of C(c, k) / C(n, k), for ``counts`` of c successes in n trials each; k
    may not exceed n. Source: tau-bench (Yao et al. 2024, arXiv:2406.12045), section 3.
    """
    return 100 * mean(comb(successes, k) / comb(trials, k) for successes, trials in counts)


def models_of(settings: Settings) -> list[str]:
    """Return which models the settings name, one for each agent, or that they are offline."""
    models = [settings.llm_classify, settings.llm_retrieve, settings.llm_resolve]
    return models if settings.llm == "openai" else ["offline"]


def print_scores(console: Console, title: str, scores: Sequence[Score]) -> None:
    """Print scores with their bars, and which of them fall short."""
    rows = [(s.name, f"{s.value:g}", s.bar, "" if s.passed else "short") for s in scores]
    print_table(console, title, ("score", "value", "bar", ""), rows)


def print_table(
    console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Print a table; nothing in its cells is markup."""
    table = Table(title=title)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(cell.replace("[", r"\[") for cell in row))
    console.print(table)


def scores_json(name: str, scores: Sequence[Score], **more: Any) -> dict[str, Any]:
    """Return an eval's summary: its name, whether every bar is reached, and every score."""
    return {
        "eval": name,
        "passed": all(score.passed for score in scores),
        "scores": [{**score.model_dump(), "passed": score.passed} for score in scores],
        **more,
    }


def write_json(path: Path, summary: Mapping[str, Any]) -> None:
    """Write a summary as JSON."""
    path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")


@contextmanager
def progress(console: Console, total: int) -> Iterator[Callable[[], None]]:
    """Yield what to call whenever one of ``total`` steps is done: a bar, or lines now and then."""
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        bar.advance(task)
        if not console.is_terminal and done % max(total // SHOWN, 1) == 0:
            console.print(f"{done} of {total} done")

    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield advance
