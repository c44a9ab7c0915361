-- title: Revenue over time
-- question: How does revenue run?
-- group: sales
-- chart: line
-- needs: orders.created_at, orders.amount, orders.sale_outcome
-- param: period period = 90d
-- param: until moment = newest
-- param: by auto|minute|hour|day|week|month = auto
-- Revenue: orders that were cancelled or returned do not count (sale_outcome = 'sold' in the view orders).
WITH edge AS (SELECT :until AS until),
sold AS (
  SELECT created_at, amount
  FROM orders CROSS JOIN edge
  WHERE sale_outcome = 'sold' AND created_at > until - :period AND created_at <= until
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
  FROM sold
)
SELECT
  CASE unit WHEN 'minute' THEN date_trunc('minute', created_at) WHEN 'hour' THEN date_trunc('hour', created_at)
    WHEN 'day' THEN date_trunc('day', created_at) WHEN 'week' THEN date_trunc('week', created_at) ELSE date_trunc('month', created_at) END AS time,
  sum(amount) AS revenue,
  count(*) AS orders
FROM sold CROSS JOIN step
GROUP BY 1
ORDER BY 1
