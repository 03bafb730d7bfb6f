"""Processing again: records of the log, appended once more to the topic they came from."""
