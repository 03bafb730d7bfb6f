-- Which bytes could not be processed?
-- unit: bytes
-- default most_bytes: 65536
-- The first of them, as base64, and how many there are.
SELECT length(d.original) AS size_bytes, base64Encode(substring(d.original, 1, {most_bytes:UInt32})) AS original
FROM mailweir.dead_letters AS d FINAL
WHERE dead_letter_id = {id:String}
  AND ({tenant:String} = '' OR tenant = {tenant:String})
LIMIT 1
