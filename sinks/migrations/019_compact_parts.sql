-- A wide part has two files a column, and creating hundreds of files a second is a third of the store's work under load.
-- Up to so many bytes (uncompressed: 268435456, some 500,000 mail events) a part is one file; larger ones are wide still.
ALTER TABLE email_events MODIFY SETTING min_bytes_for_wide_part = 268435456;
ALTER TABLE activity_events MODIFY SETTING min_bytes_for_wide_part = 268435456;
ALTER TABLE reputation_partials MODIFY SETTING min_bytes_for_wide_part = 268435456;
ALTER TABLE reputation_scores MODIFY SETTING min_bytes_for_wide_part = 268435456;
ALTER TABLE verdicts MODIFY SETTING min_bytes_for_wide_part = 268435456;
ALTER TABLE segment_transitions MODIFY SETTING min_bytes_for_wide_part = 268435456;
