"""What a node's file says: loads, tests, columns, references, templates."""

from __future__ import annotations

import pytest

from headgate.compile import bind_text, find_references, render_hook, render_stages
from headgate.errors import ProjectError
from headgate.model.project import (
    DeletePolicy,
    Load,
    LoadStrategy,
    Materialization,
    Node,
    OnSchemaChange,
    Severity,
    TableReference,
    TestKind,
    TestScope,
    TestSpec,
    TestTime,
    Threshold,
)

from .conftest import Compile, Files

N = "nodes/STG/N.sql"


def node(compiled: Compile, text: str, files: Files | None = None) -> Node:
    return compiled({N: text, **(files or {})}).manifest.nodes["STG.N"]


@pytest.mark.parametrize(
    ("header", "load"),
    [
        ("", Load(LoadStrategy.FULL)),
        ("type: work", Load(LoadStrategy.FULL)),
        ("type: stage", Load(LoadStrategy.FULL)),
        ("{type: persistent_stage, key: a}", Load(LoadStrategy.MERGE, key=("a",))),
        ("{type: dimension, key: [a]}", Load(LoadStrategy.MERGE, key=("a",))),
        ("type: fact", Load(LoadStrategy.FULL)),
        ("{type: fact, key: a}", Load(LoadStrategy.MERGE, key=("a",))),
        ("{type: fact, key: a, load: full}", Load(LoadStrategy.FULL, key=("a",))),
        ("type: view", None),
        ("load: append", Load(LoadStrategy.APPEND)),
        ("{load: append, time_column: a}", Load(LoadStrategy.APPEND, time_column="a")),
        (
            "load: {strategy: merge, key: a, delete: not_in_source}",
            Load(LoadStrategy.MERGE, key=("a",), delete=DeletePolicy.NOT_IN_SOURCE),
        ),
        (
            "{load: interval, time_column: a, interval: day, start: 2024-01-31T06:00:00+02:00, lookback: 2, "
            "max_intervals: 9}",
            Load(
                LoadStrategy.INTERVAL,
                time_column="a",
                interval="1d",
                start="2024-01-31T04:00:00+00:00",
                lookback=2,
                max_intervals=9,
            ),
        ),
        (
            "{load: scd2, key: a, updated_at: b, delete: close}",
            Load(LoadStrategy.SCD2, key=("a",), updated_at="b", delete=DeletePolicy.CLOSE),
        ),
    ],
)
def test_load_follows_from_type_and_header(compiled: Compile, header: str, load: Load | None) -> None:
    text = f"/*--- {header} ---*/\nselect c_id as a, c_name as b from RAW.CUSTOMER"
    assert node(compiled, text).load == load


def test_header_keys_reach_the_node(compiled: Compile) -> None:
    found = compiled(
        {
            N: "/*---\nid: customer-7\ntags: [daily, slow]\ndescription: who buys\non_schema_change: sync\n"
            'pre_sql: "set x = 1"\npost_sql: ["grant select on {{ this }} to bi", "analyze"]\n'
            "columns:\n  C_ID: {type: integer, description: number}\n---*/\nselect c_id from RAW.CUSTOMER\n",
            "nodes/STG/M.sql": "select c_id from STG.N",
        }
    ).manifest.nodes["customer-7"]
    assert (found.location, found.name, found.tags) == ("STG", "N", ("daily", "slow"))
    assert found.pre_sql == ("set x = 1",)
    assert found.post_sql == ("grant select on {{ this }} to bi", "analyze")
    assert found.on_schema_change is OnSchemaChange.SYNC
    assert found.line_offset == 10
    column = found.columns[0]
    assert (column.name, column.type, column.declared_type) == ("c_id", "integer", "integer")
    assert column.sources == (("RAW.CUSTOMER", "c_id"),)


def test_node_is_referred_to_by_name_and_depends_on_by_id(compiled: Compile) -> None:
    nodes = compiled(
        {N: "/*--- {id: seven} ---*/\nselect 1 as a", "nodes/STG/M.sql": "select a from STG.N"}
    ).manifest.nodes
    assert nodes["STG.M"].depends_on == ("seven",)
    assert nodes["STG.M"].references[0].node_id == "seven"


def test_every_form_of_test_is_read(compiled: Compile) -> None:
    found = node(
        compiled,
        """\
        /*---
        columns:
          c_id:
            tests:
              - unique
              - not_null: {severity: warn, threshold: 5, where: c_id > 0, scope: new, run: before}
              - accepted_values: [1, 2]
              - accepted_values: {values: [3], threshold: 1.5%, continue_on_failure: true, name: three}
              - relationships: {to: nation, field: n_id}
        tests:
          - row_count: {min: 1}
          - expression: "c_id > 0"
          - sql: "select * from {{ this }} where c_id < 0;"
          - unique: {columns: [c_id, c_name]}
          - not_null: [c_id, c_name]
        ---*/
        select c_id, c_name from RAW.CUSTOMER
        """,
        {"nodes/STG/NATION.sql": "select n_id from RAW.NATION"},
    )
    assert found.tests == (
        TestSpec("unique_c_id", TestKind.UNIQUE, "c_id"),
        TestSpec(
            "not_null_c_id",
            TestKind.NOT_NULL,
            "c_id",
            severity=Severity.WARN,
            threshold=Threshold(rows=5),
            where="c_id > 0",
            scope=TestScope.NEW,
            when=TestTime.BEFORE,
        ),
        TestSpec("accepted_values_c_id", TestKind.ACCEPTED_VALUES, "c_id", {"values": [1, 2]}),
        TestSpec(
            "three",
            TestKind.ACCEPTED_VALUES,
            "c_id",
            {"values": [3]},
            threshold=Threshold(percent=1.5),
            continue_on_failure=True,
        ),
        TestSpec("relationships_c_id", TestKind.RELATIONSHIPS, "c_id", {"to": "STG.NATION", "field": "n_id"}),
        TestSpec("row_count", TestKind.ROW_COUNT, None, {"min": 1, "max": None}),
        TestSpec("expression", TestKind.EXPRESSION, None, {"sql": "c_id > 0"}),
        TestSpec("sql", TestKind.SQL, None, {"sql": "select * from {this} where c_id < 0"}),
        TestSpec("unique_c_id_c_name", TestKind.UNIQUE, None, {"columns": ["c_id", "c_name"]}),
        TestSpec("not_null_c_id_2", TestKind.NOT_NULL, "c_id"),
        TestSpec("not_null_c_name", TestKind.NOT_NULL, "c_name"),
    )


def test_history_columns_of_scd2_can_be_read_and_tested(compiled: Compile) -> None:
    nodes = compiled(
        {
            N: "/*---\nload: scd2\nkey: c_id\ncolumns: {valid_to: {tests: [not_null]}}\n---*/\n"
            "select c_id from RAW.CUSTOMER",
            "nodes/STG/M.sql": "select c_id, valid_from from STG.N where is_current",
        }
    ).manifest.nodes
    assert [column.name for column in nodes["STG.N"].columns] == ["c_id"]
    assert nodes["STG.M"].columns[1].sources == (("STG.N", "valid_from"),)


def spans(found: Node) -> list[str]:
    assert found.query is not None
    return [found.query[reference.start : reference.end] for reference in found.references]


def test_references_are_spans_of_the_query_with_their_aliases(compiled: Compile) -> None:
    found = node(
        compiled,
        'with c as (select c_id from raw.CUSTOMER) select RAW.NATION.n_id from c, RAW."NATION", RAW.NATION n2',
    )
    assert spans(found) == ["raw.CUSTOMER", "RAW.NATION", 'RAW."NATION"', "RAW.NATION"]
    assert [(r.alias, r.alias_needed, r.qualifier) for r in found.references] == [
        ("CUSTOMER", True, False),
        ("NATION", False, True),
        ("NATION", True, False),
        ("n2", False, False),
    ]
    assert found.depends_on == ("RAW.CUSTOMER", "RAW.NATION")


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_parquet('a.parquet')",
        "select * from 'data/a.csv'",
        "select * from other.main.CUSTOMER",
        "select * from information_schema.tables",
        "select n from range(3) as r(n)",
    ],
)
def test_what_is_none_of_the_projects_passes_untouched(compiled: Compile, query: str) -> None:
    found = node(compiled, query)
    assert (found.query, found.references, found.depends_on) == (query, (), ())


def test_star_over_unknown_columns_leaves_the_shape_open(compiled: Compile) -> None:
    found = node(compiled, "select u.*, c_id from RAW.UNDECLARED u, RAW.CUSTOMER")
    assert found.open_shape
    assert [column.name for column in found.columns] == ["c_id"]


def test_column_of_an_undeclared_source_has_its_lineage(compiled: Compile) -> None:
    found = node(compiled, "select anything from RAW.UNDECLARED")
    assert not found.open_shape
    assert found.columns[0].sources == (("RAW.UNDECLARED", "anything"),)


@pytest.mark.parametrize(
    "query",
    [
        "select 1 as a from RAW.CUSTOMER where " + " or ".join(f"c_id = {i}" for i in range(2_000)),
        " union all ".join(f"select {i} as a" for i in range(2_000)),
        "select " + " || ".join(["c_name"] * 2_000) + " as a from RAW.CUSTOMER",
    ],
    ids=["or", "union", "concatenation"],
)
def test_long_chain_is_no_deep_recursion(compiled: Compile, query: str) -> None:
    assert [column.name for column in node(compiled, query).columns] == ["a"]


def test_ref_and_plain_name_say_the_same(compiled: Compile) -> None:
    by_ref = node(compiled, "select c_id from {{ ref('RAW', 'CUSTOMER') }}")
    assert by_ref.query == "select c_id from RAW.CUSTOMER"
    assert by_ref.depends_on == ("RAW.CUSTOMER",)
    assert by_ref.template == "select c_id from {{ ref('RAW', 'CUSTOMER') }}"


def test_ref_no_link_is_a_reference_without_an_edge(compiled: Compile) -> None:
    found = node(compiled, "select x from {{ ref_no_link('RAW', 'CUSTOMER') }}, RAW.NATION")
    assert spans(found) == ["RAW.CUSTOMER", "RAW.NATION"]
    assert found.depends_on == ("RAW.NATION",)


def test_ref_link_is_an_edge_without_a_name(compiled: Compile) -> None:
    found = node(compiled, "{{ ref_link('RAW', 'CUSTOMER') }}select 1 as a")
    assert (found.query, found.references, found.depends_on) == ("select 1 as a", (), ("RAW.CUSTOMER",))


def test_this_reads_the_node_itself_without_a_cycle(compiled: Compile) -> None:
    text = "select c_id from RAW.CUSTOMER where c_id > (select max(c_id) from {{ this }})"
    found = node(compiled, text)
    assert spans(found) == ["RAW.CUSTOMER", "STG.N"]
    assert found.depends_on == ("RAW.CUSTOMER",)


def test_query_ends_before_its_semicolon_and_last_comment(compiled: Compile) -> None:
    assert node(compiled, "select 1 as a -- one\n; -- the end\n").query == "select 1 as a"


def test_source_keeps_what_its_file_says(compiled: Compile) -> None:
    manifest = compiled(
        {
            "nodes/RAW/sources.yml": "A:\n  id: a1\n  table: T_A\n  file: x/*.csv\n  loaded_by: extract\n"
            "  tags: raw\n  freshness: {loaded_at: max(at), warn_after: 1h30m, error_after: 2d}\n"
            "  columns: {a: {type: bigint, tests: [unique]}}\n  tests: [{row_count: {min: 1}}]\n"
        }
    ).manifest
    found = manifest.nodes["a1"]
    assert found.materialization is Materialization.SOURCE
    assert found.source is not None
    assert (found.source.table, found.source.file, found.source.loaded_by) == ("T_A", "x/*.csv", "extract")
    assert found.source.freshness is not None
    assert found.source.freshness.warn_after_seconds == 5_400
    assert [test.name for test in found.tests] == ["unique_a", "row_count"]


# templates again, at bind


TEMPLATED: Files = {
    N: "/*---\n---*/\nselect c_id from RAW.{{ parameters.table | default('CUSTOMER') }}\n"
    "where c_name = '{{ parameters.segment }}'",
    "environments/dev.yml": "id: 1\nname: dev\nwarehouse: {type: duckdb, path: d.duckdb}\n"
    "mappings: {RAW: {schema: raw}, STG: {schema: stg}}\nparameters: {table: CUSTOMER}\n",
}


def test_bind_text_renders_with_an_environments_parameters(compiled: Compile) -> None:
    manifest = compiled(TEMPLATED).manifest
    found = manifest.nodes["STG.N"]
    assert found.reads_parameters == ("segment", "table")
    rendered = bind_text(found, manifest, {"segment": "X", "table": "UNDECLARED"})
    assert rendered.query == "select c_id from RAW.UNDECLARED\nwhere c_name = 'X'"
    assert rendered.depends_on == ("RAW.UNDECLARED",)
    assert rendered.references == (TableReference("RAW.UNDECLARED", 17, 31, "UNDECLARED", True),)


def test_bind_text_names_what_the_parameters_break(compiled: Compile) -> None:
    manifest = compiled(TEMPLATED).manifest
    with pytest.raises(ProjectError) as caught:
        bind_text(manifest.nodes["STG.N"], manifest, {"table": "NOWHERE"})
    assert [d.code for d in caught.value.diagnostics] == ["unknown_node"]


def test_hook_is_rendered_and_its_names_are_found(compiled: Compile) -> None:
    manifest = compiled({N: "select 1 as a"}).manifest
    text = "delete from {{ this }} where a in (select n_id from RAW.NATION) -- RAW.CUSTOMER"
    rendered = render_hook(manifest.nodes["STG.N"], text, manifest, {})
    assert rendered.query.startswith("delete from STG.N where")
    assert [r.node_id for r in rendered.references] == ["STG.N", "RAW.NATION"]


def test_names_in_strings_and_unknown_ones_are_no_references(compiled: Compile) -> None:
    manifest = compiled({N: "select 1 as a"}).manifest
    assert find_references("grant select on STG.M to x; select 'STG.N'", manifest) == ()


def test_run_template_is_split_into_named_statements(compiled: Compile) -> None:
    manifest = compiled(
        {
            "node_types/snap/definition.yml": "load: template\nconfig: {days: {type: integer, default: 3}}\n",
            "node_types/snap/run.sql.j2": "{% stage 'Forget' %}\ndelete from {{ this }} where d > {{ config.days }}\n"
            "{% stage 'Add' %}insert into {{ this }} {{ query }}",
            N: "/*--- {type: snap} ---*/\nselect 1 as d",
        }
    ).manifest
    found = manifest.nodes["STG.N"]
    assert found.load == Load(LoadStrategy.TEMPLATE)
    assert found.config == {"days": 3}
    template = manifest.node_types["snap"].run_template
    assert template is not None
    stages, _ = render_stages(found, template, manifest, {}, {"this": "stg.n", "query": "Q"})
    assert stages == [
        ("Forget", "delete from stg.n where d > 3"),
        ("Add", "insert into stg.n Q"),
    ]


@pytest.mark.parametrize(
    "template",
    [
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{{ ().__class__.__mro__ }}",
        "{{ ref.__globals__ }}",
        "{{ parameters.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ self._TemplateReference__context }}",
        "{{ open('/etc/passwd') }}",
        "{{ env('HOME') }}",
        "{{ ''.join(['a'] * 1000000000) }}",
        "{{ 9 ** 99999999 }}",
        "{{ range(999999999) | list }}",
        "{{ ((10 ** 1000) ** 1000) ** 1000 }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{{ ref }}",
        "{{ parameters }}",
        "{{ parameters.items }}",
    ],
)
def test_template_reaches_nothing_outside(compiled: Compile, template: str) -> None:
    with pytest.raises(ProjectError) as caught:
        compiled({N: f"select '{template}' as x"})
    assert {d.code for d in caught.value.diagnostics} <= {"template_error", "unknown_parameter"}


def test_parameter_may_have_a_default_and_the_name_of_a_method(compiled: Compile) -> None:
    found = node(
        compiled,
        "select {{ parameters.items }} as a, {{ parameters.absent | default(2) }} as b\n"
        "{% if parameters.other is defined %}, 3 as c{% endif %}{% if 'more' in parameters %}, 4 as d{% endif %}",
        {"headgate.yml": "name: x\nlocations: [RAW, STG, MART]\nparameters: {items: 1}\n"},
    )
    assert found.query == "select 1 as a, 2 as b"
    assert found.reads_parameters == ("absent", "items", "more", "other")


def test_loops_know_their_place_and_may_be_nested(compiled: Compile) -> None:
    rows = "{% for a in [1, 2] %}{% for b in 'xy' %}{{ a }}{{ b }}{{ loop.length }}"
    end = "{{ '' if loop.last else '.' }}{% endfor %}{{ ';' if not loop.last }}{% endfor %}"
    found = node(compiled, f"select '{rows}{end}' as a")
    assert found.query == "select '1x2.1y2;2x2.2y2' as a"


def test_macros_of_different_files_call_each_other(compiled: Compile) -> None:
    found = node(
        compiled,
        "select {{ outer('c_id') }} as k from RAW.CUSTOMER",
        {
            "macros/a.sql": "{% macro outer(c) %}{{ inner(c) }} + {{ parameters.one }}{% endmacro %}",
            "macros/b.sql": "{% macro inner(c) %}({{ c }}){% endmacro %}",
            "headgate.yml": "name: x\nlocations: [RAW, STG, MART]\nparameters: {one: 1}\n",
        },
    )
    assert found.query == "select (c_id) + 1 as k from RAW.CUSTOMER"
    assert found.reads_parameters == ("one",)
