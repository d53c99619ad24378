"""Which language a customer writes."""

import pytest

from closeloop.offline.language import OfflineLanguages

LANGUAGES = OfflineLanguages()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Please refund the mug of order #W1001.", "en"),
        ("Where is my parcel?", "en"),
        ("Hallo, bitte erstatten Sie mir die Tasse aus der Bestellung #W1001.", "de"),
        ("Bonjour, je voudrais être remboursé pour la commande #W1001.", "fr"),
        ("Hola, quiero que me devuelvan el dinero del pedido #W1001.", "es"),
        ("Proszę o zwrot pieniędzy za zamówienie #W1001", "pl"),
        ("請退款訂單 #W1001", "zh"),
        ("注文 #W1001 の返金をお願いします", "ja"),
        ("Верните деньги за заказ #W1001, пожалуйста", "ru"),
    ],
)
def test_a_sentence_is_enough(text: str, language: str) -> None:
    assert LANGUAGES.detect([text]) == language


@pytest.mark.parametrize(
    "text", ["", "#W1001", "ok", "Nora Whitfield", "24.90", "\U0001f44d", "[code]"]
)
def test_what_says_nothing_has_no_language(text: str) -> None:
    assert LANGUAGES.detect([text]) is None


def test_a_word_or_two_do_not_change_the_language_of_the_conversation() -> None:
    german = "Bitte erstatten Sie mir die Tasse, sie ist kaputt angekommen."
    assert LANGUAGES.detect([german, "ok"]) == "de"


def test_the_newest_words_that_are_enough_count() -> None:
    german = "Bitte erstatten Sie mir die Tasse, sie ist kaputt angekommen."
    assert LANGUAGES.detect([german, "I can write in English as well, if you like."]) == "en"


def test_what_others_wrote_is_not_the_customers_language() -> None:
    text = "Please give me my money back.\n\n> Vielen Dank, wir haben Ihre Bestellung erhalten."
    assert LANGUAGES.detect([text]) == "en"
