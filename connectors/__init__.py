"""The outside mail world, in and out: one module per ESP, MTA or source. No Kafka, no Faust.

Read `base.py` first, then `sendgrid.py` as the example; `registry.py` lists them all.
"""
