-- title: Sales by category
-- question: Which category brings the revenue, and which gains or loses?
-- group: sales
-- chart: bars
-- needs: orders.created_at, orders.amount, orders.sale_outcome, orders.category
-- param: period period = 30d
-- param: until moment = newest
-- Revenue: orders that were cancelled or returned do not count (sale_outcome = 'sold' in the view orders).
WITH edge AS (SELECT :until AS until),
sold AS (
  SELECT coalesce(category, '(none)') AS category, amount, created_at > until - :period AS recent
  FROM orders CROSS JOIN edge
  WHERE sale_outcome = 'sold' AND created_at > until - :period - :period AND created_at <= until
),
sums AS (
  SELECT
    category,
    coalesce(sum(CASE WHEN recent THEN amount END), DECIMAL '0.00') AS revenue,
    sum(CASE WHEN NOT recent THEN amount END) AS before,
    count_if(recent) AS orders
  FROM sold
  GROUP BY category
)
SELECT
  category,
  revenue,
  round(100e0 * CAST(revenue AS double) / nullif(sum(CAST(revenue AS double)) OVER (), 0e0), 1) AS share_percent,
  orders,
  before,
  round(100e0 * (CAST(revenue AS double) - CAST(before AS double)) / nullif(CAST(before AS double), 0e0), 1)
    AS change_percent
FROM sums
ORDER BY revenue DESC, category
