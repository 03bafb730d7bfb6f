"""The suppression list as a service: kept in step with its topic, asked over HTTP."""
