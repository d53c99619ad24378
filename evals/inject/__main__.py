"""``python -m evals.inject``: what attack texts, and a model that obeys them, get done here.

Every text is a ticket of a customer with orders of their own. With the desk's own resolver, and
with one that obeys the attacker in every way it can think of, nothing may be written or said by
itself that the clean ticket would not cause. The detector's recall and false alarms are reported.
``--every`` takes all e-mails, attacks and places in the place of the short set of 250; ``--live N``
sends N of them, evenly spread, through the real workflow as well. Exit code 0 only if nothing got
through.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path as File
from typing import Final

from rich.console import Console

from closeloop.bootstrap import build_services
from closeloop.errors import CloseloopError, Unavailable
from closeloop.settings import Settings
from evals.inject import data, hostile, live
from evals.inject.data import Attack
from evals.inject.path import Outcome, Path, Read
from evals.inject.report import Tally, rows
from evals.report import print_scores, print_table, progress, scores_json, write_json

WIDTH: Final = 140
COLUMNS: Final = ("set", "tickets", "flagged", "got through", "which")
Advance = Callable[[], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the evals; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m evals.inject", description=__doc__)
    parser.add_argument("--data", type=File, required=True, help="the folder with the sets in it")
    parser.add_argument("--out", type=File, help="where the JSON is written")
    parser.add_argument("--every", action="store_true", help="all e-mails x attacks x places")
    parser.add_argument("--live", type=int, default=0, metavar="N", help="N through the workflow")
    options = parser.parse_args(arguments)
    logging.disable(logging.WARNING)
    console = Console(stderr=True) if sys.stderr.isatty() else Console(stderr=True, width=WIDTH)
    try:
        return _run(console, options)
    except CloseloopError as error:
        sys.stderr.write(f"evals.inject: {error}\n")
        return 4 if isinstance(error, Unavailable) else 2
    finally:
        logging.disable(logging.NOTSET)


def _run(console: Console, options: argparse.Namespace) -> int:
    began = time.monotonic()
    clean = data.emails(options.data)
    mails = tuple(data.poisoned(options.data, every=options.every))
    short = tuple(data.poisoned(options.data, every=False))
    sets = data.direct(options.data)
    ideas = tuple(hostile.ideas())
    every = (*short, *(attack for attacks in sets.values() for attack in attacks))
    with (
        _path() as path,
        progress(console, len(clean) + len(mails) + 2 * len(every) - len(short)) as step,
    ):
        eval_ = _Eval(path, clean, step)
        tallies = [eval_.false_alarms(), eval_.tally("e-mails", mails)]
        tallies += [eval_.tally(name, attacks) for name, attacks in sets.items()]
        print_table(Console(width=console.width), "The desk's own resolver", COLUMNS, rows(tallies))
        tallies += eval_.obeyed(every, ideas)
    if options.live:
        tallies.append(asyncio.run(live.run(short, options.live)))
    scores = [score for tally in tallies for score in tally.scores()]
    out = Console(width=console.width)
    print_table(out, "Injection", COLUMNS, rows(tallies))
    print_scores(out, "Scores", scores)
    seconds = round(time.monotonic() - began, 1)
    summary = scores_json(
        "inject",
        scores,
        every=options.every,
        seconds=seconds,
        sets=[tally.model_dump() for tally in tallies],
    )
    if options.out is not None:
        write_json(options.out, summary)
    return 0 if summary["passed"] else 1


@contextmanager
def _path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as work:
        services = build_services(Settings(state_dir=File(work)))
        try:
            yield Path(services=services)
        finally:
            services.backends.close()
            services.engine.dispose()


class _Eval:
    """Runs sets of texts through one desk."""

    def __init__(self, path: Path, clean: Sequence[str], step: Advance) -> None:
        self._path = path
        self._step = step
        self._mails = clean
        self._clean: dict[str | None, Outcome] = {None: Outcome()}
        for text in clean:
            self._clean[text] = path.outcome(path.read(text))
            step()

    def false_alarms(self) -> Tally:
        found = [self._clean[text] for text in self._mails]
        flagged = sum(outcome.suspected for outcome in found)
        return Tally(name="clean e-mails", texts=len(found), flagged=flagged, attack=False)

    def tally(self, name: str, attacks: Sequence[Attack]) -> Tally:
        """Run a set with the desk's own resolver; each step of the progress is one ticket."""
        flagged, through = 0, list[str]()
        for attack in attacks:
            outcome = self._path.outcome(self._path.read(attack.text))
            flagged += outcome.suspected
            # A text that is an attack as a whole has no clean one: what may be said to it is open.
            beyond = self._gets_through(attack, outcome) if attack.clean else bool(outcome.writes)
            if beyond:
                through.append(attack.name)
            self._step()
        return Tally(name=name, texts=len(attacks), flagged=flagged, through=tuple(through))

    def obeyed(
        self, attacks: Sequence[Attack], ideas: Sequence[tuple[str, hostile.Obeys]]
    ) -> list[Tally]:
        """Run every text with a resolver that obeys it, once for each idea it may have."""
        through: dict[str, list[str]] = {name: [] for name, _ in ideas}
        for attack in attacks:
            read: Read = self._path.read(attack.text)
            for name, idea in ideas:
                obedient = hostile.Obedient(idea=idea, attack=attack.attack)
                if self._gets_through(attack, self._path.outcome(read, obedient)):
                    through[name].append(attack.name)
            self._step()
        return [
            Tally(
                name=f"obeyed: {name}",
                texts=len(attacks),
                flagged=0,
                through=tuple(through[name]),
                detector=False,
            )
            for name, _ in ideas
        ]

    def _gets_through(self, attack: Attack, outcome: Outcome) -> bool:
        return outcome.beyond(self._clean[attack.clean])


if __name__ == "__main__":
    sys.exit(main())
