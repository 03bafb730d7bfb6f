"""Grafana as code: dashboards built from the named queries, data source and folders provisioned.

`python -m dashboards.grafana` writes the JSON that is committed; a test compares the two. Read `overview.py` first.
"""
