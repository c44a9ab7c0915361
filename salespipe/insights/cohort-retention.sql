-- title: Cohort retention
-- question: Of the customers who began in a month, how many buy again in each later one?
-- group: customers
-- chart: heat
-- needs: orders.created_at, orders.customer_id, orders.sale_outcome
-- param: until moment = newest
-- param: months integer = 12
-- Revenue: orders that were cancelled or returned do not count (sale_outcome = 'sold' in the view orders).
WITH edge AS (SELECT :until AS until),
sold AS (
  SELECT customer_id, date_trunc('month', created_at) AS month
  FROM orders CROSS JOIN edge
  WHERE sale_outcome = 'sold' AND created_at <= until AND customer_id IS NOT NULL
),
begun AS (
  SELECT customer_id, min(month) AS cohort FROM sold GROUP BY customer_id
),
sizes AS (
  SELECT cohort, count(*) AS size FROM begun GROUP BY cohort
),
active AS (
  SELECT begun.cohort, date_diff('month', begun.cohort, sold.month) AS months_later,
    count(DISTINCT sold.customer_id) AS customers
  FROM sold JOIN begun ON begun.customer_id = sold.customer_id
  GROUP BY 1, 2
)
SELECT
  date_format(active.cohort, '%Y-%m') AS cohort,
  active.months_later,
  round(100e0 * active.customers / sizes.size, 1) AS retained_percent,
  active.customers
FROM active JOIN sizes ON sizes.cohort = active.cohort
WHERE active.months_later < :months
ORDER BY 1, 2
