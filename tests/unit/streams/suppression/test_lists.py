"""Lists of other systems are read whatever their columns are called, and no line is lost unseen."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from schemas.identity import recipient_key
from schemas.suppressions import Suppression
from streams.suppression.lists import BadLine, Terms, read_list, write_list

TERMS = Terms(tenant="acme", secret="s", now_ms=1_800_000_000_000, who="ada", source="list.csv")
KEY = recipient_key("s", "acme", "bo@example.com")


def facts(text: str, terms: Terms = TERMS) -> list[Suppression]:
    found = list(read_list(io.StringIO(text), terms))
    assert not [item for item in found if isinstance(item, BadLine)], found
    return [item for item in found if isinstance(item, Suppression)]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("email,created\n Bo@Example.com ,1700000000\n", "imported"),
        ("EmailAddress,SuppressionReason,CreatedAt\nbo@example.com,HardBounce,2023-11-14T22:13:20Z\n", "dead_address"),
        ("Address,Type,Since\nbo@example.com,SpamComplaint,1700000000000\n", "complaint"),
        ('{"recipient": "bo@example.com", "type": "unsubscribe", "created": 1700000000}\n', "unsubscribe"),
        ('\n{"email": "<bo@example.com>", "date": "2023-11-14 22:13:20"}\n'.lstrip(), "imported"),
    ],
)
def test_exports_of_several_services_are_understood(text: str, cause: str) -> None:
    (found,) = facts(text)
    assert (found.recipient_key, found.recipient, found.cause) == (KEY, "bo@example.com", cause)
    assert found.since == 1_700_000_000_000
    assert (found.who, found.source, found.scope, found.status) == ("ada", "list.csv", "tenant", "active")


def test_a_word_that_is_no_cause_of_ours_is_kept_as_the_reason() -> None:
    (found,) = facts("email,cause\nbo@example.com,old customer\n")
    assert (found.cause, found.reason) == ("imported", "old customer")


def test_columns_can_be_named_and_what_lines_do_not_say_is_given() -> None:
    (found,) = facts(
        "Kontakt;x\n".replace(";", ",") + "bo@example.com,1\n",
        replace(TERMS, columns={"address": "Kontakt"}, stream="news"),
    )
    assert (found.scope, found.since) == ("news", TERMS.now_ms)


def test_a_date_to_come_is_now() -> None:
    (found,) = facts("email,since\nbo@example.com,2099-01-01\n")
    assert found.since == TERMS.now_ms


def test_bad_lines_are_named_by_number_and_cost_no_other() -> None:
    text = "email,since\nbo@example.com,\nnobody,\n,\nflo@example.com,yesterday\ncy@example.com,2024-01-01\n"
    found = list(read_list(io.StringIO(text), TERMS))
    assert [item.number for item in found if isinstance(item, BadLine)] == [3, 4, 5]
    assert [item.recipient for item in found if isinstance(item, Suppression)] == ["bo@example.com", "cy@example.com"]
    assert not [item for item in found if isinstance(item, BadLine) and "@" in item.why]


def test_bad_json_lines_are_named_too() -> None:
    text = '{"email": "bo@example.com"}\nnot json\n[1]\n{"email": "cy@example.com"}\n'
    found = list(read_list(io.StringIO(text), TERMS))
    assert [getattr(item, "number", 0) for item in found] == [0, 2, 3, 0]


@pytest.mark.parametrize("as_csv", [True, False])
def test_what_is_exported_can_be_imported_again_and_is_the_same(as_csv: bool) -> None:
    one = Suppression(
        tenant="acme", scope="news", recipient_key=KEY, cause="unsubscribe", status="removed", since=1_700_000_000_123,
        until=1_900_000_000_000, source="list.csv", reason="a, \"b\"", who="cy", recipient="bo@example.com",
    )  # fmt: skip
    two = replace(one, recipient="", recipient_key="1" * 32, until=0, status="active")
    file = io.StringIO(newline="")
    assert write_list([one, two], file, as_csv=as_csv) == 2
    assert facts(file.getvalue()) == [one, two]
