{#- Exact decimals with two places, cut off and not rounded: the same on every engine. -#}
{% macro ratio(top, bottom) -%}
cast((cast(({{ top }}) * 100 as bigint) // nullif(cast({{ bottom }} as bigint), 0)) * 0.01 as decimal(18, 2))
{%- endmacro %}

{% macro percent(part, whole) -%}
{{ ratio('(' ~ part ~ ') * 100', whole) }}
{%- endmacro %}
