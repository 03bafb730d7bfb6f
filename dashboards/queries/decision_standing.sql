-- Where do the decisions stand, and how many wait for a person?
-- unit: decisions
-- Of those made in the span.
SELECT
    count() AS decisions,
    countIf(state = 'waiting') AS waiting,
    countIf(state = 'done') AS done,
    countIf(state IN ('failed', 'revert_failed', 'unsupported')) AS failed,
    countIf(state IN ('reverted', 'reverting')) AS reverted,
    countIf(state IN ('rejected', 'expired')) AS not_wanted
FROM mailweir.decision_states
WHERE ({tenant:String} = '' OR tenant = {tenant:String})
  AND decision_id IN (
      SELECT decision_id
      FROM mailweir.decisions
      WHERE decided_at >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
        AND decided_at < fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
  )
