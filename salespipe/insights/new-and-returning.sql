-- title: New and returning customers
-- question: How many customers buy for the first time, how many come back?
-- group: customers
-- chart: line
-- needs: orders.created_at, orders.customer_id, orders.sale_outcome
-- param: period period = 365d
-- param: until moment = newest
-- param: by auto|minute|hour|day|week|month = auto
-- Revenue: orders that were cancelled or returned do not count (sale_outcome = 'sold' in the view orders).
WITH edge AS (SELECT :until AS until),
sold AS (
  SELECT customer_id, created_at, until, min(created_at) OVER (PARTITION BY customer_id) AS first_order
  FROM orders CROSS JOIN edge
  WHERE sale_outcome = 'sold' AND created_at <= until
),
lately AS (
  SELECT * FROM sold WHERE created_at > until - :period
),
step AS (
  SELECT
    CASE
      WHEN :by <> 'auto' THEN :by
      WHEN date_diff('minute', min(created_at), max(created_at)) < 180 THEN 'minute'
      WHEN date_diff('hour', min(created_at), max(created_at)) < 72 THEN 'hour'
      WHEN date_diff('day', min(created_at), max(created_at)) < 120 THEN 'day'
      ELSE 'month'
    END AS unit
  FROM lately
),
timed AS (
  SELECT
    customer_id,
    CASE unit WHEN 'minute' THEN date_trunc('minute', created_at) WHEN 'hour' THEN date_trunc('hour', created_at)
      WHEN 'day' THEN date_trunc('day', created_at) WHEN 'week' THEN date_trunc('week', created_at) ELSE date_trunc('month', created_at) END AS time,
    CASE unit WHEN 'minute' THEN date_trunc('minute', first_order) WHEN 'hour' THEN date_trunc('hour', first_order)
      WHEN 'day' THEN date_trunc('day', first_order) WHEN 'week' THEN date_trunc('week', first_order) ELSE date_trunc('month', first_order) END AS first_time
  FROM lately CROSS JOIN step
)
SELECT
  time,
  count(DISTINCT CASE WHEN time = first_time THEN customer_id END) AS new_customers,
  count(DISTINCT CASE WHEN time > first_time THEN customer_id END) AS returning_customers
FROM timed
GROUP BY time
ORDER BY time
