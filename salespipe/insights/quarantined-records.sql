-- title: Quarantined records
-- question: What could not be delivered, why, and since when?
-- group: pipeline
-- chart: table
-- needs: quarantine.arrivaltimestamp, quarantine.errorcode, quarantine.lasterrorcode
-- param: until moment = now
-- Firehose writes what it cannot deliver below errors/, in a folder for each type of error.
WITH failed AS (
  SELECT
    regexp_extract("$path", '^s3://[^/]+/errors/([^/]+)/', 1) AS error_type,
    coalesce(errorcode, lasterrorcode) AS error_code,
    CAST(from_unixtime(arrivaltimestamp / 1000e0) AT TIME ZONE 'UTC' AS timestamp(3)) AS arrived,
    edge.until
  FROM quarantine CROSS JOIN (SELECT :until AS until) AS edge
)
SELECT
  error_type,
  error_code,
  count(*) AS records,
  min(arrived) AS first_seen,
  max(arrived) AS last_seen,
  round(date_diff('second', min(arrived), until) / 3600e0, 1) AS oldest_hours
FROM failed
WHERE arrived IS NULL OR arrived <= until
GROUP BY error_type, error_code, until
ORDER BY records DESC, error_type, error_code
