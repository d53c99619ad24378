"""Reads small, certain things out of a customer's words: numbers, amounts, how many, yes."""

import re
from collections.abc import Sequence
from typing import Final

_WORD: Final = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_SENTENCE: Final = re.compile(r"(?<=[.?!])\s+|\n+")

_QUOTE_HEAD: Final = re.compile(
    r"\s*(?:on\b.{0,200}\bwrote:|-{2,}\s*original message\b.*)", re.IGNORECASE
)
_TOKEN: Final = re.compile(r"#?[A-Za-z0-9][A-Za-z0-9_-]*")
_ORDER_LIKE: Final = re.compile(
    r"#[A-Za-z]{0,3}-?\d{3,}\b"
    r"|\b[A-Za-z]{1,2}\d{4,}\b"
    r"|\border\s*(?:number|no\.?|nr\.?|id)?\s*:?\s*#?\s*([A-Za-z]{0,3}-?\d{3,})\b",
    re.IGNORECASE,
)
_BARE_NUMBER: Final = re.compile(
    r"(?:#\s*|\b(?:order|number|no\.?|nr\.?|id)\s*:?\s*#?\s*)(\d{3,})\b", re.IGNORECASE
)

_AMOUNT: Final = re.compile(
    r"(?:\$|usd\s?)\s?(?P<before>\d{1,7}(?:[.,]\d{2})?)\b"
    r"|\b(?P<after>\d{1,7}(?:[.,]\d{2})?)\s?(?:\$|usd\b|dollars?\b|bucks\b)"
    r"|\b(?P<cents>\d{1,7}[.,]\d{2})\b",
    re.IGNORECASE,
)
_WISHED: Final = re.compile(
    r"\b(?:refund|reimburse|credit|pay|give|send|return)\w*\s+"
    r"(?:(?:me|us|back|of|only|just|about|the|a|my)\s+){0,4}"
    r"(?=(?:\$|usd\s?)?\s?\d)",
    re.IGNORECASE,
)

_ONE: Final = re.compile(r"\b(?:one|1|single|either)\b")
_NUMBERS: Final = {"two": 2, "2": 2, "three": 3, "3": 3, "four": 4, "4": 4, "five": 5, "5": 5}
_NUMBER: Final = rf"\b({'|'.join(_NUMBERS)})\b"
_BOTH: Final = re.compile(r"\bboth\b")
_EVERY: Final = re.compile(
    r"\ball (?:of|the|my|these|those|\d|two|three|four|five)\b|\beach\b|\bevery one\b"
)
_ANOTHER: Final = re.compile(r"\b(?:other|another|second|2nd|remaining)\b")
_WHOLE: Final = re.compile(
    r"\b(?:whole|entire|complete|full) (?:order|purchase|thing)\b|\ball of it\b"
    r"|\beverything (?:in|on|of|from) (?:it|the|my|this|that|order|#)"
)
_NEWEST: Final = re.compile(r"\b(?:last|latest|newest|(?:most )?recent)\s+(?:order|purchase|one)\b")
_YES: Final = re.compile(
    r"\s*(?:yes|yep|yeah|yup|sure|correct|right|exactly|ok|okay|please do|go ahead|that one"
    r"|that's (?:it|the one|right|correct))\b",
    re.IGNORECASE,
)
_NO: Final = re.compile(r"\b(?:no|not|don't|dont|but|instead|except)\b")
_PURE_QUESTION: Final = re.compile(
    r"^(?:(?:hi|hello|hey|dear \w+|good \w+|and|so|but|also|please tell me|could you tell me"
    r"|can you tell me|i wonder|just wondering|quick question)[\s,:!-]+)*"
    r"(?:how|when|where|what|whats|what's|which|why|until when|do you|does|am i able|will i"
    r"|is it (?:still )?(?:possible|too late)|is it still|can i still|could i still"
    r"|has my|have you|did you|is there|are there)\b"
)


def plain(text: str) -> str:
    """Return ``text`` in lower case with straight quotes."""
    return text.replace("\u2019", "'").replace("\u2018", "'").casefold()


def stem(word: str) -> str:
    """Return a lower-case word without possessive and plural endings."""
    word = word.removesuffix("'s")
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def stems(text: str) -> frozenset[str]:
    """Return the stems of all words in ``text``."""
    return frozenset(stem(word) for word in _WORD.findall(plain(text)))


def sentences(text: str) -> tuple[str, ...]:
    """Return the sentences and lines of ``text``, without empty ones."""
    return tuple(part.strip() for part in _SENTENCE.split(text) if part.strip())


def canonical(order_id: str) -> str:
    """Return an order number as it is compared: no ``#``, upper case."""
    return order_id.lstrip("#").upper()


def numbers_named(text: str, known: Sequence[str]) -> tuple[str, ...]:
    """Return those of the ``known`` numbers that ``text`` names, in the order of ``known``.

    ``W1001``, ``#w1001`` and, after "order" or "#", the bare digits all name ``#W1001``.
    """
    tokens = {canonical(token) for token in _TOKEN.findall(text)}
    bare = set(_BARE_NUMBER.findall(text))

    def named(number: str) -> bool:
        digits = re.sub(r"\D", "", number)
        return canonical(number) in tokens or (len(digits) > 2 and digits in bare)

    return tuple(number for number in known if named(number))


def looks_like_order_number(text: str) -> bool:
    """Return whether ``text`` names something that has the shape of an order number."""
    return _ORDER_LIKE.search(text) is not None


def amounts_minor(text: str) -> tuple[int, ...]:
    """Return the amounts of money in ``text`` in cents: ``$30``, ``30.00``, ``30 dollars``."""
    return tuple(_cents(match) for match in _AMOUNT.finditer(text))


def wished_minor(text: str) -> int | None:
    """Return the amount in cents that ``text`` asks for outright (``refund me $10``)."""
    for wish in _WISHED.finditer(text):
        match = _AMOUNT.match(text, wish.end())
        if match is not None:
            return _cents(match)
    return None


def _cents(match: re.Match[str]) -> int:
    number = match["before"] or match["after"] or match["cents"]
    units, _, cents = number.replace(",", ".").partition(".")
    return int(units) * 100 + int(cents or 0)


def units_meant(text: str, noun: str, available: int) -> int:
    """Return how many units of an item called ``noun`` are meant: "both mugs", "all of them".

    "one of the two" means one; where two readings are possible the smaller one is taken.
    """
    words = plain(text)
    if available < 2 or _ONE.search(words):
        return 1
    counting = (
        rf"{_NUMBER}(?: of (?:them|these|those)\b|\s+(?:\w+\s+){{0,2}}?{re.escape(stem(noun))})"
    )
    counted = [_NUMBERS[number] for number in re.findall(counting, words)]
    if _BOTH.search(words):
        counted.append(2)
    if counted:
        return min(*counted, available)
    plurals = (word for word in _WORD.findall(words) if word.endswith("s") and word != noun)
    every = _EVERY.search(words) or any(stem(word) == stem(noun) for word in plurals)
    return available if every else 1


def means_another_unit(text: str) -> bool:
    """Return whether ``text`` means one more unit of the same item ("the other one")."""
    return _ANOTHER.search(plain(text)) is not None


def means_whole_order(text: str) -> bool:
    """Return whether ``text`` says that the whole order is meant."""
    return _WHOLE.search(plain(text)) is not None


def means_newest_order(text: str) -> bool:
    """Return whether ``text`` points to the latest order."""
    return _NEWEST.search(plain(text)) is not None


def says_yes(text: str) -> bool:
    """Return whether ``text`` is a plain, short yes to a question."""
    return len(text) <= 200 and _YES.match(text) is not None and not _NO.search(plain(text))


def only_asks(text: str, words: Sequence[str]) -> bool:
    """Return whether every sentence with one of ``words`` merely asks how or whether.

    "How do I cancel?" asks; "Please cancel it" and "Can I have my money back?" are wishes.
    """
    about = [part for part in map(plain, sentences(text)) if any(word in part for word in words)]
    return bool(about) and all(_PURE_QUESTION.match(part) for part in about)


def without_quotes(text: str) -> str:
    """Return a message without what it quotes of others: it holds our words, not the customer's."""
    kept: list[str] = []
    for line in text.splitlines():
        if _QUOTE_HEAD.fullmatch(line):
            break
        if not line.lstrip().startswith(">"):
            kept.append(line)
    return "\n".join(kept)
