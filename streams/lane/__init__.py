"""The batch lane: whole Kafka batches to a Faust agent, and exact state in a changelog.

Why it exists: one Faust event per record costs half a millisecond; a batch costs that once. Read
`lane.py` for the promise, `part.py` for what one ownership of a partition is.
"""
