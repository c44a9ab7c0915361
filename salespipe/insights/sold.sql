-- title: Sold
-- question: How many units of each product went, and came back?
-- group: inventory
-- chart: bars
-- needs: orders.created_at, orders.quantity, orders.sale_outcome, orders.product_id, orders.product_name
-- param: period period = 30d
-- param: until moment = newest
-- param: limit integer = 20
-- Revenue: orders that were cancelled or returned do not count (sale_outcome = 'sold' in the view orders).
WITH edge AS (SELECT :until AS until),
placed AS (
  SELECT product_id, product_name, quantity, sale_outcome, created_at > until - :period AS recent
  FROM orders CROSS JOIN edge
  WHERE created_at > until - :period - :period AND created_at <= until
)
SELECT
  max(product_name) AS product,
  coalesce(sum(CASE WHEN recent AND sale_outcome = 'sold' THEN quantity END), 0) AS units,
  coalesce(sum(CASE WHEN NOT recent AND sale_outcome = 'sold' THEN quantity END), 0) AS units_before,
  coalesce(sum(CASE WHEN recent AND sale_outcome = 'returned' THEN quantity END), 0) AS returned_units,
  product_id
FROM placed
GROUP BY product_id
ORDER BY units DESC, product_id
LIMIT :limit
