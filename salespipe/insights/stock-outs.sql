-- title: Stock-outs and revenue at risk
-- question: What is sold out, or will be before the supplier delivers, and what does that cost?
-- group: inventory
-- chart: table
-- needs: orders.created_at, orders.amount, orders.quantity, orders.sale_outcome, orders.product_id, inventory.product_id, inventory.product_name, inventory.on_hand, inventory.lead_days
-- param: period period = 30d
-- param: until moment = newest
-- Revenue: orders that were cancelled or returned do not count (sale_outcome = 'sold' in the view orders).
-- At risk: the revenue of the days of the lead time that the stock does not cover.
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
  round(days_of_cover, 2) AS days_of_cover,
  lead_days,
  CAST(revenue_a_day AS decimal(18, 2)) AS revenue_a_day,
  CAST(revenue_a_day * (lead_days - coalesce(days_of_cover, 0e0)) AS decimal(18, 2)) AS revenue_at_risk,
  product_id
FROM stock
WHERE on_hand <= 0 OR days_of_cover < lead_days
ORDER BY revenue_at_risk DESC, product_id
