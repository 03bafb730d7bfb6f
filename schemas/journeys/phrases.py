"""What the messages about journeys are made of: examples, and words that people write instead of ours."""

from __future__ import annotations

from collections.abc import Mapping

STEP_EXAMPLES: Mapping[str, str] = {
    "wait": "wait: 2h",
    "wait_until": "wait_until: {event: {name: order_completed}, for_at_most: 1d}",
    "branch": "branch: {if: {segment: vip}, then: [{call: {webhook: crm}}]}",
    "split": "split: {salt: cart-test, parts: [{share: 0.5, steps: [{wait: 1d}]}, {share: 0.5}]}",
    "call": "call: {webhook: crm, data: {template: cart-1}}",
    "cap": "cap: {at_most: 2, per: 7d}",
    "exit": "exit",
}
_EVENT = "event: {name: order_completed}"
_IF = "if: {segment: vip}"
_ENTER = "enter: {event: {name: checkout_started, key: cart_id}}"
EXAMPLES: Mapping[str, Mapping[str, str]] = {  # by what the keys stand in, and of it itself
    "": {"id": "id: abandoned-cart", "steps": "steps: [{wait: 2h}, {call: {webhook: crm}}]"},
    "enter": {"enter": _ENTER, "event": "event: {name: checkout_started}", "segment": "segment: vip"},
    "exit_when": {"event": _EVENT, "if": _IF},
    **{kind: {kind: example, "event": _EVENT, "if": _IF} for kind, example in STEP_EXAMPLES.items()},
}
KEY_EXAMPLES: Mapping[str, str] = {
    "for_at_most": "for_at_most: 1d",
    "same": "same: cart_id",
    "key": "key: cart_id",
    "then": "then: [{wait: 1d}]",
    "else": "else: [{wait: 1d}]",
    "salt": "salt: cart-test",
    "share": "share: 0.5",
    "steps": "steps: [{wait: 1d}]",
    "parts": "parts: [{share: 0.5, steps: [{wait: 1d}]}, {share: 0.5}]",
    "webhook": "webhook: crm",
    "data": "data: {template: cart-1}",
    "at_most": "at_most: 2",
    "per": "per: 7d",
    "over": "over: [abandoned-cart, winback]",
}

WORDS_INSTEAD: Mapping[str, str] = {
    "leave": "exit", "leaving": "exit", "left": "exit", "exited": "exit", "join": "enter", "entered": "enter",
    "once": "never", "no": "never", "always": "after_exit", "yes": "after_exit", "each": "per_key",
}  # fmt: skip

INSTEAD: Mapping[str, tuple[str, ...]] = {  # what people write -> ours; the first that is known at the place counts
    "start": ("enter",), "trigger": ("enter", "event"), "entry": ("enter",), "on_event": ("enter",),
    "when": ("enter", "if"),
    "actions": ("steps",), "flow": ("steps",), "do": ("steps", "then"), "nodes": ("steps",),
    "exit": ("exit_when",), "exit_on": ("exit_when",), "end_when": ("exit_when",), "goal": ("exit_when",),
    "stop_when": ("exit_when",), "name": ("id", "salt", "webhook"), "title": ("description",), "account": ("tenant",),
    "reentry": ("again",), "re_enter": ("again",), "repeat": ("again",), "rejoin": ("again",), "once": ("again",),
    "event_name": ("name",), "events": ("name", "event"), "filter": ("where",), "conditions": ("where",),
    "properties": ("where",), "same": ("key",), "key": ("same",), "by": ("key", "same"), "match": ("same",),
    "timeout": ("for_at_most",), "for": ("for_at_most",), "at_most": ("for_at_most",),
    "max": ("for_at_most", "at_most"),
    "within": ("for_at_most", "per"), "else_after": ("for_at_most",), "up_to": ("for_at_most",),
    "condition": ("if",), "rule": ("if",), "yes": ("then",), "true": ("then",), "no": ("else",), "false": ("else",),
    "otherwise": ("else",), "seed": ("salt",), "variants": ("parts",), "arms": ("parts",), "weight": ("share",),
    "percent": ("share",), "ratio": ("share",), "to": ("webhook",), "url": ("webhook",), "payload": ("data",),
    "body": ("data",), "template": ("data",), "limit": ("at_most",), "count": ("at_most",), "window": ("per",),
    "every": ("per",), "journeys": ("over",), "direction": ("on",),
}  # fmt: skip

STEPS_INSTEAD: Mapping[str, str] = {
    "delay": "wait", "sleep": "wait", "pause": "wait", "wait_for": "wait_until", "until": "wait_until",
    "if": "branch", "condition": "branch", "segment_split": "branch", "random": "split", "ab_test": "split",
    "cohort": "split", "webhook": "call", "send": "call", "message": "call", "email": "call", "post": "call",
    "rate_limit": "cap", "limit": "cap", "frequency_cap": "cap", "stop": "exit", "end": "exit", "leave": "exit",
}  # fmt: skip
