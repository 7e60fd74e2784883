"""Words that need quotes when they are names, per engine, lower-case. Data only; `names` is its reader.

Static, so that the text of a statement depends on this release and not on the server it meets. A word that
is reserved in one place of the grammar only is listed too: then a name is written the same way everywhere.
"""

# ruff: noqa: SIM905 - wrapped text is what a person can compare with the source

from __future__ import annotations

# DuckDB 2.0: duckdb_keywords() of every category but `unreserved`.
DUCKDB = frozenset(
    """
    all analyse analyze and anti any array as asc asof asymmetric at authorization between bigint binary
    bit boolean both by case cast char character check coalesce collate collation column columns
    concurrently constraint create cross dec decimal default deferrable desc describe distinct do else
    end except exists extract false fetch float for foreign freeze from full generated glob group
    grouping grouping_id having ilike in initially inner inout int integer intersect interval into is
    isnull join lambda lateral leading left like limit map national natural nchar none not notnull null
    nullif numeric offset on only or order out outer overlaps overlay pivot pivot_longer pivot_wider
    placing position positional precision primary qualify real references returning right row select
    semi setof show similar smallint some struct substring summarize symmetric table tablesample then
    time timestamp to trailing treat trim true try_cast tuple union unique unpack unpivot using values
    varchar variadic verbose when where window with xmlattributes xmlconcat xmlelement xmlexists
    xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable
    """.split()
)

# PostgreSQL 18: pg_get_keywords() of every category but U (unreserved), which is also what its own
# quote_ident() quotes.
POSTGRES = frozenset(
    """
    all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean
    both case cast char character check coalesce collate collation column concurrently constraint create
    cross current_catalog current_date current_role current_schema current_time current_timestamp
    current_user dec decimal default deferrable desc distinct do else end except exists extract false
    fetch float for foreign freeze from full grant greatest group grouping having ilike in initially
    inner inout int integer intersect interval into is isnull join json json_array json_arrayagg
    json_exists json_object json_objectagg json_query json_scalar json_serialize json_table json_value
    lateral leading least left like limit localtime localtimestamp merge_action national natural nchar
    none normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay
    placing position precision primary real references returning right row select session_user setof
    similar smallint some substring symmetric system_user table tablesample then time timestamp to
    trailing treat trim true union unique user using values varchar variadic verbose when where window
    with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot
    xmlserialize xmltable
    """.split()
)

# Snowflake documentation, "Reserved & limited keywords" (docs.snowflake.com/en/sql-reference/reserved-
# keywords): the reserved ones and those that cannot be a column, a table or a column reference.
SNOWFLAKE = frozenset(
    """
    account all alter and any as between by case cast check column connect connection constraint create
    cross current current_date current_time current_timestamp current_user database delete distinct drop
    else exists false following for from full grant group gscluster having ilike in increment inner
    insert intersect into is issue join lateral left like localtime localtimestamp minus natural not
    null of on or order organization qualify regexp revoke right rlike row rows sample schema select set
    some start table tablesample then to trigger true try_cast union unique update using values view
    when whenever where with
    """.split()
)

# Apache Spark documentation, "ANSI compliance", section "SQL keywords": reserved with ANSI mode on (the
# default since 4.0), and those that cannot be a table alias without it.
SPARK = frozenset(
    """
    all and anti any as authorization both case cast check collate column constraint create cross
    current_date current_time current_timestamp current_user distinct else end escape except execute
    false fetch filter for foreign from full grant group having in inner intersect into is join lateral
    leading left minus natural not null on only or order outer overlaps percentile_cont percentile_disc
    primary references right select semi session_user some table then time to trailing true union unique
    unknown user using when where window with within
    """.split()
)
