"""Binding against real warehouses: references in every position, hooks, tests, user-defined types, diagnostics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.contract.projects import Project

from headgate.errors import ProjectError
from headgate.model.bound import BoundNode
from headgate.model.plan import Plan
from headgate.model.project import WarehouseConfig
from headgate.model.runs import Run, RunStatus
from headgate.model.steps import Step
from headgate.plan.steps import refresh_step
from headgate.warehouse.base import Warehouse


@pytest.fixture
def tree(warehouse: Warehouse, warehouse_config: WarehouseConfig, tmp_path: Path) -> Iterator[Project]:
    session = warehouse.session()
    session.execute("CREATE SCHEMA raw")
    session.execute("CREATE TABLE raw.items (id bigint, amount decimal(18,2))")
    session.execute("INSERT INTO raw.items VALUES (1, 10), (2, 20)")
    session.close()
    tree = Project(tmp_path / "project", warehouse_config)
    tree.write(
        "nodes/RAW/sources.yml", "ITEMS: {columns: {id: {type: bigint}, amount: {type: 'decimal(18,2)'}}}\n"
    )
    with tree.opened():
        yield tree


@pytest.fixture
def same_dialect(tree: Project, warehouse: Warehouse) -> Project:
    """The project in the warehouse's own dialect: texts are spliced, not translated."""
    text = (tree.root / "headgate.yml").read_text()
    tree.write("headgate.yml", text.replace("dialect: duckdb", f"dialect: {warehouse.dialect}"))
    return tree


def refreshed(tree: Project) -> Run:
    assert tree.deploy().status is RunStatus.SUCCEEDED
    run = tree.refresh()
    assert run.status is RunStatus.SUCCEEDED, tree.steps(run)
    assert tree.plan().empty
    return run


def findings(tree: Project) -> list[tuple[str, str]]:
    with pytest.raises(ProjectError) as error:
        tree.plan()
    return [(d.code, str(d.location)) for d in error.value.diagnostics]


# --- queries ----------------------------------------------------------------------------------------

QUERIES = {
    "comments and strings": "select id, 'RAW.ITEMS; -- no' as s /* RAW.ITEMS */ from RAW.ITEMS -- RAW.ITEMS;",
    "semicolon before a comment": "select id, 'x' as s from RAW.ITEMS; -- the end",
    "cte and union": "with i as (select id from RAW.ITEMS) select id, 'a' as s from i union all"
    " select id, 'b' from RAW.ITEMS where id = 1",
    "twice": "select a.id, 'x' as s from RAW.ITEMS as a join RAW.ITEMS b on a.id = b.id",
    "twice, once bare": "select ITEMS.id, 'x' as s from RAW.ITEMS join RAW.ITEMS as o on ITEMS.id = o.id",
    "qualified by location": "select RAW.ITEMS.id, 'x' as s from RAW.ITEMS where RAW.ITEMS.id > 0",
    "alias of another": "select STG.id, 'x' as s from RAW.ITEMS as STG",
    "subquery": "select id, 'x' as s from RAW.ITEMS where id in (select id from RAW.ITEMS)",
    "lateral": "select i.id, l.s from RAW.ITEMS i, lateral (select 'x' as s from RAW.ITEMS j where j.id = i.id) l",
    "order and limit": "select id, 'x' as s from RAW.ITEMS order by id limit 1",
    "quoted": 'select "id", \'%s %(x)s\' as s from "RAW"."ITEMS"',
    "star": "select ITEMS.*, 'x' as s from RAW.ITEMS",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
@pytest.mark.parametrize("kind", ["view", "stage"])
def test_references_are_found_wherever_they_stand(tree: Project, query: str, kind: str) -> None:
    tree.write("nodes/STG/A.sql", f"/*---\ntype: {kind}\n---*/\n{query}")
    refreshed(tree)
    assert tree.sql("select count(*) from stg.a where s is not null")[0][0] > 0


def test_a_name_that_is_a_keyword_can_be_a_node(tree: Project) -> None:
    tree.write("nodes/STG/ORDER.sql", 'select id as "select", amount as "Mixed" from RAW.ITEMS')
    tree.write("nodes/STG/B.sql", 'select "ORDER"."select" as id, "Mixed" from STG."ORDER"')
    refreshed(tree)
    assert tree.sql("select count(*) from stg.b") == [(2,)]


def test_a_name_that_the_warehouse_would_cut_off_is_refused(tree: Project, warehouse: Warehouse) -> None:
    tree.write(f"nodes/STG/{'ä' * 31}a.sql", "select id from RAW.ITEMS")
    refreshed(tree)
    tree.write(f"nodes/STG/{'ä' * 31}ab.sql", "select id from RAW.ITEMS")
    if warehouse.dialect == "postgres":
        assert findings(tree) == [("name_invalid", f"nodes/STG/{'ä' * 31}ab.sql")]
    else:
        refreshed(tree)


def test_a_query_that_the_warehouse_refuses_is_placed_in_its_file(same_dialect: Project) -> None:
    text = "/*---\ntype: view\n---*/\n\n-- one more\nselect id,\n  no_such_function(id) as x\nfrom RAW.ITEMS"
    same_dialect.write("nodes/STG/A.sql", text)
    assert findings(same_dialect) == [("statement_failed", "nodes/STG/A.sql:7")]


def test_only_the_source_that_is_missing_is_complained_of(tree: Project) -> None:
    tree.write("nodes/RAW/sources.yml", "GONE: {}\n")
    tree.write("nodes/STG/T.sql", "select * from RAW.GONE")
    tree.write("tests/some.sql", "select * from STG.T where 1 = 0")
    assert findings(tree) == [("source_missing", "nodes/RAW/sources.yml")]


def test_a_template_that_fails_for_this_environment_says_why(tree: Project) -> None:
    tree.write("nodes/STG/A.sql", "select id from RAW.ITEMS where id > {{ 6 // parameters.low }}")
    environment = (tree.root / "environments/dev.yml").read_text()
    tree.write("environments/dev.yml", environment.replace('"id":1', '"id":1,"parameters":{"low":0}'))
    assert findings(tree) == [("template_error", "nodes/STG/A.sql:1:1")]


# --- hooks and tests --------------------------------------------------------------------------------


def test_hooks_of_several_statements_are_run_one_by_one(tree: Project) -> None:
    tree.sql("create table raw.audit (what varchar(20), n bigint)")
    header = """/*---
pre_sql: |
  insert into raw.audit values ('a;b', 0); -- first;
  insert into raw.audit select 'before', count(*) from {{ this }};
post_sql: ["insert into raw.audit select 'after', count(*) from STG.A -- last"]
---*/
"""
    tree.write("nodes/STG/A.sql", header + "select id from RAW.ITEMS")
    run = refreshed(tree)
    assert tree.sql("select what, n from raw.audit order by n, what") == [
        ("a;b", 0),
        ("before", 0),
        ("after", 2),
    ]
    names = [record.name for record in tree.state.context.store.steps.statements(run.id)["STG.A"]]
    assert [name for name in names if "SQL" in name] == ["pre-SQL 1", "pre-SQL 2", "post-SQL"]


@pytest.mark.parametrize(
    "hook", ["commit", "select 1; COMMIT;", "/* x */ rollback", "begin", "start transaction", "-- x\nend"]
)
def test_a_hook_cannot_end_the_transaction_of_its_load(tree: Project, hook: str) -> None:
    tree.write("nodes/STG/A.sql", f"/*---\npost_sql: {json.dumps(hook)}\n---*/\nselect id from RAW.ITEMS")
    assert findings(tree) == [("transaction_control", "nodes/STG/A.sql")]


def test_tests_with_quotes_percents_and_other_nodes_hold(tree: Project) -> None:
    header = """/*---
load: {strategy: interval, interval: 1d, time_column: day, start: 2024-01-01}
columns:
  id: {tests: [unique, not_null, {relationships: {to: RAW.ITEMS, field: id}}]}
  'a"b': {tests: [{accepted_values: ["100%", "it's", "%(from)s"]}]}
tests:
  - expression: "\\"a\\"\\"b\\" like '%\\\\%' escape '\\\\' or 7 % 2 = 1"
  - sql: "select t.id from {this} as t left join RAW.ITEMS i on i.id = t.id where i.id is null"
    {scope}
  - row_count: {min: 0, max: 5, where: "id % 2 = 0"}
---*/
""".replace("- sql:", "- sql:\n      sql:").replace("    {scope}", "      scope: new")
    tree.write(
        "nodes/STG/A.sql", header + "select id, date '2024-01-02' as day, '100%' as \"a\"\"b\" from RAW.ITEMS"
    )
    refreshed(tree)
    assert tree.sql("select count(*) from stg.a") == [(2,)]


def test_new_rows_of_a_history_have_the_columns_of_the_query(tree: Project) -> None:
    header = (
        "/*---\nload: scd2\nkey: [id]\ncolumns: {{{}: {{tests: [{{not_null: {{scope: new}}}}]}}}}\n---*/\n"
    )
    tree.write("nodes/STG/A.sql", header.format("id") + "select id, amount from RAW.ITEMS")
    refreshed(tree)
    tree.write("nodes/STG/A.sql", header.format("valid_from") + "select id, amount from RAW.ITEMS")
    assert findings(tree) == [("column_missing", "nodes/STG/A.sql")]


# --- user-defined types -----------------------------------------------------------------------------

DEFINITION = "materialization: table\nload: template\nconfig: {label: {type: string, default: x}}\n"
NODE = "/*---\ntype: own\nconfig: {label: it's}\n---*/\nselect id, amount from RAW.ITEMS"


def own_type(tree: Project, run: str, create: str | None = None) -> None:
    tree.write("node_types/own/definition.yml", DEFINITION)
    tree.write("node_types/own/run.sql.j2", run)
    if create is not None:
        tree.write("node_types/own/create.sql.j2", create)
    tree.write("nodes/STG/A.sql", NODE)


def test_a_condition_may_look_into_other_nodes(tree: Project) -> None:
    tree.write("nodes/STG/GOOD.sql", "select id from RAW.ITEMS where id < 2")
    tree.write(
        "nodes/STG/T.sql",
        "/*---\ntests:\n- expression: id not in (select g.id from MART.OTHER as g)\n"
        "- row_count: {max: 1, where: 'id in (select STG.GOOD.id from STG.GOOD)'}\n---*/\n"
        "select id from RAW.ITEMS",
    )
    tree.write("nodes/MART/OTHER.sql", "select id + 10 as id from RAW.ITEMS")
    assert refreshed(tree).status is RunStatus.SUCCEEDED


def test_a_type_of_its_own_creates_and_fills_its_table(tree: Project) -> None:
    run = """{% stage 'Stage' %}
create temporary table picked as {{ query }};
delete from picked where id = 99; -- none
{% stage 'Publish' %}
delete from {{ this }};
insert into {{ this }} ({% for c in columns %}{{ c.name }}{{ ', ' if not loop.last }}{% endfor %}, label)
select p.*, '{{ config.label | replace("'", "''") }}' from picked as p
where p.id not in (select q.id from {{ query }} as q where q.id = {{ parameters.low }})
{% stage 'Tidy' %}
drop table picked
"""
    create = "create table {{ this }} ({% for c in columns %}{{ c.name }} {{ c.type }}, {% endfor %}label varchar(9))"
    own_type(tree, run, create)
    refreshed(tree)
    assert tree.refresh().status is RunStatus.SUCCEEDED
    assert tree.sql("select id, label from stg.a") == [(2, "it's")]


def test_columns_that_a_type_of_its_own_adds_outlive_a_deploy(tree: Project) -> None:
    create = "create table {{ this }} (id bigint, amount decimal(18,2), loaded varchar(9) default 'now')"
    own_type(tree, "insert into {{ this }} (id, amount) {{ query }}", create)
    refreshed(tree)
    tree.write("nodes/STG/A.sql", NODE.replace("amount from", "amount, 1 as one from"))
    plan = tree.plan()
    assert not plan.destructive
    assert tree.deploy().status is RunStatus.SUCCEEDED
    assert tree.plan().empty
    assert tree.sql("select distinct loaded, one from stg.a") == [("now", None)]
    tree.sql("alter table stg.a add column by_hand integer")
    assert [change.destroys for change in tree.plan().destructive] == ["column by_hand"]


def test_what_a_type_of_its_own_creates_outlives_a_built_in_load(tree: Project) -> None:
    create = (
        "create table {{ this }} (id bigint primary key, amount decimal(18,2), note varchar(9) default 'x')"
    )
    tree.write("node_types/own/definition.yml", "load: builtin\n")
    tree.write("node_types/own/create.sql.j2", create)
    tree.write("nodes/STG/A.sql", "/*---\ntype: own\nload: full\n---*/\nselect id, amount from RAW.ITEMS")
    refreshed(tree)
    assert tree.refresh().status is RunStatus.SUCCEEDED
    assert tree.sql("select id, note from stg.a order by id") == [(1, "x"), (2, "x")]


def test_a_query_may_stand_bare_after_insert(tree: Project) -> None:
    own_type(tree, "insert into {{ this }} {{ query }}")
    refreshed(tree)
    assert tree.sql("select count(*) from stg.a") == [(2,)]


def test_a_template_may_name_its_node_plainly_and_merge(tree: Project) -> None:
    merge = """merge into STG.A as t using {{ query }} as n on t.id = n.id
when matched then update set amount = n.amount
when not matched then insert (id, amount) values (n.id, n.amount)"""
    own_type(tree, merge)
    refreshed(tree)
    assert tree.sql("select count(*) from stg.a") == [(2,)]


ELSEWHERE = [
    "insert into raw.items select * from {{ query }} as q",
    "insert into {{ this }} {{ query }}; delete from RAW.ITEMS",
    "update raw.items set id = 1",
    "create table raw.other as select 1 as x",
    "create table tmp_other as select 1 as x",
    "create schema other",
    "create view {{ this }}_v as select 1 as x",
    "drop table raw.items",
    "truncate table raw.items",
    "alter table raw.items add column x integer",
    "create index i on raw.items (id)",
    "copy {{ this }} to '/tmp/x.csv'",
    "attach 'x.db' as other",
    "call something()",
    "set search_path = raw",
    "merge into raw.items as t using {{ query }} as n on t.id = n.id when matched then delete",
]


@pytest.mark.parametrize("statement", ELSEWHERE)
def test_a_template_that_writes_elsewhere_is_refused(tree: Project, statement: str) -> None:
    own_type(tree, "{% stage 'One' %}\n" + statement)
    ((code, location),) = findings(tree)
    assert code in ("template_writes_elsewhere", "sql_syntax", "not_transpilable")
    assert location == "node_types/own/run.sql.j2"


@pytest.mark.parametrize(
    "statement",
    [
        "with gone as (delete from raw.items returning id) insert into {{ this }} select id, 1 from gone",
        "select 1 as x into raw.other",
    ],
)
def test_a_template_cannot_write_elsewhere_on_the_side(same_dialect: Project, statement: str) -> None:
    own_type(same_dialect, statement)
    ((code, _),) = findings(same_dialect)
    assert code in ("template_writes_elsewhere", "sql_syntax")


@pytest.mark.parametrize("statement", ["commit", "insert into {{ this }} {{ query }}; rollback"])
def test_a_template_cannot_end_the_transaction(tree: Project, statement: str) -> None:
    own_type(tree, statement)
    assert findings(tree) == [("transaction_control", "node_types/own/run.sql.j2")]


def test_a_template_whose_sql_is_broken_is_placed_in_its_file(tree: Project) -> None:
    own_type(tree, "insert into {{ this }} select from where")
    ((_, location),) = findings(tree)
    assert location == "node_types/own/run.sql.j2"


# --- what is stored ---------------------------------------------------------------------------------


def test_a_step_reads_back_from_json_as_it_was(tree: Project) -> None:
    header = """/*---
key: id
load: {strategy: merge}
columns:
  id: {tests: [unique, {accepted_values: {values: [1, 2, 2.5], threshold: 10%}}]}
  d: {tests: [{accepted_values: ["2024-01-01"]}, {accepted_values: {values: [2024-01-01], severity: warn}}]}
tests: [{row_count: {min: 0, where: "id % 2 = 0"}}]
pre_sql: "select '%', '{{ parameters.low }}'"
---*/
"""
    tree.write("nodes/STG/A.sql", header + "select id, date '2024-01-01' as d from RAW.ITEMS")
    prepared = tree.prepare()
    for node in prepared.bound.nodes.values():
        step = refresh_step(node, prepared.bound.dialect)
        assert msgspec.json.decode(msgspec.json.encode(step), type=Step) == step
        assert msgspec.json.decode(msgspec.json.encode(node), type=BoundNode) == node
    assert msgspec.json.decode(msgspec.json.encode(prepared.plan), type=Plan) == prepared.plan
    refreshed(tree)


def test_nothing_stored_or_shown_holds_the_password(tree: Project, warehouse: Warehouse) -> None:
    path = tree.root / "environments/dev.yml"
    environment = json.loads(path.read_text())
    environment["warehouse"] |= {"password": "${HG_TEST_PASSWORD}"} if warehouse.type == "postgres" else {}
    tree.write("nodes/STG/A.sql", "select id from RAW.ITEMS")
    stored = msgspec.json.encode([tree.prepare().plan, tree.prepare().bound])
    assert b"PASSWORD" not in stored


def test_an_open_query_over_a_function_follows_it_at_plan(tree: Project, warehouse: Warehouse) -> None:
    """Its columns are known to nobody but the warehouse, so that is asked at every plan."""
    tree.sql("create table raw.other (a integer)")
    call = "query_table('raw.other')"
    if warehouse.dialect == "postgres":
        call = "raw.f()"
        tree.sql("create function raw.f() returns setof raw.other language sql as 'select * from raw.other'")
    tree.write("nodes/STG/A.sql", f"select * from {call}")
    refreshed(tree)
    tree.sql("alter table raw.other add column b integer")
    assert tree.refresh().status is RunStatus.FAILED
    assert [str(change.kind) for change in tree.plan().changes] == ["alter"]
    refreshed(tree)


def test_columns_named_like_our_own_names_are_loaded(tree: Project) -> None:
    query = "select id as n, id as t, id as q, amount as loaded, amount as failures, id as hg_ended from RAW.ITEMS"
    tests = "columns: {n: {tests: [unique, {relationships: {to: STG.S, field: t}}]}}\n"
    for name, load in (
        ("S", "key: [n]\nload: {strategy: scd2, delete: close, updated_at: d}"),
        ("M", "key: [n, t]\nload: {strategy: merge, delete: not_in_source}"),
        ("P", "load: {strategy: append, time_column: d}\nkey: n"),
        ("I", "load: {strategy: interval, time_column: d, interval: 1d, start: 2024-01-01}\nkey: [q]"),
    ):
        text = f"/*---\n{load}\n{tests if name != 'S' else ''}---*/\n{query}"
        tree.write(f"nodes/STG/{name}.sql", text.replace(" from", ", date '2024-01-02' as d from"))
    refreshed(tree)
    assert tree.refresh().status is RunStatus.SUCCEEDED
    for name in "SMPI":
        assert tree.sql(f"select count(*) from stg.{name}") == [(2,)]
