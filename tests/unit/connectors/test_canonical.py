"""The last step of every parser."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Context
from connectors.canonical import blanks, complete
from schemas.identity import event_id

WORDS = st.text(max_size=12)
NUMBERS = st.integers(0, 2**40)


@given(WORDS, WORDS, WORDS, WORDS, NUMBERS, NUMBERS)
def test_without_an_id_of_the_provider_what_happened_is_the_id(
    word: str, message: str, url: str, client_ip: str, occurred_at: int, attempt: int
) -> None:
    context = Context(tenant="acme", source="src", received_at=1, recipient_secret="pepper")
    event = blanks(context, "kumomta")()
    event.provider_event_type, event.message_id, event.url, event.client_ip = word, message, url, client_ip
    event.recipient, event.occurred_at, event.attempt = "Ada@Example.com", occurred_at, attempt
    complete(event, context)
    told = (word, message, "ada@example.com", occurred_at, url, client_ip, attempt)
    assert event.event_id == event_id("acme", "kumomta", "", *told)
