"""Segments as the API and the command line tell of them: which there are, why somebody is in one, whom a rule means."""
