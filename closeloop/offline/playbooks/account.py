"""The customer's account: its address, how to get in, what is on file; codes, cards, newsletters.

What no action does is answered from an article, or handed to a person with how sure it is who
writes. Nothing here says that it was done.
"""

import re
from typing import Final

from closeloop.actions.customers import UpdateCustomerAddress
from closeloop.models.knowledge import Passage
from closeloop.models.proposal import Action, Proposal
from closeloop.offline import wording
from closeloop.offline.playbooks import drafting, orders
from closeloop.offline.playbooks.case import ARTICLES, Case
from closeloop.offline.playbooks.quoting import quote_on, topic_words
from closeloop.offline.playbooks.reading import looks_like_order_number, only_asks, plain

_ON_THE_ACCOUNT: Final = re.compile(
    r"\b(?:my|the|our) (?:\w+ )?(?:account|profile)\b|\bdefault (?:\w+ )?address\b|\bon file\b"
)
_SIGN_IN: Final = "sign in forgot password change account contact"
_ERASE: Final = "delete account copy personal data ask person"
_NEWSLETTER: Final = "newsletter unsubscribe link mail"
_DANGER: Final = re.compile(
    r"\b(?:hack\w*|stole\w*|somebody|someone|strange|locked|blocked?|unlock|suspend\w*|disabled"
    r"|codes?|links?|arriv\w+|reach\w*|came|expired)\b"
)
"""What the article on passwords does not help with, or what a person should see at once."""
_MAILING: Final = re.compile(
    r"\b(?:newsletters?|mailing|mailings|marketing|e-?mails?|offers?|adverts?|unsubscribe)\b"
)
_OTHER_SUBSCRIPTION: Final = re.compile(
    r"\b(?!newsletter|e?-?mail|mailing|marketing|my|the|an?|this|that|your|our|any|all|of|from|and)"
    r"[a-z]+[\s-](?:subscription|membership|plan|club|box)\b|\bmembership\b"
)
_ON_FILE: Final = re.compile(
    r"\b(?:what|which)\b[^.?!\n]*\b(?:address|e-?mail|phone|name|orders?|details|data)\b[^.?!\n]*"
    r"\b(?:(?:do|did|have) (?:you|i)\b|(?:is|are) (?:\w+ )?(?:on (?:file|my account)|stored|saved))"
)
_CHANGES: Final = re.compile(
    r"\b(?:chang|updat|correct|send|ship|deliver|mov(?:e|ed|ing)\b|switch|replac)"
)
_GIFT_CARDS: Final = topic_words("gift cards")
_CODES: Final = topic_words("discount codes")


def change_address(case: Case) -> Proposal:
    """Change the address on the account where that is named and no order is; else an order's.

    Who only asks which one is on file is answered by a person.
    """
    latest = plain(case.latest)
    if _ON_FILE.search(latest) and not _CHANGES.search(latest):
        return _to_a_person(
            case,
            "on_file_question",
            "asks what is on file about them, and for no change",
            "Tell it only to somebody of whom it is sure enough who they are.",
        )
    about_account = _ON_THE_ACCOUNT.search(plain(case.words)) is not None
    if about_account and not case.request.order_ids and not looks_like_order_number(case.words):
        return _account_address(case)
    return orders.change_address(case)


def _account_address(case: Case) -> Proposal:
    customer = case.customer
    if customer is None:
        return drafting.not_sure_enough(case)
    on_file = customer.address
    read = orders.address_named(case, on_file.country if on_file else orders.DEFAULT_COUNTRY)
    if read.unsure:
        return orders.address_unclear(case)
    address = read.address
    if address is None:
        return drafting.question(
            case,
            wording.ACCOUNT_ADDRESS_NEEDED,
            goal="learn the complete new address of the account",
            why="the customer's words hold no complete address",
        )
    if on_file is not None and orders.same_place(on_file, address):
        return drafting.answer(
            case,
            (wording.ACCOUNT_ADDRESS_SAME, wording.address_lines(address)),
            goal="tell that the account has this address already",
            why="it is the address on file",
            courtesy=wording.THANKS,
        )
    params = UpdateCustomerAddress(customer_id=customer.customer_id, address=address)
    action = Action(
        action_id="a1",
        kind=params.kind,
        params=params.model_dump(mode="json"),
        reason="the customer gave a new address for the account",
        requested_by=tuple(message.message_id for message in case.messages[-1:]),
    )
    done, reference = wording.ACCOUNT_ADDRESS
    return drafting.answer(
        case,
        (done, wording.address_lines(address), reference),
        goal="change the address on the account",
        why="the customer wants it, and gave a complete address",
        actions=(action,),
        courtesy=wording.THANKS,
    )


def account_access(case: Case) -> Proposal:
    """Say how to get a new password; what may be a lock or a thief is for a person."""
    if _DANGER.search(plain(case.current)):
        return _to_a_person(case, "account_access", "cannot get into the account, or fears for it")
    return drafting.article(case, _SIGN_IN, kinds=ARTICLES, must="forgot password")


def change_contact(case: Case) -> Proposal:
    """Say how customers change it themselves, where they ask how; else a person sees to it."""
    if only_asks(case.latest, ("mail", "phone", "number", "contact", "name")):
        return drafting.article(case, _SIGN_IN, kinds=ARTICLES)
    return _to_a_person(
        case,
        "contact_change",
        "wants another e-mail address, phone number or name on file",
        "Whoever holds the contact holds the account: confirm it with the contact that is on file"
        " now before anything is changed, and make no payment on the strength of the new one.",
    )


def account_data(case: Case) -> Proposal:
    """Say how it is done, where customers ask how; the deletion or the copy is a person's to do."""
    if only_asks(case.latest, ("delete", "close", "erase", "remove", "copy")):
        return drafting.article(case, _ERASE, kinds=ARTICLES)
    return _to_a_person(
        case,
        "personal_data",
        "has a wish or a question about their personal data or the end of their account",
        "Nothing has been deleted or sent. Mind open orders, balances, and the legal time limit.",
    )


def stop_subscription(case: Case) -> Proposal:
    """Say how to leave the newsletter; any other subscription is for a person to stop."""
    words = plain(case.current)
    if _MAILING.search(words) and not _OTHER_SUBSCRIPTION.search(words):
        return drafting.article(case, _NEWSLETTER, kinds=ARTICLES)
    return _to_a_person(
        case,
        "subscription",
        "wants a subscription or membership stopped, which no action does",
        "Nothing has been stopped. Look for it by hand, and mind when it would renew.",
    )


def discount_or_gift_card(case: Case) -> Proposal:
    """Quote what the articles on codes and gift cards say about what is asked."""
    asked = topic_words(case.latest)
    quote = quote_on(asked, _about(case, _GIFT_CARDS), needs=3) or quote_on(
        asked, _about(case, _CODES), needs=2
    )
    if quote is None:
        return drafting.knowledge_gap(case, "discount codes or gift cards")
    return drafting.answer(
        case,
        (),
        goal="answer a question about codes or gift cards",
        why=f"{quote.passage_id} speaks of what is asked",
        quotes=(quote,),
        courtesy=wording.ANSWER_FOUND,
    )


def _about(case: Case, title: frozenset[str]) -> list[Passage]:
    """Return the passages whose titles hold these words."""
    known = (passage for passage in case.passages if passage.kind in ARTICLES)
    return [passage for passage in known if title <= topic_words(passage.title)]


def _to_a_person(case: Case, reason: str, what: str, advice: str = "") -> Proposal:
    """Hand over with how sure it is who writes."""
    return drafting.escalate(
        case,
        reason,
        f"The customer {what}. How sure it is who writes: {case.assurance.value}.",
        advice,
    )
