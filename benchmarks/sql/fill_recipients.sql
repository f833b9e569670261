-- Somebody masked for each parcel low … high.
INSERT INTO orders_recipient (parcel_id, name, phone, name_masked, phone_masked, phone_tail)
SELECT id, '', '', '张*', '138****' || lpad((id %% 10000)::text, 4, '0'), lpad((id %% 10000)::text, 4, '0')
FROM orders_parcel WHERE id BETWEEN %(low)s AND %(high)s
