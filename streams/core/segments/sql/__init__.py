"""Rules as ClickHouse SQL: over all stored facts at once, for previews, new segments and to check the stream."""
