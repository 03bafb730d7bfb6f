"""Grafana's panels, variables, marks and alerts on the demo's scenarios."""
