-- title: Reorder list
-- question: What has to be ordered now, and how much of it?
-- group: inventory
-- chart: table
-- needs: orders.created_at, orders.amount, orders.quantity, orders.sale_outcome, orders.product_id, inventory.product_id, inventory.product_name, inventory.on_hand, inventory.reorder_level, inventory.lead_days
-- param: period period = 30d
-- param: until moment = newest
-- param: cover integer = 30
-- Revenue: orders that were cancelled or returned do not count (sale_outcome = 'sold' in the view orders).
-- Enough for the supplier's lead time and so many days of cover after it.
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
  on_hand,
  reorder_level,
  lead_days,
  CAST(greatest(ceil(units_a_day * (lead_days + :cover)) - on_hand, reorder_level - on_hand) AS bigint) AS order_units,
  product_id
FROM stock
WHERE on_hand <= reorder_level
ORDER BY on_hand, product_id
