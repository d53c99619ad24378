"""The taxonomy that the offline classifier learns from, read from ``taxonomy.toml``."""

import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated, Self, cast, get_args

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from closeloop.errors import ConfigurationError
from closeloop.models.base import Input
from closeloop.models.triage import OTHER_INTENT, PERSON_INTENT, Priority, Sentiment, Urgency
from closeloop.offline.text import fold

TAXONOMY_FILE = "taxonomy.toml"
MIN_EXAMPLES = 12
"""Below this an intent cannot be learnt, nor its probability be calibrated, with any trust."""
PRIORITIES: tuple[Priority, ...] = ("urgent", "high", "normal", "low")
"""Most urgent first."""

_NEVER = r"(?!)"
_NOT_INSIDE_A_WORD = r"(?:(?<!\w)|(?!\w))"


def _compile(value: object) -> re.Pattern[str]:
    """Join the regular expressions of a list into one, which finds any of them as whole words."""
    if not isinstance(value, list):
        raise ValueError("must be a list of regular expressions")
    cues: list[str] = []
    for number, cue in enumerate(cast("list[object]", value)):
        if not isinstance(cue, str) or not cue.strip():
            raise ValueError(f"entry {number} must be a text that is not empty")
        try:
            re.compile(cue)
        except re.error as error:
            raise ValueError(
                f"entry {number}, {cue!r}, is no regular expression: {error}"
            ) from None
        cues.append(cue)
    joined = "|".join(cues) if cues else _NEVER
    return re.compile(f"{_NOT_INSIDE_A_WORD}(?:{joined}){_NOT_INSIDE_A_WORD}", re.IGNORECASE)


Cues = Annotated[re.Pattern[str], BeforeValidator(_compile)]
"""A list of regular expressions in the file, one pattern for folded text in memory."""


class Intent(Input):
    """What a customer may want, and how customers say it."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    group: str
    description: str = Field(min_length=1)
    examples: tuple[str, ...]
    hints: Cues = re.compile(_NEVER)


class UrgencyCues(Input):
    """Words of high urgency; those of low urgency are taken out first ("not urgent")."""

    high: Cues
    low: Cues


class SentimentCues(Input):
    """Words of feeling; ``neither`` holds phrases with such a word that do not express it."""

    neither: Cues
    very_negative: Cues
    negative: Cues
    positive: Cues


class GuardedCues(Input):
    """Cues, and the phrases that are taken out before the cues are looked for."""

    cues: Cues
    unless: Cues = re.compile(_NEVER)

    def found_in(self, text: str) -> bool:
        """Return whether folded ``text`` holds a cue."""
        return self.cues.search(self.unless.sub(" ", text)) is not None


class Topic(GuardedCues):
    """A matter that a person should see; ``priority`` is the least urgent it may have."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    priority: Priority


class Taxonomy(Input):
    """Intents, the priority matrix by group of intents, and the cues for everything else."""

    intents: tuple[Intent, ...]
    priority: dict[str, dict[Urgency, dict[Sentiment, Priority]]]
    urgency: UrgencyCues
    sentiment: SentimentCues
    person: GuardedCues
    topics: tuple[Topic, ...]
    injection: GuardedCues
    languages: dict[str, frozenset[str]]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        problems = [
            *self._problems_of_ids(),
            *self._problems_of_examples(),
            *self._problems_of_the_matrix(),
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _problems_of_ids(self) -> list[str]:
        ids = [intent.id for intent in self.intents]
        problems = [
            f"intents: the id {i!r} is used twice" for i, n in Counter(ids).items() if n > 1
        ]
        problems += [
            f"intents: {needed!r} is missing; add it with examples"
            for needed in (OTHER_INTENT, PERSON_INTENT)
            if needed not in ids
        ]
        topics = Counter(topic.id for topic in self.topics)
        return problems + [
            f"topics: the id {i!r} is used twice" for i, n in topics.items() if n > 1
        ]

    def _problems_of_examples(self) -> list[str]:
        problems: list[str] = []
        seen: dict[str, str] = {}
        for intent in self.intents:
            key = f"intents.{intent.id}.examples"
            if len(intent.examples) < MIN_EXAMPLES:
                problems.append(
                    f"{key}: {len(intent.examples)} examples are too few; write {MIN_EXAMPLES}"
                )
            for example in intent.examples:
                plain = fold(example).casefold()
                if not plain:
                    problems.append(f"{key}: an example is empty")
                elif plain in seen:
                    problems.append(f"{key}: {example!r} is already an example of {seen[plain]!r}")
                seen[plain] = intent.id
        return problems

    def _problems_of_the_matrix(self) -> list[str]:
        problems: list[str] = []
        for group in sorted({intent.group for intent in self.intents}):
            if group not in self.priority:
                problems.append(f"priority.{group}: missing, though an intent has this group")
                continue
            for urgency in get_args(Urgency):
                row = self.priority[group].get(urgency, {})
                problems += [
                    f"priority.{group}.{urgency}.{sentiment}: missing"
                    for sentiment in get_args(Sentiment)
                    if sentiment not in row
                ]
        return problems

    def priority_of(
        self, intent_id: str, urgency: Urgency, sentiment: Sentiment, topic_ids: tuple[str, ...]
    ) -> Priority:
        """Return the matrix's priority, raised to what the topics found ask for at least."""
        group = next(intent.group for intent in self.intents if intent.id == intent_id)
        candidates: list[Priority] = [t.priority for t in self.topics if t.id in topic_ids]
        candidates.append(self.priority[group][urgency][sentiment])
        return min(candidates, key=PRIORITIES.index)


def load_taxonomy(folder: Path) -> Taxonomy:
    """Read ``taxonomy.toml`` in ``folder``.

    Raises:
        ConfigurationError: the file is missing, is no TOML, or a key of it is wrong; the message
            names file and key.
    """
    path = folder / TAXONOMY_FILE
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: is no valid TOML: {error}") from error
    try:
        return Taxonomy.model_validate(document)
    except ValidationError as error:
        found = "; ".join(
            f"{_key(document, item['loc'])}: {item['msg'].removeprefix('Value error, ')}".lstrip(
                ": "
            )
            for item in error.errors()
        )
        raise ConfigurationError(f"{path}: {found}") from error


def _key(document: dict[str, object], location: tuple[int | str, ...]) -> str:
    """Return where in the file a value stands, lists by the id of their entry: ``topics.press``."""
    names: list[str] = []
    value: object = document
    for part in location:
        if isinstance(value, list) and isinstance(part, int):
            value = cast("list[object]", value)[part]
            entry = cast("dict[str, object]", value) if isinstance(value, dict) else {}
            names.append(str(entry.get("id", part)))
        else:
            value = (
                cast("dict[object, object]", value).get(part) if isinstance(value, dict) else None
            )
            names.append(str(part))
    return ".".join(names)
