"""Channels of alerts: one module each, listed in `connectors.alert`."""
