"""What people look at: named queries, the console that serves them live, Grafana built from the same files.

Imports schemas and sinks only. Read `queries.py` first, then `console/app.py`.
"""
