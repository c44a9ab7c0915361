-- title: RFM segments
-- question: Who are the best customers, and whom is the shop about to lose?
-- group: customers
-- chart: bars
-- needs: orders.created_at, orders.customer_id, orders.amount, orders.sale_outcome
-- param: period period = all
-- param: until moment = newest
-- Revenue: orders that were cancelled or returned do not count (sale_outcome = 'sold' in the view orders).
-- Recency, frequency and money: a fifth of the customers has each score, 5 is best; equal customers in order of their id.
WITH edge AS (SELECT :until AS until),
buyers AS (
  SELECT customer_id, max(created_at) AS last_order, count(*) AS orders, sum(amount) AS revenue, max(until) AS until
  FROM orders CROSS JOIN edge
  WHERE sale_outcome = 'sold' AND created_at > until - :period AND created_at <= until AND customer_id IS NOT NULL
  GROUP BY customer_id
),
scored AS (
  SELECT
    *,
    ntile(5) OVER (ORDER BY last_order, customer_id) AS recency,
    ntile(5) OVER (ORDER BY orders, customer_id) AS frequency,
    ntile(5) OVER (ORDER BY revenue, customer_id) AS money
  FROM buyers
),
named AS (
  SELECT
    *,
    CASE
      WHEN recency >= 4 AND frequency >= 4 THEN 'champions'
      WHEN recency >= 3 AND frequency >= 3 THEN 'loyal'
      WHEN recency >= 4 THEN 'promising'
      WHEN recency = 3 THEN 'need attention'
      WHEN frequency >= 3 THEN 'at risk'
      ELSE 'lost'
    END AS segment
  FROM scored
)
SELECT
  segment,
  count(*) AS customers,
  sum(revenue) AS revenue,
  sum(orders) AS orders,
  round(avg(CAST(money AS double)), 2) AS average_money_score,
  round(avg(CAST(date_diff('day', last_order, until) AS double)), 1) AS average_days_since_order
FROM named
GROUP BY segment
ORDER BY revenue DESC, segment
