"""The one exception tree, sorted by what the caller does next.

    MailweirError
    ├── Transient      wait `retry_after_s`, then the same call may succeed
    ├── Permanent      never succeeds for this input: dead-letter it under `code` and go on
    ├── Rejected       an outsider's request is refused with `status` and `code`
    └── Misconfigured  an operator must change something; the text says what, where and how

`FailureCode` is the bounded vocabulary that becomes metric labels and the `code` column of
`dead_letters`; texts are for people and never become labels.
"""

from __future__ import annotations

from enum import StrEnum


class FailureCode(StrEnum):
    """Why something was refused or dead-lettered. One sentence each; the list is closed."""

    UNKNOWN_SOURCE = "unknown_source"  # no configured source has the name in the URL
    BAD_SIGNATURE = "bad_signature"  # present, but no active secret verifies it
    MISSING_SIGNATURE = "missing_signature"  # the source has secrets, the request has no signature
    STALE_TIMESTAMP = "stale_timestamp"  # signed, but outside the source's replay window
    TOPIC_NOT_ALLOWED = "topic_not_allowed"  # an SNS topic that the source does not list
    BODY_TOO_LARGE = "body_too_large"  # over the gateway's limit, before or after decompression
    BAD_ENCODING = "bad_encoding"  # broken gzip, broken base64, not UTF-8
    SLOW_BODY = "slow_body"  # the sender took longer than the limit to send its body
    OVERLOADED = "overloaded"  # too many requests in flight
    LOG_UNAVAILABLE = "log_unavailable"  # the broker did not acknowledge in time
    NOT_JSON = "not_json"  # the body is no JSON
    WRONG_SHAPE = "wrong_shape"  # not the documented outer shape: other JSON, CSV without a header
    ITEM_UNREADABLE = "item_unreadable"  # one item of a batch lacks what every event needs
    UNDECODABLE = "undecodable"  # a record of ours that does not match its schema
    STORE_REFUSED = "store_refused"  # ClickHouse refuses the row for good
    ACTION_REFUSED = "action_refused"  # the sender's API refuses the action for good
    NOT_TAKEN = "not_taken"  # the receiver of a webhook refuses it for good, or could not be reached for long
    UNEXPECTED = "unexpected"  # a defect of ours; the original is kept, mend and replay


class MailweirError(Exception):
    """Base of every error that mailweir raises on purpose."""


class Transient(MailweirError):
    """May succeed later. `retry_after_s`: seconds to wait before the next try, None if unknown."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Permanent(MailweirError):
    """Will never succeed for this input: dead-letter under `code` and go on."""

    def __init__(self, code: FailureCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class Rejected(MailweirError):
    """A request from outside is refused: `status` is the HTTP status, `code` the reason."""

    def __init__(self, status: int, code: FailureCode, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Misconfigured(MailweirError):
    """A person must change the configuration; the message says what, where and how (exit code 2)."""
