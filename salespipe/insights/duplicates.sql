-- title: Duplicates
-- question: How many events came twice?
-- group: pipeline
-- chart: table
-- needs: order_events.event_time, order_events.event_id
-- param: period period = 24h
-- Delivery is at least once: the views count each event once all the same.
WITH events AS (
  SELECT event_id, CAST(from_iso8601_timestamp(event_time) AS timestamp(3)) AS event_time FROM order_events
),
recent AS (
  SELECT event_id, event_time
  FROM events CROSS JOIN (SELECT max(event_time) AS newest FROM events)
  WHERE event_time > newest - :period
)
SELECT
  date_trunc('hour', event_time) AS hour,
  count(*) AS records,
  count(DISTINCT event_id) AS events,
  count(*) - count(DISTINCT event_id) AS duplicates,
  round(100e0 * (count(*) - count(DISTINCT event_id)) / count(*), 3) AS duplicate_percent
FROM recent
GROUP BY 1
ORDER BY 1
