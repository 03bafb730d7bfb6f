"""The console: one page that needs nothing but the store. Read `app.py` first."""
