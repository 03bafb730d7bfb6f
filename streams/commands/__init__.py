"""What each `mailweir` command does; `streams.__main__` only declares them and imports these lazily."""
