"""What each code of a dead letter asks for, in the words of `docs/operating.md`; a test compares the two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from schemas.errors import FailureCode


class Advice(NamedTuple):
    """What a code means and what a person should do; backquotes mark names."""

    meaning: str
    to_do: str


ADVICE: Mapping[str, Advice] = {
    FailureCode.UNKNOWN_SOURCE: Advice(
        "no source has the name in the URL",
        "compare the sender's URL with `sources.name`",
    ),
    FailureCode.BAD_SIGNATURE: Advice(
        "a signature is there, but no active secret verifies it",
        "compare the secrets on both sides; a proxy that rewrites bodies breaks signatures too",
    ),
    FailureCode.MISSING_SIGNATURE: Advice(
        "the source has secrets, the request has no signature",
        "switch signing on at the sender, or find out who else posts there",
    ),
    FailureCode.STALE_TIMESTAMP: Advice(
        "signed, but outside the source's replay window",
        "check the clocks; if the sender retries for longer than `tolerance_s`, raise it",
    ),
    FailureCode.TOPIC_NOT_ALLOWED: Advice(
        "an SNS topic that the source does not list",
        "add its ARN to `topic_arns` if it is yours",
    ),
    FailureCode.BODY_TOO_LARGE: Advice(
        "over the gateway's limit, before or after decompression",
        "make the sender's batches smaller, or raise `limits.max_body_bytes` or `limits.max_decompressed_bytes`",
    ),
    FailureCode.BAD_ENCODING: Advice(
        "broken gzip, broken base64, not UTF-8",
        "ask the sender; often a proxy that decompresses without changing the header",
    ),
    FailureCode.SLOW_BODY: Advice(
        "the body took longer than `limits.body_timeout_s`",
        "look at the network between sender and gateway",
    ),
    FailureCode.OVERLOADED: Advice(
        "too many requests in flight; the sender will come back",
        "add gateways, or raise `limits.max_in_flight` and memory",
    ),
    FailureCode.LOG_UNAVAILABLE: Advice(
        "the broker did not acknowledge in time; the sender will come back",
        "look at the brokers; nothing is lost as long as senders retry",
    ),
    FailureCode.NOT_JSON: Advice(
        "the body is no JSON",
        "look at the original: often a test button, or the wrong provider for the source",
    ),
    FailureCode.WRONG_SHAPE: Advice(
        "not the documented outer shape: JSON of another kind, CSV without its header line",
        "check `sources.provider`; if it is right, the provider changed its format: mend the parser and replay",
    ),
    FailureCode.ITEM_UNREADABLE: Advice(
        "one item of a batch lacks what every event needs",
        "look at the original; the other items of the batch were processed",
    ),
    FailureCode.UNDECODABLE: Advice(
        "a record of ours that does not match its schema",
        "find out who else writes to the topic, or which schema registry the writer used",
    ),
    FailureCode.STORE_REFUSED: Advice(
        "ClickHouse refuses the row for good",
        "run `mailweir tables apply`; if it stays, report it with the dead letter's reason",
    ),
    FailureCode.ACTION_REFUSED: Advice(
        "the sender's API refuses the action for good",
        "read the outcome's detail: usually a missing right of the API key",
    ),
    FailureCode.NOT_TAKEN: Advice(
        "the receiver of a segment webhook or a journey webhook (`source`) refuses the record,"
        " or did not take it in time",
        "read the reason; `original` has the transition or the step",
    ),
    FailureCode.UNEXPECTED: Advice(
        "a defect of ours; the original is kept",
        "report it with the reason; after the fix the original can be processed again",
    ),
}
