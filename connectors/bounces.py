"""What a refusal means: an SMTP reply becomes a bounce class (reason, scope, permanence, action).

Rules are data in `bounce_rules.toml`: phrases are looked for in the folded reply, the first rule that
matches wins, so what a provider's own wording says beats the bare status code (providers reuse 5.7.1,
5.4.1 and 4.7.0 for unrelated causes). Without a matching rule the enhanced status decides (RFC 3463,
RFC 5248 and the IANA registry built on them), then the reply code (RFC 5321 section 4.2), at the lower
confidence such guesses deserve. Every rule carries example replies; the tests run each against them.

Replies are folded to their shape (addresses, IPs and ids masked) and remembered, within bounds: one
seen before costs a look-up, a new one of known shape a folding, only a new shape a walk through the rules.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from connectors.bounce_rules import Rule, RuleBook, Text, rule_book
from schemas.events import BounceAction, BounceClass, BounceReason, Permanence
from schemas.memo import Memo

_LONGEST_REPLY = 2_000  # characters looked at; RFC 5321 allows 512 a line and real replies have few lines
_CACHED_REPLIES = 16_384  # whole replies, 5 MB at the usual length
_CACHED_SHAPES = 8_192
_CACHED_CODES = 8_192
_CACHED_CLASSES = 4_096
_LONGEST_REMEMBERED = 512  # characters
_SUPPRESS_FROM = 0.6  # nobody is suppressed on a guess below this confidence
_LONGEST_WAIT_S = 7 * 86_400  # nobody is asked to wait longer than mail lives in a queue

_STATUS = r"[245]\.\d{1,3}\.\d{1,3}"
_AT_START = re.compile(rf"\s*(?:smtp\s*;\s*)?(?:([2345]\d\d)(?:[ -]|$))?\s*#?({_STATUS}(?![.\d]))?", re.IGNORECASE)
_CODE_INSIDE = re.compile(
    rf"(?:said:|reply:|response:|error:|smtp;|<<<|status=\w+ \(.{{0,200}}?)\s*([45]\d\d)[ -]"
    rf"|(?:^|[\s:;(<])([45]\d\d)[ -]#?(?={_STATUS})",
    re.IGNORECASE,
)
_STATUS_INSIDE = re.compile(rf"(?<![\d.])({_STATUS})(?![\d.])")
_CONTINUATION = re.compile(rf" [245]\d\d(?:-(?:{_STATUS} )?| {_STATUS} )")
_WITH_DIGIT = re.compile(r"(?<!\S)[^\s@\d]*+[@\d]\S*")
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9a-f]{1,4}:){3,}[0-9a-f:]+")
_NAMED = re.compile(r"://|[a-z]#")  # a URL or a provider's own code: no id however long
_ID_FROM = 12  # characters: a token this long with a digit in it is a queue or session id
_WAIT = re.compile(
    r"\b(?:retry|again|wait|delay(?:ed)?|come back|resend|greylist(?:ed|ing)?)\b[^.;\d]{0,40}?"
    r"(?:(\d{1,2}):(\d\d):(\d\d)\b|(\d{1,6})\s*(seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h)\b)"
)
_WAIT_WORDS = ("retry", "again", "wait", "delay", "come back", "resend", "greylist")
_URL = re.compile(r"\bhttps?://\S+|\bwww\.\S+")
_SAID = re.compile(r"\bhost \S+ ?\[[^\]]*\] (?:said:|(?=refused to talk))")  # Postfix names who refused
_ZONE = re.compile(r"\b[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)+\b")
_UNIT_S = {"s": 1, "m": 60, "h": 3600}


@lru_cache(maxsize=_CACHED_REPLIES)
def classify(reply: str, smtp_code: int = 0, enhanced_status: str = "") -> BounceClass:
    """The class of one SMTP reply (or of a sending service's own words); never raises.

    Code and enhanced status are read from the reply where they are not given. A given code or status
    beats what the reply says.
    """
    code, status = codes_in(reply)
    return _by_shape(_shape(reply), smtp_code or code, enhanced_status or status)


def codes_in(reply: str) -> tuple[int, str]:
    """(reply code, enhanced status) found in a reply, 0 and "" where it has none."""
    return _codes[reply]


def _find_codes(reply: str) -> tuple[int, str]:
    start = _AT_START.match(reply)
    code, status = (start[1], start[2]) if start else (None, None)
    if code is None and (inside := _CODE_INSIDE.search(reply[:_LONGEST_REPLY])):
        code = inside[1] or inside[2]
    if status is None and (found := _STATUS_INSIDE.search(reply[:_LONGEST_REPLY])):
        status = found[1]
    return int(code or 0), status or ""


_codes = Memo(_find_codes, _CACHED_CODES, lambda reply, _codes: len(reply) <= _LONGEST_REMEMBERED)


def _shape(reply: str) -> str:
    """Lower case, one line, without continuation codes; addresses, IPs and ids masked."""
    return _WITH_DIGIT.sub(_mask, _CONTINUATION.sub(" ", " ".join(reply[:_LONGEST_REPLY].lower().split())))


def _mask(token: re.Match[str]) -> str:
    """ "#" for an address or a long id (not AUP#URLBL1001); IPs inside URLs and brackets become "#" too."""
    text = token[0]
    if "@" in text:
        return "#"
    masked = _IP.sub("#", text)
    is_id = masked == text and not _NAMED.search(text) and len(text.strip("[]()<>.,;:\"'")) >= _ID_FROM
    return "#" if is_id else masked


@lru_cache(maxsize=_CACHED_SHAPES)
def _by_shape(reply: str, smtp_code: int, status: str) -> BounceClass:
    book = rule_book()
    smtp_class = _class_of(smtp_code, status)
    whole, bare = _texts(reply, book)
    for rule in book.rules:
        if rule.matches(bare if rule.is_general else whole, status, smtp_class):
            found = of(rule.reason, smtp_class, confidence=rule.confidence, rule=rule.name)
            found = _override(found, rule)
            break
    else:
        found = _by_status(book, smtp_code, status, smtp_class)
    return replace(found, retry_after_s=_wait_in(reply), blocklist=_blocklist_in(reply, book))


def _texts(reply: str, book: RuleBook) -> tuple[Text, Text]:
    """The reply as a provider's rules see it, and without URLs and hosts as the general ones do."""
    bare = _SAID.sub(" ", _URL.sub(" ", reply))
    whole = Text(reply, book.phrases.found_in(reply))
    return whole, whole if bare == reply else Text(bare, book.phrases.found_in(bare))


def _class_of(smtp_code: int, status: str) -> int:
    """4 or 5, from the reply code before the enhanced status; 0 if neither says."""
    first = str(smtp_code)[0] if smtp_code else status[:1]
    return int(first) if first in {"4", "5"} else 0


def of(reason: BounceReason, smtp_class: int = 0, *, confidence: float = 0.6, rule: str = "") -> BounceClass:
    """The usual class of a reason. `smtp_class` 4 or 5 decides the permanence where the reason does not."""
    return _classes[reason, smtp_class, confidence, rule]


def _usual(what: tuple[BounceReason, int, float, str]) -> BounceClass:
    reason, smtp_class, confidence, rule = what
    usual = rule_book().reasons[reason]
    permanence = usual.permanence
    if not usual.is_fixed and smtp_class:
        permanence = Permanence.TRANSIENT if smtp_class == 4 else Permanence.PERMANENT
    return BounceClass(
        reason=reason,
        scope=usual.scope,
        permanence=permanence,
        action=_action(usual.action, permanence),
        rule=rule,
        confidence=confidence,
    )


_classes = Memo(_usual, _CACHED_CLASSES, lambda what, _found: len(what[3]) <= _LONGEST_REMEMBERED)


def _action(action: BounceAction, permanence: Permanence) -> BounceAction:
    """Nobody is suppressed, and nothing need be reviewed, for what may pass."""
    if permanence is Permanence.TRANSIENT and action in {BounceAction.SUPPRESS, BounceAction.REVIEW}:
        return BounceAction.RETRY_LATER
    return action


def _override(found: BounceClass, rule: Rule) -> BounceClass:
    if rule.permanence:
        action = _action(rule_book().reasons[rule.reason].action, rule.permanence)
        found = replace(found, permanence=rule.permanence, action=action)
    if rule.scope:
        found = replace(found, scope=rule.scope)
    return replace(found, action=rule.action) if rule.action else found


def _by_status(book: RuleBook, smtp_code: int, status: str, smtp_class: int) -> BounceClass:
    """No rule knows the words: the enhanced status, then the code, then unknown."""
    detail = status[2:]
    for table, key, name in (
        (book.statuses, detail, f"status:{status}"),
        (book.statuses, detail.partition(".")[0], f"status:{status}"),
        (book.codes, str(smtp_code), f"code:{smtp_code}"),
    ):
        if key in table and (table is not book.statuses or smtp_class):
            reason, confidence = table[key]
            found = of(reason, smtp_class, confidence=confidence, rule=name)
            is_guess = found.action is BounceAction.SUPPRESS and confidence < _SUPPRESS_FROM
            return replace(found, action=BounceAction.REVIEW) if is_guess else found
    return of(BounceReason.UNKNOWN, smtp_class, confidence=0.0)


def _wait_in(reply: str) -> int:
    """Seconds that the reply asks to wait, 0 if it does not say."""
    if not any(map(reply.__contains__, _WAIT_WORDS)):
        return 0
    found = _WAIT.search(reply)
    if not found:
        return 0
    if found[1] is not None:
        seconds = int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
    else:
        seconds = int(found[4]) * _UNIT_S[found[5][0]]
    return seconds if seconds <= _LONGEST_WAIT_S else 0


def _blocklist_in(reply: str, book: RuleBook) -> str:
    """The blocklist the reply names: its zone ("zen.spamhaus.org") if given, else its short name."""
    for name, marks in book.blocklists:
        for mark in marks:
            if mark in reply:
                zones = (zone for zone in _ZONE.findall(reply) if mark in zone and not zone.startswith("www."))
                return next((zone for zone in zones if _is_zone(zone)), name)
    return ""


def _is_zone(name: str) -> bool:
    """A DNS zone has something before the list's own domain: zen.spamhaus.org, not spamhaus.org."""
    return name.count(".") >= 2 and not name.startswith(("check.", "lookup.", "support.", "postmaster."))
