-- A project test: any row that this yields is a failure.
select total_orders, total_sales
from (select sum(amount) as total_orders from STG.ORDERS)
cross join (select sum(revenue) as total_sales from MART.SALES_BY_COUNTRY)
where total_orders is distinct from total_sales
