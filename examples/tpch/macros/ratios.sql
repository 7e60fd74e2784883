{#- A share in percent with two exact decimals. Decimals divided by `/` become floating point, and engines round that
    differently in the last digit; whole numbers divided by `//` are cut off the same way everywhere. -#}
{% macro percent(part, whole) -%}
cast((cast(({{ part }}) * 10000 as bigint) // nullif(cast({{ whole }} as bigint), 0)) * 0.01 as decimal(9, 2))
{%- endmacro %}
