"""Reads effects that a reply tells of by their result: "your money is back on your card"; pure.

``claims.py`` reads what somebody says they did. Here it is where the money is, or that an order
does not go out, whoever is said to have seen to it. What is asked, left open by a condition, or
repeated from the customer tells of nothing.
"""

import re
from collections.abc import Iterator
from typing import Final

from closeloop.policy.claims import MONEY_KINDS, EffectForm

_SUM: Final = r"[$€£]\s?\d[\d.,]*|\d[\d.,]*\s?(?:[$€£]|(?:usd|eur|gbp)\b)"
_MONEY: Final = (
    r"(?<!\bno )(?:\b(?:money|cash|amount|sum|total|funds?|payment|refund|balance|difference"
    r"|remainder|price(?! (?:list|tag|match|range))|costs?|fees?|postage|dollars?|euros?|pounds?"
    r"|bucks?|cents?)"
    rf"\b|{_SUM})"
)
_SO: Final = (
    r"(?:(?:just|now|also|already|since|both|all|again|safely|in full|fully|today|yesterday"
    r"|\w+ly) )*"
)
_IS: Final = (
    rf"(?:(?:\b(?:is|are|was|were|got|stands?)|'s|'re) {_SO}(?:being )?"
    rf"|(?:\b(?:has|have|had)|'s|'ve|'d) {_SO}been {_SO})"
)
_ACCOUNT: Final = (
    r"(?:(?:bank|credit|debit|checking|current) )?"
    r"(?:cards?|account(?! (?:page|overview|settings))|bank|paypal|wallet|balance)\b"
)
_THERE: Final = (
    rf"(?:(?:on|onto|in|into|to|with|at) (?:your|the same|the original|that) (?:\w+ )?{_ACCOUNT}"
    r"|(?:to|with|at) you(?! (?:by|via|in|per) (?:e-?mail|mail|post|writing|our|the|my)\b)\b(?!r)"
    r"|your way\b|\bback\b(?! (?:guarantee|to us|with us))|\bagain\b)"
)
_SENT: Final = (
    r"(?:sent|returned|paid|put|placed|deposited|released|posted|dispatched|credited|booked|moved"
    r"|restored|given|handed|forwarded|pushed|passed|loaded|delivered)"
)
_GONE: Final = (
    r"(?:wired|transferred|remitted|repaid|disbursed|reversed|refunded|reimbursed"
    r"|paid (?:out|back))\b(?! (?:from|by) you)"
)
_ARRIVED: Final = r"(?:landed|arrived|reached|gone|went|came|come|returned|hit|left us)\b"
_NEAR: Final = r"[^.;:?!\n]{0,40}?"
_STRAIGHT: Final = (
    r"(?:(?!\b(?:who|which|they|and|gets?|comes?|questions?|team|case)\b)[^.;:?!\n]){0,40}?"
)
_FEW: Final = (
    r"(?:(?!(?:ask|want|wish|request|claim|like|hop|expect|wait|need)\w*"
    r"|(?:to|for|if|not|no|never|about|get|form|message|mail|e-mail|question|letter|note|link)\b)"
    r"[\w$€£.,'#-]+ ){0,6}?"
)
_MONEY_BACK: Final = (
    # "The sum has been wired to you", "the price is on your card again", "it is on its way".
    rf"{_MONEY}(?:'s)?(?: (?:of|for|from) {_NEAR})? ?{_IS}"
    rf"(?:{_GONE}|{_SENT} {_NEAR}{_THERE}|{_THERE}|on (?:its|the) way\b)"
    rf"|\b(?:it|this|that|they|everything|all of it|half|the rest) ?{_IS}"
    rf"(?:{_SENT}\b ?{_NEAR})?(?:back|again) (?:on|onto|in|into|with) your (?:\w+ )?{_ACCOUNT}"
    # "The money went back to your card", "the amount has reached you".
    rf"|{_MONEY}(?: (?:of|for|from) {_NEAR})? (?:(?:has|have|had) )?{_SO}{_ARRIVED}"
    rf"(?:{_NEAR}{_THERE}|(?<=reached) you\b| this morning\b| today\b)"
    # "You have your 139 dollars back", "you got the refund".
    rf"|(?<!do )(?<!did )(?<!have )(?<!once )\byou(?:'ve|'d)? (?:have )?{_SO}"
    rf"(?:have|had|got|gotten|received|hold)\b (?:{_FEW}{_MONEY} {_SO}"
    r"(?:back\b(?! guarantee)|again\b|from us\b)|(?:your|the) (?:full |whole )?refund\b)"
    # "Your card shows the amount again".
    rf"|\byour (?:\w+ )?{_ACCOUNT} {_SO}(?:has|had|got|received|shows?|holds?) {_FEW}{_MONEY}"
    r" (?:back|again|from us)\b"
    # "I wired you the sum", "we put the amount back on your card".
    rf"|\b(?:we|i)(?:'ve|'d| have)? {_SO}(?:(?:wired|paid|gave|given|sent|transferred|handed) you"
    rf" (?:back\b|{_FEW}{_MONEY}(?! of (?:paper|tea)))|(?:{_SENT}|gave|got|{_GONE}) {_FEW}{_MONEY}"
    rf"{_STRAIGHT}{_THERE}|(?:wired|transferred|remitted) {_FEW}{_MONEY})"
    rf"|\b(?:you|you've) ?(?:were|are|have been|been) {_SO}"
    r"(?:paid back|paid out|paid(?=\W*$|,)|made whole)\b"
    # "The dollars are yours again", "you will find the amount on your card", "the charge is gone".
    rf"|{_MONEY} ?{_IS}yours\b"
    rf"|\byou(?:'ll| will| can|'d)? {_SO}(?:find|see|have) {_FEW}{_MONEY} {_SO}(?:on|in) your"
    rf" (?:\w+ )?{_ACCOUNT} {_SO}(?:already|now|again|today)\b"
    rf"|\b(?:charges?|payment|amount) ?{_IS}(?:gone|taken|removed|lifted) (?:off|from) your"
    rf" (?:\w+ )?{_ACCOUNT}"
)
_ORDER: Final = (
    r"(?:\b(?:order|shipment|parcel|package|purchase|delivery|dispatch)\b|#?\bw\d{3,}\b)"
)
_STOPPED: Final = (
    r"(?:stopped|halted|voided|annulled|revoked|killed|scrapped|withdrawn|rescinded|undone)\b"
)
_CALLED_OFF: Final = (
    r"\b(?:we|i)(?:'ve|'d| have)? "
    rf"{_SO}(?:put (?:a|an) (?:stop|end|halt) to|{_STOPPED}|withdrew|undid) {_NEAR}{_ORDER}"
    rf"|\b(?:we|i)(?:'ve|'d| have)? {_SO}(?:pulled|took|taken) {_FEW}{_ORDER}(?: #?\w+)? "
    r"(?:back|out|from|off)\b"
    rf"|{_ORDER}(?: #?w?\d+)? ?{_IS}(?:{_STOPPED}|taken (?:out|off|back)\b|off(?=\W*$|,| and))"
    rf"|(?:{_ORDER}(?: #?w?\d+)?|\b(?:it|they|nothing)) ?(?:will not|won't|will never"
    r"|will no longer|(?:is|are) not going to|isn't going to) (?:be )?(?:ship|shipped|sent"
    r"|sent out|go out|dispatched|leave us|leave our warehouse)\b"
    r"(?=\W*$|\s*[,.!;]| (?:and|any ?more|now|at all)\b)"
)
_REDIRECTED: Final = (
    rf"{_ORDER}(?: #?w?\d+)? (?:{_SO})(?:goes|is going|ships|is headed|travels) {_SO}to"
    r" (?:your|the) (?:new|other|right|correct) address\b"
    rf"|\b(?:new|right|correct) address ?{_IS}(?:on|in) (?:the|your)"
    r" (?:order|parcel|account|file)\b"
)


def _told(name: str, pattern: str, kinds: frozenset[str], *on_record: str) -> EffectForm:
    return EffectForm(name, re.compile(pattern, re.IGNORECASE), kinds, None, on_record, False)


TOLD: Final = (
    _told("refund", _MONEY_BACK, MONEY_KINDS, "refund"),
    _told("cancellation", _CALLED_OFF, frozenset({"cancel_order"}), "cancelled"),
    _told(
        "credit",
        rf"\b(?:voucher|store credit|coupon) ?{_IS}(?:on|in|with) (?:your|you)\b",
        frozenset({"issue_store_credit"}),
    ),
    _told(
        "change of address",
        _REDIRECTED,
        frozenset({"modify_order_address", "update_customer_address"}),
    ),
)
_OPEN: Final = re.compile(
    r"\b(?:if|once|when|whenever|until|till|unless|as soon as|whether|before|after|in case|should"
    r"|(?:do|does|did|not|n't) (?:\w+ )?(?:see|find|know|think|believe) (?:that )?"
    r"|you (?:\w+ )?(?:say|said|write|wrote|ask|asked|mention\w*|tell|told|report\w*|claim\w*))\b"
    r"[^,;:]*$"
    r"|\b(?:if|once|when|as soon as|after) you (?:accept|agree|answer|bring|choose|confirm|give"
    r"|post|reply|return|send|tell)\b[^;:]*$",
    re.IGNORECASE,
)
"""What stands before something that is not said to be so: in its clause, or the reader's step."""


def told(sentence: str) -> Iterator[tuple[str, EffectForm]]:
    """Yield what a sentence tells of as having come about."""
    for form in TOLD:
        for match in form.pattern.finditer(sentence):
            if not _OPEN.search(sentence[: match.start()]):
                yield match[0], form
                break
