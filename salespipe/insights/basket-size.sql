-- title: Basket size
-- question: How many units does an order have?
-- group: customers
-- chart: bars
-- needs: orders.created_at, orders.amount, orders.quantity, orders.sale_outcome
-- param: period period = 90d
-- param: until moment = newest
-- Revenue: orders that were cancelled or returned do not count (sale_outcome = 'sold' in the view orders).
WITH edge AS (SELECT :until AS until),
sold AS (
  SELECT
    CASE WHEN quantity <= 5 THEN CAST(quantity AS bigint) WHEN quantity <= 10 THEN 6 ELSE 11 END AS place,
    amount
  FROM orders CROSS JOIN edge
  WHERE sale_outcome = 'sold' AND quantity IS NOT NULL AND created_at > until - :period AND created_at <= until
)
SELECT
  CASE place WHEN 6 THEN '6 to 10' WHEN 11 THEN '11 and more' ELSE CAST(place AS varchar) END AS units,
  count(*) AS orders,
  round(100e0 * count(*) / sum(count(*)) OVER (), 1) AS share_percent,
  sum(amount) AS revenue
FROM sold
GROUP BY place
ORDER BY place
