"""The local store: one process owns a chDB folder and serves it over ClickHouse's HTTP interface.

chDB admits one process per folder; through this service the sink, the console, a SQL client and Grafana
reach it all the same, the way they reach a server. `requests` reads what clients send, `engine` runs it,
`app` is the HTTP side, `serve` the process.
"""
