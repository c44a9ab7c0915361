-- title: Time between orders
-- question: After how many days does a customer buy again?
-- group: customers
-- chart: bars
-- needs: orders.created_at, orders.customer_id, orders.sale_outcome
-- param: period period = 365d
-- param: until moment = newest
-- Revenue: orders that were cancelled or returned do not count (sale_outcome = 'sold' in the view orders).
-- The period is that of the later order of the two.
WITH edge AS (SELECT :until AS until),
sold AS (
  SELECT created_at, until, lag(created_at) OVER (PARTITION BY customer_id ORDER BY created_at) AS before
  FROM orders CROSS JOIN edge
  WHERE sale_outcome = 'sold' AND created_at <= until AND customer_id IS NOT NULL
),
gaps AS (
  SELECT date_diff('day', before, created_at) AS days
  FROM sold
  WHERE before IS NOT NULL AND created_at > until - :period
),
classed AS (
  SELECT
    CASE WHEN days < 1 THEN 1 WHEN days < 7 THEN 2 WHEN days < 30 THEN 3 WHEN days < 90 THEN 4 WHEN days < 180 THEN 5
      ELSE 6 END AS place,
    CASE WHEN days < 1 THEN 'under a day' WHEN days < 7 THEN '1 to 6 days' WHEN days < 30 THEN '7 to 29 days'
      WHEN days < 90 THEN '30 to 89 days' WHEN days < 180 THEN '90 to 179 days' ELSE '180 days and more' END AS gap
  FROM gaps
)
SELECT gap, count(*) AS orders, round(100e0 * count(*) / sum(count(*)) OVER (), 1) AS share_percent
FROM classed
GROUP BY place, gap
ORDER BY place
