-- title: Repeat rate
-- question: How many customers buy more than once, against the period before?
-- group: customers
-- chart: table
-- needs: orders.created_at, orders.customer_id, orders.sale_outcome
-- param: period period = 90d
-- param: until moment = newest
-- Revenue: orders that were cancelled or returned do not count (sale_outcome = 'sold' in the view orders).
WITH edge AS (SELECT :until AS until),
sold AS (
  SELECT customer_id, created_at > until - :period AS recent
  FROM orders CROSS JOIN edge
  WHERE sale_outcome = 'sold' AND created_at > until - :period - :period AND created_at <= until
    AND customer_id IS NOT NULL
),
buyers AS (
  SELECT recent, customer_id, count(*) AS orders FROM sold GROUP BY recent, customer_id
),
sums AS (
  SELECT
    recent,
    count(*) AS customers,
    count_if(orders > 1) AS repeating,
    100e0 * count_if(orders > 1) / count(*) AS repeat_rate,
    1e0 * sum(orders) / count(*) AS per_customer
  FROM buyers
  GROUP BY recent
),
figures AS (
  SELECT recent, 1 AS place, 'customers' AS figure, CAST(customers AS decimal(38, 2)) AS value FROM sums
  UNION ALL SELECT recent, 2, 'customers with several orders', CAST(repeating AS decimal(38, 2)) FROM sums
  UNION ALL SELECT recent, 3, 'repeat rate, %', CAST(repeat_rate AS decimal(38, 2)) FROM sums
  UNION ALL SELECT recent, 4, 'orders a customer', CAST(per_customer AS decimal(38, 2)) FROM sums
),
lines AS (
  SELECT
    place,
    figure,
    max(CASE WHEN recent THEN value END) AS this_period,
    max(CASE WHEN NOT recent THEN value END) AS before
  FROM figures
  GROUP BY place, figure
)
SELECT
  figure,
  this_period,
  before,
  round(100e0 * (CAST(this_period AS double) - CAST(before AS double)) / nullif(CAST(before AS double), 0e0), 1)
    AS change_percent
FROM lines
ORDER BY place
