"""The shared language: events, ids, topics, config, errors, Avro.

Everything else imports from here; this package imports nothing of ours. Read `events.py` first.
"""
