-- title: Late events
-- question: How many events arrived in a later hour than they happened in?
-- group: pipeline
-- chart: bars
-- needs: order_events.event_time, order_events.dt, order_events.hour
-- param: period period = 24h
-- The partition is the hour of arrival at Firehose, of the first record of an object.
WITH events AS (
  SELECT
    CAST(from_iso8601_timestamp(event_time) AS timestamp(3)) AS event_time,
    date_parse(CAST(dt AS varchar) || ' ' || CAST(hour AS varchar), '%Y-%m-%d %H') AS arrived
  FROM order_events
),
recent AS (
  SELECT date_diff('hour', date_trunc('hour', event_time), arrived) AS hours
  FROM events CROSS JOIN (SELECT max(event_time) AS newest FROM events)
  WHERE event_time > newest - :period
)
SELECT
  CASE WHEN hours <= 0 THEN 'the same hour' WHEN hours = 1 THEN 'the next hour' WHEN hours < 6 THEN '2 to 5 hours later'
    ELSE '6 hours later and more' END AS arrived,
  count(*) AS events,
  round(100e0 * count(*) / sum(count(*)) OVER (), 3) AS share_percent
FROM recent
GROUP BY 1
ORDER BY min(hours)
