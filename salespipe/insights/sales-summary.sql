-- title: Sales summary
-- question: How are sales, against the period before?
-- group: sales
-- chart: table
-- needs: orders.created_at, orders.amount, orders.quantity, orders.sale_outcome
-- counts: orders, units
-- param: period period = 30d
-- param: until moment = newest
-- Revenue: orders that were cancelled or returned do not count (sale_outcome = 'sold' in the view orders).
WITH edge AS (SELECT :until AS until),
placed AS (
  SELECT amount, quantity, sale_outcome, created_at > until - :period AS recent
  FROM orders CROSS JOIN edge
  WHERE created_at > until - :period - :period AND created_at <= until
),
sums AS (
  SELECT
    recent,
    count(*) AS placed,
    count_if(sale_outcome = 'sold') AS orders,
    coalesce(sum(CASE WHEN sale_outcome = 'sold' THEN amount END), DECIMAL '0.00') AS revenue,
    avg(CASE WHEN sale_outcome = 'sold' THEN amount END) AS average_order,
    coalesce(sum(CASE WHEN sale_outcome = 'sold' THEN quantity END), 0) AS units,
    100e0 * count_if(sale_outcome = 'cancelled') / count(*) AS cancelled,
    100e0 * count_if(sale_outcome = 'returned') / count(*) AS returned
  FROM placed
  GROUP BY recent
),
figures AS (
  SELECT recent, 1 AS place, 'orders' AS figure, CAST(orders AS decimal(38, 2)) AS value FROM sums
  UNION ALL SELECT recent, 2, 'revenue', CAST(revenue AS decimal(38, 2)) FROM sums
  UNION ALL SELECT recent, 3, 'average order', CAST(average_order AS decimal(38, 2)) FROM sums
  UNION ALL SELECT recent, 4, 'units', CAST(units AS decimal(38, 2)) FROM sums
  UNION ALL SELECT recent, 5, 'cancelled, % of placed', CAST(cancelled AS decimal(38, 2)) FROM sums
  UNION ALL SELECT recent, 6, 'returned, % of placed', CAST(returned AS decimal(38, 2)) FROM sums
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
