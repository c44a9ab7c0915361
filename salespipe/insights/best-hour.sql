-- title: Best hour
-- question: At which hour of the day (UTC) do people buy?
-- group: sales
-- chart: bars
-- needs: orders.created_at, orders.amount, orders.sale_outcome
-- param: period period = 30d
-- param: until moment = newest
-- Revenue: orders that were cancelled or returned do not count (sale_outcome = 'sold' in the view orders).
WITH edge AS (SELECT :until AS until)
SELECT
  lpad(CAST(hour(created_at) AS varchar), 2, '0') || ' h' AS hour,
  sum(amount) AS revenue,
  count(*) AS orders,
  avg(amount) AS average_order
FROM orders CROSS JOIN edge
WHERE sale_outcome = 'sold' AND created_at > until - :period AND created_at <= until
GROUP BY 1
ORDER BY 1
