-- title: Price against volume
-- question: At which prices do the units sell?
-- group: sales
-- chart: bars
-- needs: orders.created_at, orders.amount, orders.quantity, orders.sale_outcome
-- param: period period = 30d
-- param: until moment = newest
-- param: band integer = 10
-- Revenue: orders that were cancelled or returned do not count (sale_outcome = 'sold' in the view orders).
-- The price of a unit is what was paid for it: amount / quantity. A band is named by its lower end.
WITH edge AS (SELECT :until AS until),
sold AS (
  SELECT
    CAST(amount / quantity * 100 AS bigint) / (:band * 100) * :band AS price_from,
    amount,
    quantity
  FROM orders CROSS JOIN edge
  WHERE sale_outcome = 'sold' AND quantity > 0 AND created_at > until - :period AND created_at <= until
)
SELECT price_from, sum(quantity) AS units, sum(amount) AS revenue, count(*) AS orders
FROM sold
WHERE price_from IS NOT NULL
GROUP BY price_from
ORDER BY price_from
