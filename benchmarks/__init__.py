"""What docs/performance.md quotes: every stage and the whole path, beside their peers, runnable by anyone.

`python -m benchmarks` (or `make bench`) runs them; one module per stage, each with `measure(plan)`.
"""
