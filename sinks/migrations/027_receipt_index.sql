-- Events lie by when they happened; the console and alerts ask for what was received lately. They mostly come in the order of
-- their time, so a granule's first and last receipt tell which granules need not be read. Parts that are there get it when they
-- merge.
ALTER TABLE email_events ADD INDEX IF NOT EXISTS by_receipt received_at TYPE minmax GRANULARITY 1;
