"""The console's segments, asked as its page asks."""
