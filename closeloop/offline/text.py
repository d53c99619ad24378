"""What a customer wrote, without what surrounds it: quoted replies, greetings, signatures."""

import re
import unicodedata

_ZERO_WIDTH = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_QUOTES = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201b": "'",
        "`": "'",
        "\u00b4": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u2013": "-",
        "\u2014": "-",
    }
)
_SPACES = re.compile(r"\s+")

_QUOTED_LINE = re.compile(r"^[ \t]*>.*$\n?", re.MULTILINE)
_WROTE = re.compile(r"^[ \t]*On [^\n]{5,160}(?:\n[^\n]{0,120})?\bwrote:[ \t]*$\n?", re.MULTILINE)
_FORWARDED = re.compile(
    r"^[ \t]*(?:-{2,} ?(?:original|forwarded) message ?-{2,}|_{8,}"
    r"|from: [^\n]+\n(?:sent|date|to): ).*",
    re.MULTILINE | re.IGNORECASE | re.DOTALL,
)
_SIGNATURE = re.compile(
    r"^[ \t]*(?:--[ \t]*$|(?:(?:best|kind|warm|kindest|many)[ \t]+)?(?:regards|wishes)\b"
    r"|(?:yours|your'?s)?[ \t]*(?:sincerely|faithfully|respectfully|truly)\b"
    r"|(?:best|cheers|thanks|thank you|thx)[ \t]*[,.!]*[ \t]*\n[^\n]{1,40}$"
    r"|sent from my \w+).*",
    re.MULTILINE | re.IGNORECASE | re.DOTALL,
)
_GREETING = re.compile(
    r"^\s*(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|greetings)\b[^,.!?:;\n]{0,40}"
    r"(?:[,.!:;]+|\n)\s*",
    re.IGNORECASE,
)

_SENTENCE_END = re.compile(r"(?<=[.!?:])[\"')\]]*\s+|\n+|\|")
MAX_SENTENCE = 300
"""Characters of one sentence; a longer one is cut up."""


def fold(text: str) -> str:
    """Return ``text`` on one line, with straight quotes and without invisible characters."""
    plain = unicodedata.normalize("NFKC", text).translate(_ZERO_WIDTH).translate(_QUOTES)
    return _SPACES.sub(" ", plain).strip()


def sentences(text: str) -> tuple[str, ...]:
    """Return the sentences of a text that hold words, each of bounded length, each once."""
    parts: list[str] = []
    for part in _SENTENCE_END.split(text):
        words = fold(part)
        parts += [words[at : at + MAX_SENTENCE] for at in range(0, len(words), MAX_SENTENCE)]
    return tuple(dict.fromkeys(part for part in parts if part.count(" ") >= 2))


def own_words(text: str) -> str:
    """Return what the customer added to the conversation, still in lines.

    Lines quoted with ``>`` go wherever they stand, so an answer below a quote stays. A copied
    message without such marks is cut from its header on.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    header = _WROTE.search(text)
    if header and not _QUOTED_LINE.search(text, header.end()):
        text = text[: header.start()]
    text = _QUOTED_LINE.sub("", _WROTE.sub("", text))
    return _FORWARDED.sub("", text).strip()


def core(text: str) -> str:
    """Return the customer's own words on one line, without a greeting and a signature.

    Each is only taken off when something remains.
    """
    words = own_words(text)
    words = _SIGNATURE.sub("", words).strip() or words
    words = _GREETING.sub("", words).strip() or words
    return fold(words)
