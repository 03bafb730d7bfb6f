"""ClickHouse: the tables, their migrations, the sink that fills them, the embedded store.

Imports only `schemas`. `runner.py` is the loop that moves topics into tables; `tables/` says which
topic fills which table; `store/` serves a chDB folder over ClickHouse's HTTP interface.
"""
