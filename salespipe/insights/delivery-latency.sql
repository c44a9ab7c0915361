-- title: Delivery latency
-- question: How long does an event take until it can be queried?
-- group: pipeline
-- chart: line
-- needs: order_events.event_time
-- param: period period = 24h
-- param: buffer seconds = buffers
-- Known are the time of each event and, from its object's name, when Firehose opened the object. It was written no
-- earlier than its last event, and no later than the buffers' seconds after it was opened: between these lies the truth.
WITH events AS (
  SELECT
    CAST(from_iso8601_timestamp(event_time) AS timestamp(3)) AS event_time,
    "$path" AS object,
    date_parse(regexp_extract("$path", '-(\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)-', 1), '%Y-%m-%d-%H-%i-%s') AS opened
  FROM order_events
),
timed AS (
  SELECT
    event_time,
    object,
    date_diff('millisecond', event_time, greatest(max(event_time) OVER (PARTITION BY object), opened)) AS at_least,
    date_diff('millisecond', event_time, opened) + 1000 * :buffer AS at_most,
    max(event_time) OVER () AS newest
  FROM events
)
SELECT
  date_trunc('minute', event_time) AS minute,
  round(avg(at_least) / 1000e0, 1) AS at_least_seconds,
  round(max(greatest(at_least, at_most)) / 1000e0, 1) AS at_most_seconds,
  count(*) AS events,
  count(DISTINCT object) AS objects
FROM timed
WHERE event_time > newest - :period
GROUP BY 1
ORDER BY 1
