"""Addresses for another service's list are read from any list file, and from files with one address a line."""

from __future__ import annotations

import io

import pytest

from schemas.identity import recipient_key
from schemas.suppressions import Suppression
from streams.commands.suppression_sync import entries_of
from streams.core.suppression.book import Book
from streams.suppression.lists import BadLine, Terms, read_addresses, read_list

TERMS = Terms(tenant="acme", secret="s", now_ms=1_800_000_000_000, who="ada")


@pytest.mark.parametrize(
    "text",
    [
        "Bo@Example.com\ncy@example.com\n",
        "\ufeffbo@example.com\r\n<cy@example.com>\r\n",
        "name,E-Mail\nBo,bo@example.com\nCy,cy@example.com\n",
        '{"email": "bo@example.com"}\n{"email": "Cy <cy@example.com>"}\n',
    ],
)
def test_addresses_are_found_in_plain_lists_and_in_files_of_every_kind(text: str) -> None:
    found = [row[1] for row in read_addresses(io.StringIO(text, newline=""), TERMS) if not isinstance(row, BadLine)]
    assert found == ["bo@example.com", "cy@example.com"]


def test_lines_are_numbered_as_an_editor_does() -> None:
    plain = list(read_addresses(io.StringIO("bo@example.com\nnobody\ncy@example.com\n"), TERMS))
    assert plain == [(1, "bo@example.com"), BadLine(2, "no address"), (3, "cy@example.com")]
    table = list(read_addresses(io.StringIO("email\nbo@example.com\nnobody\n"), TERMS))
    assert table == [(2, "bo@example.com"), BadLine(3, "no address")]


def test_an_empty_file_names_nobody() -> None:
    assert list(read_addresses(io.StringIO(""), TERMS)) == []


def test_only_what_is_suppressed_for_all_mail_and_for_good_is_put_on_other_lists() -> None:
    book, people = Book(), ["dead", "left", "news", "ended", "removed", "soft", "free"]
    rows = """email,cause,scope,since,until,status
dead@example.com,dead_address,,1700000000,,
dead@example.com,unsubscribe,,1700000001,,
left@example.com,unsubscribe,tenant,1700000002,,
news@example.com,unsubscribe,newsletter,1700000003,,
ended@example.com,imported,,1700000004,1700000005,
removed@example.com,manual,,1700000006,,removed
"""
    for fact in read_list(io.StringIO(rows), TERMS):
        assert isinstance(fact, Suppression)
        book.take(fact)
    key = recipient_key(TERMS.secret, TERMS.tenant, "soft@example.com")
    for day in range(3):
        book.take_day(TERMS.tenant, key, TERMS.now_ms // 86_400_000 - day)
    assert book.in_force(TERMS.tenant, key, "", TERMS.now_ms)
    entries = entries_of(book, TERMS, ((f"{name}@example.com", line) for line, name in enumerate(people, 1)))
    found = [(entry.address, entry.cause, entry.since, entry.line) for entry in entries]
    assert found == [
        ("dead@example.com", "unsubscribe", 1_700_000_001_000, 1),
        ("left@example.com", "unsubscribe", 1_700_000_002_000, 2),
    ]
