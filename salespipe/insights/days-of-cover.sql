-- title: Days of cover
-- question: For how many days does the stock last at today's pace?
-- group: inventory
-- chart: bars
-- needs: orders.created_at, orders.amount, orders.quantity, orders.sale_outcome, orders.product_id, inventory.product_id, inventory.product_name, inventory.on_hand
-- param: period period = 30d
-- param: until moment = newest
-- param: limit integer = 20
-- Revenue: orders that were cancelled or returned do not count (sale_outcome = 'sold' in the view orders).
WITH edge AS (SELECT :until AS until),
span AS (
  SELECT
    max(until) AS until,
    -- Seconds that the orders at hand cover, so that a shop that opened today has its rate, too.
    greatest(date_diff('second', greatest(min(created_at), max(until) - :period), max(until)), 1) AS seconds
  FROM orders CROSS JOIN edge
  WHERE created_at <= until
),
rates AS (
  SELECT
    product_id,
    86400e0 * sum(quantity) / max(seconds) AS units_a_day,
    86400e0 * sum(CAST(amount AS double)) / max(seconds) AS revenue_a_day
  FROM orders CROSS JOIN span
  WHERE sale_outcome = 'sold' AND created_at > until - :period AND created_at <= until
  GROUP BY product_id
),
stock AS (
  SELECT
    inventory.*,
    coalesce(rates.units_a_day, 0e0) AS units_a_day,
    coalesce(rates.revenue_a_day, 0e0) AS revenue_a_day,
    greatest(on_hand, 0) / nullif(rates.units_a_day, 0e0) AS days_of_cover
  FROM inventory LEFT JOIN rates ON rates.product_id = inventory.product_id
)
SELECT
  product_name AS product,
  round(days_of_cover, 2) AS days_of_cover,
  on_hand,
  round(units_a_day, 2) AS units_a_day,
  product_id
FROM stock
WHERE days_of_cover IS NOT NULL
ORDER BY stock.days_of_cover, product_id
LIMIT :limit
