"""The same events in other engines, each in its own process and, where its pins ask for it, its own environment.

Every module here is a program, `python -m benchmarks.peers.<engine> BROKER TOPIC EVENTS GROUP`, written as the
engine's documentation would have it, tuned where it says how. Their job is simpler than mailweir's: records
per (sending IP, mailbox provider, minute), repeats counted, nothing written anywhere but the engine's own
state. They must not import the product: most environments do not have it.
"""
