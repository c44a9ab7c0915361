-- title: Delivery latency
-- question: How long does an event take, stage by stage, until it can be queried?
-- group: pipeline
-- chart: table
-- needs: order_events.event_time, order_events.arrived_at, order_events.transformed_at
-- param: period period = 24h
-- param: buffer seconds = buffers
-- An event's own time is in whole seconds, rounded down: what it took to Kinesis is up to a second less. When S3 had an
-- object is in none of its records. It was written behind the last that was transformed for it, and no later than the
-- buffers' seconds behind the first: between the last two rows lies the truth. Events older than these fields are left
-- out.
WITH events AS (
  SELECT
    CAST(from_iso8601_timestamp(event_time) AS timestamp(3)) AS event_time,
    TRY(CAST(from_iso8601_timestamp(arrived_at) AS timestamp(3))) AS arrived_at,
    TRY(CAST(from_iso8601_timestamp(transformed_at) AS timestamp(3))) AS transformed_at,
    "$path" AS object
  FROM order_events
),
timed AS (
  SELECT
    event_time,
    arrived_at,
    transformed_at,
    max(transformed_at) OVER (PARTITION BY object) AS at_least,
    min(transformed_at) OVER (PARTITION BY object) + :buffer * INTERVAL '1' SECOND AS at_most,
    max(event_time) OVER () AS newest
  FROM events
),
delays AS (
  SELECT
    ARRAY[
      date_diff('millisecond', event_time, arrived_at),
      date_diff('millisecond', arrived_at, transformed_at),
      date_diff('millisecond', transformed_at, at_least),
      date_diff('millisecond', event_time, at_least),
      date_diff('millisecond', event_time, greatest(at_least, at_most))
    ] AS delays
  FROM timed
  WHERE event_time > newest - :period AND arrived_at IS NOT NULL AND transformed_at IS NOT NULL
)
SELECT
  element_at(
    ARRAY['table to Kinesis', 'Kinesis to transform', 'transform to S3', 'table to S3, at least', 'table to S3, at most'],
    place
  ) AS stage,
  round(approx_percentile(delay, 0.5) / 1000e0, 1) AS p50_seconds,
  round(approx_percentile(delay, 0.95) / 1000e0, 1) AS p95_seconds,
  round(approx_percentile(delay, 0.99) / 1000e0, 1) AS p99_seconds,
  round(max(delay) / 1000e0, 1) AS longest_seconds,
  count(*) AS events
FROM delays CROSS JOIN UNNEST(delays) WITH ORDINALITY AS stages(delay, place)
GROUP BY place
ORDER BY place
