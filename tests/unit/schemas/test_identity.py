"""Ids are deterministic, tell things apart, and never hold an address."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from schemas import identity


def test_the_providers_own_id_alone_makes_the_event_id() -> None:
    assert identity.event_id("t", "sendgrid", "abc", "x") == identity.event_id("t", "sendgrid", "abc", "y")
    assert identity.event_id("t", "sendgrid", "abc") != identity.event_id("u", "sendgrid", "abc")


def test_without_a_providers_id_the_content_makes_the_event_id() -> None:
    assert identity.event_id("t", "kumomta", "", "a", 1) == identity.event_id("t", "kumomta", "", "a", 1)
    assert identity.event_id("t", "kumomta", "", "a", 1) != identity.event_id("t", "kumomta", "", "a", 2)


def test_ids_stay_the_same_from_release_to_release() -> None:
    assert identity.event_id("acme", "sendgrid", "sg-1") == "49fb133d14cfc27d11eacd2af0e1d5dc"


def test_an_id_is_the_hash_of_its_parts_whichever_way_it_is_reached() -> None:
    content = ("open", "m\ud800", 5, "")
    assert identity.event_id("t", "p", "x\ud800") == identity.digest("t", "p", "id", "x\ud800")
    assert identity.event_id("t", "p", "", *content) == identity.digest("t", "p", "content", *content)
    assert identity.recipient_key("pepper", "acme", "ada@example.com") == "301ba367ce35d6297e52656c75ee422d"


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\x1f")), min_size=1, max_size=4))
def test_parts_do_not_run_together(parts: list[str]) -> None:
    joined = identity.digest("".join(parts), "")
    assert (identity.digest(*parts) == joined) == (parts == ["".join(parts), ""])


def test_an_address_is_known_by_a_key_that_folds_case_and_display_name() -> None:
    key = identity.recipient_key("s", "acme", "Ann <Ann@Example.com>")
    assert key == identity.recipient_key("s", "acme", "ann@example.com ")
    assert key != identity.recipient_key("other", "acme", "ann@example.com")
    assert key != identity.recipient_key("s", "other", "ann@example.com")
    assert "ann" not in key
    assert identity.recipient_key("s", "acme", "  ") == ""


def test_the_domain_is_what_follows_the_last_at_sign() -> None:
    assert identity.domain_of('"a@b"@Example.COM.') == "example.com"
    assert identity.domain_of("nobody") == ""
