"""A wrong webhook of segments gets one sentence that says what, where and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from schemas.config_file import load_config, parse_config
from schemas.errors import Misconfigured
from schemas.segments.configured import configured_segments

GOOD = f"name: a, url: https://h/x, secret: whsec_{'c2Vj' * 8}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: a, url: https://h/x", "`segment_webhooks[0].secret`: Field required"),
        (f"{GOOD}, segment: vip", "unknown key `segment_webhooks[0].segment`; did you mean `segments`?"),
        ("name: a, url: h/x, secret: " + GOOD[-38:],
         "`segment_webhooks[0].url`: expected an address that begins with https:// (or http://)"),
        ("name: a, url: https://h/x, secret: whsec_c2hvcnQ=",
         "`segment_webhooks[0].secret`: expected whsec_ followed by the base64 of at least 16 random bytes"),
        ("name: a, url: https://h/x, secret: ''",
         "`segment_webhooks[0].secret`: it is empty; a segment webhook needs an address and a secret to sign with"),
        (f"{GOOD}, direction: enter", "`segment_webhooks[0].direction`: 'enter' is not known; did you mean `entered`?"),
        (f"{GOOD}, segments: vip", "`segment_webhooks[0].segments`: expected a list, each item beginning with `- `"),
        (f"{GOOD}, segments: []",
         "`segment_webhooks[0].segments`: an empty list tells nothing; leave `segments` out to tell of all"),
        (f"{GOOD}, segments: ['*', vip]",
         '`segment_webhooks[0].segments`: "*" means all segments; take it away, or the others'),
        (f"{GOOD}, tenant: acne",
         "segment webhook 'a' names the tenant 'acne', which is not under `tenants`; known: acme"),
        (f"{GOOD}, begin: today", "`segment_webhooks[0].begin`: 'today' is not known; known: now, earliest"),
        (f"{GOOD}, tenant: acme}}, {{{GOOD}, tenant: acme",
         "`segment_webhooks`: the name 'a' is used twice; names must be unique"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_exactly(text: str, sentence: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        parse_config(yaml.safe_load(f"tenants: [{{name: acme}}]\nsegment_webhooks: [{{{text}}}]"), {}, "mailweir.yaml")
    assert str(caught.value) == f"mailweir.yaml: {sentence}"


def test_a_segment_that_is_not_there_is_said_with_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "segments.yaml").write_text("tenant: acme\nsegments: [{id: vip-90d, suppressed: false}]\n")
    file = tmp_path / "mailweir.yaml"
    file.write_text(
        "tenants: [{name: acme}]\nsegments: segments.yaml\n"
        f"segment_webhooks: [{{{GOOD}, tenant: acme, segments: [vip-90]}}]\n"
    )
    with pytest.raises(Misconfigured) as caught:
        configured_segments(load_config(file, {}), file)
    assert str(caught.value) == (
        f"{file}: `segment_webhooks[0].segments`: the tenant 'acme' has no segment 'vip-90'; did you mean `vip-90d`?"
    )
