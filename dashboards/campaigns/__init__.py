"""The report of a campaign: `asking.py` (what is asked), `report.py` (what is told), and the forms it is given in."""
