-- title: On hand
-- question: What lies on the shelves?
-- group: inventory
-- chart: bars
-- needs: inventory.product_id, inventory.product_name, inventory.category, inventory.on_hand, inventory.reorder_level, inventory.price
-- param: limit integer = 20
SELECT
  product_name AS product,
  on_hand,
  reorder_level,
  on_hand * price AS worth,
  category,
  product_id
FROM inventory
ORDER BY on_hand, product_id
LIMIT :limit
