"""What people look at: named queries, the console that serves them live, Grafana built from the same files.

Imports schemas, sinks and the pure core only. Read `queries.py` first, then `console/app.py`.
"""
