"""The demo's scenarios in one process: what every topic holds at the end of one, and a store filled with it."""
