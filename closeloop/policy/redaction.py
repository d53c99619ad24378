"""Takes payment data out of text, before a language model or a log sees it.

Card numbers are 13 to 19 digits that begin as cards do and pass the Luhn check (ISO/IEC 7812-1);
IBANs pass the modulo-97 check (ISO 13616). Everything else stands: order numbers, amounts, ids.
"""

import re
from typing import Final

CARD: Final = "[card number]"
IBAN: Final = "[bank account]"

_CARD: Final = re.compile(
    r"""(?<![\w-])(?:
        \d{13,19}                                            # unbroken
      | \d{4}(?P<four>[ -])\d{4}(?P=four)\d{4}(?P=four)\d{1,4}(?:(?P=four)\d{1,3})?  # by fours
      | \d{4}(?P<six>[ -])\d{6}(?P=six)\d{4,5}               # American Express, Diners Club
    )(?![\w-])""",
    re.VERBOSE,
)
_ISSUERS: Final = re.compile(r"3[0-9]|4|5[0-9]|6|2[2-7]")
"""How the numbers of payment cards begin."""

_IBAN: Final = re.compile(
    r"(?<![\w-])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?(?![\w-])",
    re.IGNORECASE,
)
_IBAN_LENGTHS: Final = range(15, 35)
_LETTER_VALUES: Final = {chr(ord("A") + n): str(n + 10) for n in range(26)}


def redact(text: str) -> str:
    """Return ``text`` with a word in the place of every card number and IBAN."""
    return _IBAN.sub(_hidden_account, _CARD.sub(_hidden_card, text))


def _hidden_card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match[0])
    return CARD if _ISSUERS.match(digits) and _passes_luhn(digits) else match[0]


def _hidden_account(match: re.Match[str]) -> str:
    """Hide the IBAN that the match begins with: words of four letters may follow it."""
    parts = re.split(r"([ -])", match[0])
    for end in range(len(parts), 0, -2):
        number = "".join(parts[:end:2]).upper()
        if len(number) in _IBAN_LENGTHS and _passes_mod_97(number):
            return IBAN + "".join(parts[end:])
    return match[0]


def _passes_luhn(digits: str) -> bool:
    doubled = (int(d) * 2 for d in digits[-2::-2])
    total = sum(int(d) for d in digits[-1::-2]) + sum(d - 9 if d > 9 else d for d in doubled)
    return total % 10 == 0


def _passes_mod_97(number: str) -> bool:
    turned = number[4:] + number[:4]
    return int("".join(_LETTER_VALUES.get(c, c) for c in turned)) % 97 == 1
