-- title: Top customers
-- question: Who spends most?
-- group: customers
-- chart: bars
-- needs: orders.created_at, orders.customer_id, orders.amount, orders.sale_outcome
-- param: period period = 365d
-- param: until moment = newest
-- param: limit integer = 10
-- Revenue: orders that were cancelled or returned do not count (sale_outcome = 'sold' in the view orders).
WITH edge AS (SELECT :until AS until)
SELECT
  customer_id AS customer,
  sum(amount) AS revenue,
  count(*) AS orders,
  avg(amount) AS average_order,
  min(created_at) AS first_order,
  max(created_at) AS last_order
FROM orders CROSS JOIN edge
WHERE sale_outcome = 'sold' AND created_at > until - :period AND created_at <= until AND customer_id IS NOT NULL
GROUP BY customer_id
ORDER BY revenue DESC, customer_id
LIMIT :limit
