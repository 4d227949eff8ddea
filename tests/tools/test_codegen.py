"""The real generator on small schemas, each test in a folder of its own."""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from graphql import StringValueNode, Visitor, parse, visit
from pydantic import ValidationError
from typing_extensions import is_typeddict

import codegen
from codegen_plugin import problems
from wandb_runs.graphql.operation import Operation
from wandb_runs.graphql.selections import without

if TYPE_CHECKING:
    from types import ModuleType

    from wandb_runs.graphql.models import GraphQLModel

ROOT = Path(codegen.__file__).parent.parent

SCHEMA = """
type Query {
  run(id: ID, text: String): Run
  aB: Run
  a: Box
  node: Node
  thing: Thing
}
type Subscription { run: Run }
type Box { b: Run }
type Run implements Node {
  id: ID!
  name: String
  fooBar: Int
  foo_bar: Int
  user: User
  state: State
  modelName: String
  blob: Blob
}
type User { id: ID! name: String email: String team: Team }
type Team { id: ID! name: String }
interface Node { id: ID! }
union Thing = Run | User
enum State { RUNNING FINISHED }
input RunInput { id: ID }
scalar Blob
"""

CONFIG = """
[tool.ariadne-codegen]
schema_path = "schema.graphql"
queries_path = "queries"
target_package_path = "."
target_package_name = "{name}"
plugins = ["codegen_plugin.OperationsPlugin"]
default_optional_fields_to_none = true
use_alias_generator = true
defer_model_build = true
[tool.ariadne-codegen.scalars]
Blob = {{ type = "object" }}
"""


@dataclass
class Project:
    """A folder with a schema, queries and settings."""

    root: Path
    name: str

    def write(self, queries: str, *, schema: str = SCHEMA) -> None:
        (self.root / "queries").mkdir(exist_ok=True)
        (self.root / "queries" / "all.graphql").write_text(textwrap.dedent(queries).strip())
        (self.root / "schema.graphql").write_text(schema)
        (self.root / "codegen.toml").write_text(CONFIG.format(name=self.name))

    def generate(self, queries: str, *, schema: str = SCHEMA) -> Path:
        self.write(queries, schema=schema)
        return codegen.generate(root=self.root)

    def package(self, queries: str, *, schema: str = SCHEMA) -> ModuleType:
        self.generate(queries, schema=schema)
        importlib.invalidate_caches()
        return importlib.import_module(self.name)

    def refusal(self, queries: str, *, schema: str = SCHEMA) -> str:
        with pytest.raises(problems.CodegenRefusedError) as caught:
            self.generate(queries, schema=schema)
        assert not (self.root / self.name).exists(), "refused, yet something was written"
        return str(caught.value)

    def unguarded(self, queries: str) -> ModuleType:
        """What the same queries give without the plugin."""
        self.write(queries)
        settings = self.root / "codegen.toml"
        lines = settings.read_text().splitlines()
        settings.write_text("\n".join(line for line in lines if not line.startswith("plugins")))
        codegen.generate(root=self.root)
        importlib.invalidate_caches()
        return importlib.import_module(self.name)


# Python keeps modules by name, so that no two tests may share one.
NUMBERS = itertools.count()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return Project(tmp_path, f"generated_{next(NUMBERS)}")


def operation(package: ModuleType, builder: str, **variables: object) -> Operation[GraphQLModel]:
    built: object = getattr(package, builder)(**variables)
    assert isinstance(built, Operation)
    return cast("Operation[GraphQLModel]", built)


def answer(package: ModuleType, builder: str, data: object) -> dict[str, object]:
    body = json.dumps({"data": data}).encode()
    return operation(package, builder).parse(body).model_dump()


# --- what a server may lack ----------------------------------------------------------------------


MARKS = """
directive @optional(costs: String!) on FIELD_DEFINITION | ARGUMENT_DEFINITION
directive @essential on FIELD
scalar Blob
"""
HOST = 'host(keys: [String!] @optional(costs: "all are read")): String @optional(costs: "no host")'
MARKED = f"{MARKS} type Query {{ run: Run }} type Run {{ id: ID {HOST} name: String tag: String }}"


def test_marks_become_a_tree_and_are_not_sent(project: Project) -> None:
    package = project.package(
        "query GetRun($keys: [String!]) { run { id host(keys: $keys) } }"
        "query GetHost { run { host @essential } }",
        schema=MARKED,
    )
    assert "@" not in operation(package, "get_host").document
    generated = importlib.import_module(f"{project.name}.selections")
    whole, host = generated.OPERATIONS["GetRun"], generated.OPERATIONS["GetHost"]
    assert generated.COSTS == {"Run.host": "no host", "Run.host(keys:)": "all are read"}
    left = without(whole, {}, frozenset({"Run.host(keys:)"}))
    assert left.text == "query GetRun {\n  run {\n    id\n    host\n  }\n}"
    assert without(whole, {}, frozenset({"Run.host", "Run.id"})).essential == {"Run.id"}
    assert without(host, {}, frozenset({"Run.host"})).essential == {"Run.host"}


@pytest.mark.parametrize(
    ("schema", "query", "problem"),
    [
        (
            MARKED.replace("name: String", 'name: String @optional(costs: "no name")'),
            "query GetRun { run { id } }",
            "Run.name selects, places or identifies rows and is never left out",
        ),
        (
            MARKED.replace("tag: String", 'tag(first: Int @optional(costs: "all")): String'),
            "query GetRun { run { id } }",
            "Run.tag(first:) selects, places or identifies rows and is never left out",
        ),
        (
            MARKED.replace("tag: String", 'tag: String @optional(costs: " ")'),
            "query GetRun { run { id } }",
            "Run.tag: @optional says what is lost in costs:",
        ),
        (
            MARKED + 'type Mutation { stop: Run @optional(costs: "no stop") }',
            "query GetRun { run { id } }",
            "Mutation.stop: nothing of a mutation is left out",
        ),
        (
            MARKED + "type Mutation { stop: Run }",
            "mutation Stop { stop { ...Host } } fragment Host on Run { host }",
            "Stop: fragments leave out what queries can do without",
        ),
        (
            MARKED,
            "query GetRun { run { id @essential } }",
            "Run.id is never left out, so that @essential says nothing",
        ),
    ],
)
def test_marks_that_cannot_be_meant_are_refused(
    project: Project, schema: str, query: str, problem: str
) -> None:
    assert problem in project.refusal(query, schema=schema)


def test_nothing_of_a_mutation_is_left_out(project: Project) -> None:
    project.package(
        "mutation Stop { stop { id host } }", schema=MARKED + "type Mutation { stop: Run }"
    )
    generated = importlib.import_module(f"{project.name}.selections")
    left = without(generated.OPERATIONS["Stop"], {}, frozenset({"Run.host"}))
    assert left.essential == {"Run.host"}


# --- what is refused -----------------------------------------------------------------------------


DIRECTLY_AND_FROM_A_FRAGMENT = """
    query GetRun { run { ...RunFields user { email } } }
    fragment RunFields on Run { user { name } }
"""


def test_upstream_loses_one_of_two_selections(project: Project) -> None:
    package = project.unguarded(DIRECTLY_AND_FROM_A_FRAGMENT)

    model = package.GetRun.model_validate({"run": {"user": {"name": "n", "email": "e"}}})

    # If this fails upstream has learnt to merge, and the refusal can go.
    assert "name" not in model.model_dump()["run"]["user"]


@pytest.mark.parametrize(
    ("queries", "where", "sources"),
    [
        (
            DIRECTLY_AND_FROM_A_FRAGMENT,
            "queries/all.graphql:1: GetRun.run: user is selected more than once: ",
            ["from 'RunFields' (queries/all.graphql:2)", "directly (queries/all.graphql:1)"],
        ),
        (
            """
            query GetRun { run { ...A ...B } }
            fragment A on Run { user { name } }
            fragment B on Run { user { email } }
            """,
            "GetRun.run: user is selected more than once: ",
            ["from 'A'", "from 'B'"],
        ),
        (
            "query GetRun { run { user { name } user { email } } }",
            "GetRun.run: user is selected more than once: ",
            ["directly"],
        ),
        (
            """
            query GetRun { run { ...Outer } }
            fragment Outer on Run { user { team { id } ...Inner } }
            fragment Inner on User { team { name } }
            """,
            "queries/all.graphql:2: Outer.user: team is selected more than once: ",
            ["directly", "from 'Inner'"],
        ),
        (
            """
            query GetRun { run { ...Outer user { email } } }
            fragment Outer on Run { ...Inner }
            fragment Inner on Run { user { name } }
            """,
            "GetRun.run: user is selected more than once: ",
            ["directly", "from 'Outer'"],
        ),
    ],
)
def test_selections_that_would_have_to_merge(
    project: Project, queries: str, where: str, sources: list[str]
) -> None:
    message = project.refusal(queries)

    assert where in message
    assert "select it in one place" in message
    for source in sources:
        assert source in message


def test_a_fragment_that_merges_is_named_once(project: Project) -> None:
    message = project.refusal("""
        query GetRun { run { ...A } }
        fragment A on Run { user { name } user { email } }
    """)

    assert message.count("more than once") == 1
    assert "queries/all.graphql:2: A: user" in message


def test_what_needs_no_merging_is_accepted(project: Project) -> None:
    package = project.package("""
        query GetRun { run { name name ...A ...B } }
        fragment A on Run { name ...Shared }
        fragment B on Run { fooBar ...Shared }
        fragment Shared on Run { id user { name } }
    """)

    run = {"id": 5, "name": "n", "fooBar": 1, "user": {"name": "u"}}

    assert answer(package, "get_run", {"run": run}) == {
        "run": {"id": "5", "name": "n", "foo_bar": 1, "user": {"name": "u"}}
    }


@pytest.mark.parametrize(
    ("fields", "attribute"),
    [
        ("fooBar foo_bar", "'foo_bar'"),
        ("id _id: name", "'id'"),
        ("fooBar ...Other", "'foo_bar'"),
    ],
)
def test_keys_that_meet_in_python(project: Project, fields: str, attribute: str) -> None:
    message = project.refusal(f"""
        query GetRun {{ run {{ {fields} }} }}
        query GetOther {{ run {{ ...Other }} }}
        fragment Other on Run {{ foo_bar }}
    """)

    assert "queries/all.graphql:1: GetRun.run: " in message
    assert f"are one attribute in Python, {attribute}" in message
    assert "alias one" in message


def test_upstream_loses_one_of_two_keys_that_meet(project: Project) -> None:
    package = project.unguarded("query GetRun { run { fooBar foo_bar } }")

    assert list(package.GetRunRun.model_fields) == ["foo_bar"]


def test_keys_that_make_no_name(project: Project) -> None:
    message = project.refusal("query GetRun { run { _1: name } }")

    assert "GetRun.run: _1 makes '1', no name in Python; alias it" in message


@pytest.mark.parametrize("condition", ["@include(if: $yes)", "@skip(if: $yes)"])
def test_conditions_on_spreads(project: Project, condition: str) -> None:
    queries = f"""
        query GetRun($yes: Boolean!) {{ run {{ ...RunFields {condition} }} }}
        fragment RunFields on Run {{ id }}
    """
    message = project.refusal(queries)

    assert "queries/all.graphql:1: GetRun.run: a condition on ...RunFields is lost" in message
    assert "on fields" in message


def test_upstream_requires_what_a_condition_leaves_out(project: Project) -> None:
    package = project.unguarded("""
        query GetRun($yes: Boolean!) { run { ...RunFields @include(if: $yes) } }
        fragment RunFields on Run { id }
    """)

    with pytest.raises(ValidationError, match="Field required"):
        package.GetRun.model_validate({"run": {}})


@pytest.mark.parametrize(
    "fragment",
    [
        "... on Run @include(if: $yes) { id }",
        "... on Run @skip(if: $yes) { id }",
        "... @include(if: $yes) { id }",
        "... on Run { name fooBar @skip(if: $yes) }",
    ],
)
def test_inline_fragments(project: Project, fragment: str) -> None:
    message = project.refusal(f"query GetRun($yes: Boolean!) {{ run {{ {fragment} }} }}")

    assert "queries/all.graphql:1: GetRun.run: an inline fragment" in message
    assert "write its fields directly" in message


def test_conditions_on_fields_are_accepted(project: Project) -> None:
    package = project.package(
        "query GetRun($yes: Boolean = true) { run { name id @include(if: $yes) } }"
    )

    assert answer(package, "get_run", {"run": {"name": "n"}}) == {"run": {"name": "n", "id": None}}


@pytest.mark.parametrize(
    "queries",
    [
        # The class would shadow its own import and refer to itself.
        "query RunFields { run { ...RunFields } } fragment RunFields on Run { id }",
        # One class would silently serve both selections.
        "query Get { aB { name } a { b { id } } }",
        "query Get { run { id user { name } } } query GetRun { run { id } }",
        "query GetRun { run { ...Run ...X } } fragment Run on Run { user { name } }"
        " fragment X on Run { name } query GetUser { run { user { ...RunUser } } }"
        " fragment RunUser on User { id }",
        "query GetRun { run { id } } query getRun { run { name } }",
        "query get_run { run { id } } query GetRun { run { name } }",
        "query State { run { id state } }",
        "query Field { run { id } }",
        "query Operations { run { id } }",
    ],
)
def test_names_that_clash(project: Project, queries: str) -> None:
    message = project.refusal(queries)

    assert "is taken by" in message
    assert "rename the operation or fragment, or alias the field" in message


def test_upstream_reuses_the_wrong_class(project: Project) -> None:
    package = project.unguarded("query Get { aB { name } a { b { id } } }")

    model = package.Get.model_validate({"a": {"b": {"id": "1"}}})

    assert model.model_dump()["a"]["b"] == {"name": None}


@pytest.mark.parametrize(
    ("queries", "kind"),
    [
        ("query Get { node { id } }", "Node"),
        ("query Get { thing { ... on Run { id } } }", "Thing"),
        ("query Get { run { ...F } } fragment F on Node { id }", "Node"),
    ],
)
def test_abstract_types(project: Project, queries: str, kind: str) -> None:
    message = project.refusal(queries)

    assert f"{kind} is an interface or union" in message
    assert "select fields of an object type" in message


def test_spreads_whose_models_cannot_be_bases_together(project: Project) -> None:
    message = project.refusal("""
        query GetRun { run { ...A ...B } }
        fragment A on Run { id }
        fragment B on Run { name ...A }
    """)

    assert "GetRun.run: ...A comes twice, again through B" in message
    assert "spread it once" in message


@pytest.mark.parametrize(
    ("queries", "problem"),
    [
        ("query { run { id } }", "a query: it has no name"),
        (
            "subscription Watch { run { id } }",
            "Watch: a subscription is not supported",
        ),
        ("query Get { __schema { types { name } } }", "introspection is not supported"),
        ("query Get($in: RunInput) { run @include(if: true) { id } }", "Variable '$in'"),
        (
            "query Get($fooBar: ID, $foo_bar: ID) { run(id: $fooBar) { id } x: run(id: $foo_bar)"
            " { id } }",
            "Get: $fooBar and $foo_bar are one argument in Python, 'foo_bar'",
        ),
        ("query Get { run { nonsense } }", "Cannot query field 'nonsense' on type 'Run'"),
        ("query Get { run { id }", "Syntax Error"),
        ("query Get { run { id } } fragment F on Run { id }", "Fragment 'F' is never used"),
    ],
)
def test_other_refusals(project: Project, queries: str, problem: str) -> None:
    message = project.refusal(queries)

    assert problem in message
    assert "queries/all.graphql:1" in message


MIXIN = '@mixin(from: "x", import: "Y")'


@pytest.mark.parametrize(
    "queries",
    [
        f"query Get {{ run {MIXIN} {{ id }} }}",
        f"query Get {{ run {{ ...F }} }} fragment F on Run {MIXIN} {{ id }}",
    ],
)
def test_mixins(project: Project, queries: str) -> None:
    assert "@mixin on a fragment would be sent to the server" in project.refusal(queries)


INPUTS = """
"A filter."
input RunInput {
  id: ID!
  state: State
  states: [State!]! = [RUNNING]
  tags: [String]
  blob: Blob
  inside: InsideInput!
}
input InsideInput { depth: Int! again: [InsideInput!] }
input UnusedInput { from: ID }
"""
BY = SCHEMA.replace("run(id: ID,", "run(id: ID, by: RunInput,").replace(
    "input RunInput { id: ID }", INPUTS
)


def test_an_input_object_is_a_typed_dict(project: Project) -> None:
    package = project.package("query Get($by: RunInput!) { run(by: $by) { id } }", schema=BY)
    by = {"id": "r", "inside": {"depth": 1}}

    assert operation(package, "get", by=by).variables == {"by": by}
    kinds = importlib.import_module(f"{project.name}.input_types")
    kind, inside = kinds.RunInput, kinds.InsideInput
    assert kind is package.RunInput
    assert kinds.__all__ == ["InsideInput", "RunInput"], "those alone that variables have"
    assert is_typeddict(kind)
    assert {*inside.__annotations__} == {"depth", "again"}
    assert {name: each.__forward_arg__ for name, each in kind.__annotations__.items()} == {
        "id": "str",
        "state": "NotRequired[State | None]",
        "states": "NotRequired[list[State] | tuple[State, ...]]",
        "tags": "NotRequired[list[str | None] | tuple[str | None, ...] | None]",
        "blob": "NotRequired[object | None]",
        "inside": "InsideInput",
    }
    signature = inspect.signature(package.get).parameters["by"]
    assert (signature.annotation, signature.default) == ("RunInput", inspect.Parameter.empty)


def test_checkers_know_an_input_object(project: Project) -> None:
    project.generate("query Get($by: RunInput!) { run(by: $by) { id } }", schema=BY)
    (project.root / "use.py").write_text(
        f"from {project.name} import get\n"
        'get(by={"id": "r", "inside": {"depth": 1}, "tags": ["a", None]})\n'
        'get(by={"id": "r"})  # wrong\n'
        'get(by={"id": "r", "inside": {"depth": "1"}})  # wrong\n'
        'get(by={"id": "r", "inside": {"depth": 1}, "tag": 1})  # wrong\n'
    )
    told = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "use.py"],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert {int(line.split(":")[1]) for line in told.splitlines() if "error:" in line} == {3, 4, 5}


def test_keywords_of_python_in_input_objects(project: Project) -> None:
    schema = BY.replace("input InsideInput {", "input InsideInput { from: ID")

    message = project.refusal("query Get($by: RunInput!) { run(by: $by) { id } }", schema=schema)

    assert "InsideInput.from is a keyword of Python" in message


def test_all_problems_are_told_at_once(project: Project) -> None:
    message = project.refusal("query Get { run { fooBar foo_bar } } query Got { node { id } }")

    assert len(message.splitlines()) == 2


@pytest.mark.parametrize(
    ("extra", "problem"),
    [
        ("nonsense_key = 3", "has no key 'nonsense_key' that works here"),
        ("query_path = 3", "has no key 'query_path' that works here; write 'queries_path'"),
        ("lazy_imports = true", "has no key 'lazy_imports' that works here"),
        ("[tool.ariadne_codegen]", "[tool] has no key 'ariadne_codegen'"),
        ("[tool.ariadne-codegen.scalars.X]\ntype = 'str'\nparse = 'f'", "has no key 'parse'"),
    ],
)
def test_settings_that_upstream_ignores(project: Project, extra: str, problem: str) -> None:
    project.write("query Get { run { id } }")
    settings = project.root / "codegen.toml"
    head, scalars = settings.read_text().split("[tool.ariadne-codegen.scalars]")
    settings.write_text(f"{head}{extra}\n[tool.ariadne-codegen.scalars]{scalars}")

    with pytest.raises(problems.CodegenRefusedError) as caught:
        codegen.generate(root=project.root)

    assert "codegen.toml: " in str(caught.value)
    assert problem in str(caught.value)


def test_scalars_without_a_type(project: Project) -> None:
    schema = SCHEMA.replace("scalar Blob", "scalar Blub").replace("blob: Blob", "blob: Blub")

    message = project.refusal("query Get { run { blob } }", schema=schema)

    assert "scalar Blub has no type and would become Any" in message
    assert "the schema has no scalar Blob; remove it" in message


# --- what is written -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "literal", [r'"it\'s"', r'"a\nb"', r'"a\\nb"', r'"\"\"\""', r'"\u00fc\t"', '"""it\'s\n  a"""']
)
def test_strings_in_documents_survive(project: Project, literal: str) -> None:
    literal = literal.replace(r"\'", "'")
    queries = f"query Get {{ run(text: {literal}) {{ id }} }}"

    document = operation(project.package(queries), "get").document

    assert strings(document) == strings(queries)
    assert len(strings(document)) == 1


class Strings(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def enter_string_value(self, node: StringValueNode, *_: object) -> None:
        self.found.append(node.value)


def strings(document: str) -> list[str]:
    visitor = Strings()
    visit(parse(document), visitor)
    return visitor.found


def test_documents_hold_the_fragments_in_use_and_no_others(project: Project) -> None:
    package = project.package("""
        query GetRun { run { ...B } }
        query GetUser { run { user { ...A } } }
        fragment B on Run { id user { ...A } }
        fragment A on User { name }
        query GetName { run { name } }
    """)

    documents = {
        name: operation(package, name).document.count("fragment")
        for name in ("get_run", "get_user", "get_name")
    }

    assert documents == {"get_run": 2, "get_user": 1, "get_name": 0}


def test_builders_take_what_the_document_declares(project: Project) -> None:
    queries = """
        query Get($id: ID!, $text: String, $other: String! = "x", $state: State, $type: ID) {
          run(id: $id, text: $text) { id }
          b: run(id: $type, text: $other, state: $state) { id }
        }
    """
    schema = SCHEMA.replace("run(id: ID,", "run(id: ID, state: State,")

    package = project.package(queries, schema=schema)

    assert operation(package, "get", id="1", state=package.State.RUNNING).variables == {
        "id": "1",
        "state": "RUNNING",
    }
    assert operation(package, "get", id="1").variables == {"id": "1"}
    assert operation(package, "get", id="1", type_="2", text=None).variables == {
        "id": "1",
        "type": "2",
    }
    with pytest.raises(TypeError, match="id"):
        package.get()
    with pytest.raises(TypeError, match="positional"):
        package.get("1")


def test_enums_are_open_and_ids_take_numbers(project: Project) -> None:
    package = project.package("query Get { run { id state modelName blob } }")

    for state in ("RUNNING", "NEW"):
        data = {"run": {"id": 7, "state": state, "modelName": "m", "blob": [1]}}
        run = package.get().parse(json.dumps({"data": data}).encode()).run

        assert (run.id, run.state, run.model_name, run.blob) == ("7", state, "m", [1])
        assert run.state == package.State(state)


def test_models_are_frozen_and_imported_when_touched(project: Project) -> None:
    package = project.package("query Get { run { id } }")

    assert f"{project.name}.get_result" not in sys.modules
    assert package.Get(run=None) == package.get().result.model_validate({})
    assert callable(package.get), "the module of the models stands in the builder's place"
    with pytest.raises(ValidationError, match="frozen"):
        package.Get(run=None).run = 5
    with pytest.raises(AttributeError, match="no attribute 'Got'"):
        _ = package.Got
    assert all(hasattr(package, name) for name in package.__all__)


def test_stale_modules_go_and_every_file_says_where_it_comes_from(project: Project) -> None:
    before = project.generate("query GetOld { run { id } }")
    assert (before / "get_old_result.py").exists()

    package = project.generate("query GetNew { run { id } }")

    assert not (package / "get_old_result.py").exists()
    assert (package / "get_new_result.py").exists()
    for file in package.glob("*.py"):
        assert file.read_text().startswith("# Generated by ariadne-codegen\n"), file


def test_generated_code_passes_strict_checks(project: Project) -> None:
    package = project.generate(
        """
        query Get($state: State, $ids: [ID!]!, $names: [String]) {
          run(id: "1") { ...RunFields user { team { name } } }
        }
        fragment RunFields on Run { id state blob }
    """.replace('id: "1"', 'id: "1", states: [$state], ids: $ids, names: $names'),
        schema=SCHEMA.replace(
            "run(id: ID,", "run(id: ID, states: [State], ids: [ID!], names: [String],"
        ),
    )

    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", str(package)],
        capture_output=True,
        text=True,
        check=False,
        cwd=project.root,
    )

    assert found.returncode == 0, found.stdout


# --- the command ---------------------------------------------------------------------------------


def test_what_is_committed_is_fresh() -> None:
    assert codegen.main(["--check"]) == 0


def test_generation_is_the_same_to_the_byte_whatever_the_hash_seed(tmp_path: Path) -> None:
    packages: list[Path] = []
    for seed in ("0", "1"):
        target = tmp_path / seed
        target.mkdir()
        script = f"import codegen, pathlib; codegen.generate(pathlib.Path({str(target)!r}))"
        subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT / "tools")},
        )
        packages.append(target / "_generated")

    assert codegen.differences(*packages) == []
    assert any(packages[0].iterdir())


BOTH = "query GetRun { run { id } } query GetUser { run { user { id } } }"
CHANGED = ["changed: __init__.py", "changed: operations.py", "changed: selections.py"]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (
            "query GetRun { run { id } }",
            BOTH,
            ["missing: get_user_result.py", *CHANGED],
        ),
        (
            BOTH,
            "query GetRun { run { id } }",
            ["left over: get_user_result.py", *CHANGED],
        ),
        (
            "query GetRun { run { id } }",
            "query GetRun { run { name } }",
            ["changed: get_run_result.py", *CHANGED[1:]],
        ),
    ],
)
def test_check_fails_when_queries_were_added_removed_or_edited(
    project: Project, capsys: pytest.CaptureFixture[str], before: str, after: str, found: list[str]
) -> None:
    package = project.generate(before)
    assert codegen.main(["--check"], root=project.root) == 0
    present = {file.name: file.read_bytes() for file in package.iterdir()}
    project.write(after)

    assert codegen.main(["--check"], root=project.root) == 1

    assert capsys.readouterr().out.split("\n  ")[1:] == [*found[:-1], f"{found[-1]}\n"]
    assert {file.name: file.read_bytes() for file in package.iterdir()} == present
    assert codegen.main([], root=project.root) == 0
    assert codegen.main(["--check"], root=project.root) == 0


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_the_command_tells_what_is_refused_without_a_traceback(
    project: Project, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    project.write("query Get { run { fooBar foo_bar } }")

    assert codegen.main(arguments, root=project.root) == 1
    assert capsys.readouterr().err.startswith("queries/all.graphql:1: Get.run: fooBar and foo_bar")
