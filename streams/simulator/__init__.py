"""The simulated senders: an independent party that posts what real services post, and knows the truth.

Nothing here imports the connectors or the application, so that what it says is a witness's word. Read
`world.py` (who sends), `sendgrid.py` (one service's format) and `simulator.py` (the whole) first.
"""
