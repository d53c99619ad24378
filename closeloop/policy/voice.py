"""The desk's voice, ``voice.toml``: what stands around a message, and what must not stand in it."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from closeloop.errors import ConfigurationError
from closeloop.models.base import Input
from closeloop.models.grounding import Ungrounded
from closeloop.models.voice import Voice
from closeloop.policy import claims
from closeloop.policy.tomlfile import TomlTable, by_tenant, fault

FILE: Final = "voice.toml"
NAME: Final = "{name}"


def _one_line(text: str) -> str:
    if "\n" in text or re.search(r"[{}]", text.replace(NAME, "")):
        raise ValueError("must be one line, and hold no braces but {name} in a greeting")
    return text


def _nameless(text: str) -> str:
    if NAME in text:
        raise ValueError("only the greeting may hold {name}")
    return text


_Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=2, max_length=200),
    AfterValidator(_one_line),
]
_Phrase = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=3, max_length=100, pattern=r"\w")
]


class _Words(Input):
    """The voice of one tenant, as it is written."""

    languages: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")], ...], Field(min_length=1)
    ]
    greeting: _Line
    sign_off: Annotated[_Line, AfterValidator(_nameless)]
    disclosure: Annotated[_Line, AfterValidator(_nameless), StringConstraints(min_length=10)]
    forbidden: Annotated[tuple[_Phrase, ...], Field(max_length=200)] = ()
    plain_greeting: _Line | None = None
    plain_topics: Annotated[tuple[str, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def _plain(self) -> Self:
        if bool(self.plain_greeting) != bool(self.plain_topics):
            raise ValueError("plain_greeting and plain_topics go together")
        return self


@dataclass(frozen=True, kw_only=True)
class Voices:
    """The voice of everybody, and those of tenants that differ."""

    default: Voice
    tenants: dict[str, Voice]
    source: str

    def of(self, tenant: str) -> Voice:
        """Return the tenant's voice."""
        return self.tenants.get(tenant, self.default)

    def named(self) -> dict[str, Voice]:
        """Return every voice by where in the file it stands."""
        tenants = {f"{self.source}: [tenant.{name}]": one for name, one in self.tenants.items()}
        return {self.source: self.default, **tenants}

    def require_sayable(self, words: Mapping[str, str]) -> None:
        """Check that no voice forbids the desk's own words, by the names they have here.

        Raises:
            ConfigurationError: names the file, the tenant, the key and where the words stand.
        """
        for where, voice in self.named().items():
            _require_sayable(where, voice, words)


def parse_voices(document: TomlTable, source: str) -> Voices:
    """Return the voices of a parsed file.

    Raises:
        ConfigurationError: names the file (``source``), the tenant and the key; also where a voice
            forbids its own greeting, sign-off or disclosure, and with it every reply.
    """
    base, overridden = by_tenant(document, source)
    return Voices(
        default=_voice(base, source),
        tenants={
            name: _voice(table, f"{source}: [tenant.{name}]") for name, table in overridden.items()
        },
        source=source,
    )


def _voice(table: TomlTable, where: str) -> Voice:
    try:
        words = _Words.model_validate(table)
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {fault(error)}") from error
    voice = Voice.model_validate(words.model_dump())
    around = {
        "the greeting": voice.greeting,
        "the sign-off": voice.sign_off,
        "the disclosure": voice.disclosure,
        "the plain greeting": voice.plain_greeting or "",
    }
    _require_sayable(where, voice, around)
    return voice


def _require_sayable(where: str, voice: Voice, words: Mapping[str, str]) -> None:
    for position, phrase in enumerate(voice.forbidden):
        for name, text in words.items():
            if _says(text, phrase):
                raise ConfigurationError(
                    f"{where}: forbidden.{position}: {phrase!r} stands in {name}:"
                    " it would forbid every such message"
                )


# --- what is said --------------------------------------------------------------------------------

_GREETING: Final = re.compile(
    r"(?:hello|hi|hey|dear|good (?:morning|afternoon|evening))(?: [\w.'-]+){0,3} ?[,!.]?", re.I
)
_INLINE: Final = re.compile(
    r"(?:hello|hi|hey|dear|good (?:morning|afternoon|evening))(?: (?-i:[^\W\d_a-z])[\w.'-]*"
    r"| there){0,3}(?:,[ \t]*\n?|[!.]?[ \t]*\n)\s*(?=\S)",
    re.I,
)
"""A greeting at the head of a paragraph that goes on; a name has a capital."""
_SIGN_OFF: Final = re.compile(
    r"(?:(?:(?:kind|best|warm|many) )?(?:regards|wishes)|(?:yours )?sincerely|best|cheers)[,.!]?"
    r"(?:\n[^\n]{1,60}){0,2}|(?:the|your) (?:[\w-]+ ){0,3}(?:team|desk)[,.!]?",
    re.I,
)
_GAP: Final = "\n\n"


def dressed(text: str, voice: Voice, name: str | None, topics: Collection[str] = ()) -> str:
    """Return a message in the desk's voice: its own greeting and sign-off give way to the desk's.

    ``name`` is the customer's first name where it may be used, ``topics`` what the ticket touches.
    """
    first = " ".join((name or "").split())[:40]
    plain = not set(voice.plain_topics).isdisjoint(topics)
    greeting = (voice.plain_greeting if plain else None) or voice.greeting
    if not first:
        greeting = re.sub(r"\s*\{name\}", "", greeting)
    greeting = greeting.replace(NAME, first)
    return _GAP.join([greeting, *body(text), voice.sign_off, voice.disclosure])


def body(text: str) -> list[str]:
    """Return the paragraphs of a message without a greeting first and a sign-off last."""
    parts = [part for part in re.split(r"\n\s*\n", text.strip()) if part.strip()]
    if len(parts) > 1 and _GREETING.fullmatch(parts[0].strip()):
        parts = parts[1:]
    if parts:
        inline = _INLINE.match(parts[0].lstrip())
        if inline:
            rest = parts[0].lstrip()[inline.end() :]
            parts[0] = rest[:1].upper() + rest[1:]
    if len(parts) > 1 and _SIGN_OFF.fullmatch(parts[-1].strip()):
        parts = parts[:-1]
    return parts


def _says(text: str, phrase: str) -> bool:
    spaced = r"\s+".join(map(re.escape, phrase.split()))
    return re.search(rf"(?<!\w){spaced}(?!\w)", text, re.I) is not None


def forbidden_in(text: str, voice: Voice) -> str | None:
    """Return the first phrase in a text that the voice forbids."""
    return next((phrase for phrase in voice.forbidden if _says(text, phrase)), None)


def problems(
    text: str, voice: Voice | None, secret: frozenset[int], public: str
) -> Iterator[Ungrounded]:
    """Yield what a message must not say: forbidden phrases, and the desk's own limits.

    ``secret`` are limits in minor units; one that ``public`` texts tell as well is none.
    """
    if voice is not None:
        for phrase in voice.forbidden:
            if _says(text, phrase):
                yield Ungrounded(
                    kind="voice", words=phrase, why="the desk does not say this: put it otherwise"
                )
    told = {money.amount_minor for _, money in claims.amounts(public)}
    for sentence in _SENTENCE.split(text):
        if not _LIMIT.search(sentence):
            continue
        for found, money in claims.amounts(sentence):
            if money.amount_minor in secret - told:
                yield Ungrounded(
                    kind="threshold", words=found.words, why="no customer hears of our limits"
                )


_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|\n+")
_LIMIT: Final = re.compile(
    r"\b(?:limit\w*|threshold\w*|up to|at most|maximum|no more than|more than|less than|above|below"
    r"|over|under|exceed\w*|approv\w*|automatic\w*|without (?:a person|asking|review))\b",
    re.I,
)
"""Words beside an amount that make it a limit."""
