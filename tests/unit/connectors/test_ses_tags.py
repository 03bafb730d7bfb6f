"""Tags and headers of an SES message: left as JSON until they are needed, they mean what reading all of them says."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ses_tags import labels_and_documents, tags_in
from connectors.values import mapping, sequence, text

NAMES = st.sampled_from(["X-Tag", "x-tag", "X-METADATA", "x-metadata", "From", "X-Tags", 'a"x-tag"', "", 5, None])
HEADERS = st.one_of(
    st.lists(st.one_of(st.fixed_dictionaries({"name": NAMES, "value": st.one_of(st.text(), st.none())}), st.none())),
    st.fixed_dictionaries({"name": NAMES, "value": st.text()}),
    st.text(),
)


def escaped(found: str, places: set[int]) -> bytes:
    """The JSON text with the letters at these places escaped, as JSON allows in any string."""
    letters = [f"\\u{ord(c):04X}" if at in places and c.isalpha() else c for at, c in enumerate(found)]
    return "".join(letters).encode()


def every_header(headers: Any) -> tuple[list[str], list[str]]:
    found = [(text(item.get("name")).lower(), text(item.get("value"))) for item in map(mapping, sequence(headers))]
    labels = [value for name, value in found if name == "x-tag" and value]
    return labels, [value for name, value in found if name == "x-metadata" and value]


@given(HEADERS)
def test_no_header_of_ours_is_overlooked(headers: Any) -> None:
    assert labels_and_documents(msgspec.Raw(json.dumps(headers).encode())) == every_header(headers)


@given(st.sampled_from(["X-Tag", "X-Metadata"]), st.sets(st.integers(0, 40)))
def test_a_header_is_found_however_its_name_is_escaped(name: str, places: set[int]) -> None:
    headers = [{"name": name, "value": "42"}]
    raw = escaped(json.dumps(headers, separators=(",", ":")), places)
    assert labels_and_documents(msgspec.Raw(raw)) == every_header(headers)


@pytest.mark.parametrize("raw", [b"", b"null", b"5", b"[]", b'{"a": 5}', b'{"": [null, "b"], "campaign": {}}'])
def test_odd_tags_raise_nothing(raw: bytes) -> None:
    assert tags_in(msgspec.Raw(raw)).campaign_id == ""


def test_the_senders_own_tags_are_metadata_and_those_of_ses_are_not() -> None:
    raw = msgspec.Raw(b'{"ses:from-domain": ["Example.com"], "campaign": ["spring"], "team": ["red", "blue"]}')
    found = tags_in(raw)
    assert (found.from_domain, found.campaign_id) == ("example.com", "spring")
    assert json.loads(found.metadata) == found.own == {"campaign": "spring", "team": "red"}
