-- title: Top products
-- question: What sells best?
-- group: sales
-- chart: bars
-- needs: orders.created_at, orders.amount, orders.quantity, orders.sale_outcome, orders.product_id, orders.product_name
-- param: period period = 30d
-- param: until moment = newest
-- param: limit integer = 10
-- Revenue: orders that were cancelled or returned do not count (sale_outcome = 'sold' in the view orders).
WITH edge AS (SELECT :until AS until)
SELECT
  max(product_name) AS product,
  sum(amount) AS revenue,
  sum(quantity) AS units,
  count(*) AS orders,
  product_id
FROM orders CROSS JOIN edge
WHERE sale_outcome = 'sold' AND created_at > until - :period AND created_at <= until
GROUP BY product_id
ORDER BY revenue DESC, product_id
LIMIT :limit
