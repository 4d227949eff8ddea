"""Operations of a document are those that graphql-core finds, whatever strings and comments say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from graphql import (
    DefinitionNode,
    DirectiveNode,
    FragmentDefinitionNode,
    OperationDefinitionNode,
    Visitor,
    parse,
    visit,
)
from hypothesis import given
from hypothesis import strategies as st

from wandb_runs import InvalidArgumentError
from wandb_runs.graphql.definitions import (
    Definition,
    OperationDefinition,
    definition_of,
    definitions_in,
)

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

WORDS = ("mutation", "query", "subscription", "fragment", "on", "a", "B_1", "optional", "true")
names = st.sampled_from(WORDS)
fragment_names = names.filter(lambda name: name != "on")

ignored = st.sampled_from(
    [" ", "\n", ", ", "\t", "\ufeff ", "\r\n", '# mutation M { "\n', "#{\n", '#"""\n', " # é\r"]
)
texts = st.sampled_from(
    [
        '""',
        '"mutation M { a }"',
        r'"\" } mutation {"',
        r'"\\"',
        '"#"',
        '""""""',
        '"""mutation { " "" \\""" } """',
        '"""\n# {\n"""',
    ]
)
values = st.recursive(
    st.one_of(texts, names, st.sampled_from(["1", "-1.5e3", "$a", "$mutation", "[]", "{}"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda each: f"[{' '.join(each)}]"),
        st.tuples(names, inner).map(lambda each: f"{{{each[0]}: {each[1]}}}"),
    ),
    max_leaves=4,
)
arguments = st.one_of(st.just(""), st.tuples(names, values).map(lambda e: f"({e[0]}: {e[1]})"))
directives = st.one_of(
    st.just(""), st.tuples(names, arguments).map(lambda each: f"@{each[0]}{each[1]}")
)


@st.composite
def selections(draw: DrawFn, depth: int = 2) -> str:
    fields: list[str] = []
    for _ in range(draw(st.integers(1, 2))):
        kind = draw(st.integers(0, 4))
        if kind == 0 and depth:
            fields.append(f"... on {draw(names)} {draw(directives)} {draw(selections(depth - 1))}")
        elif kind == 1:
            fields.append(f"...{draw(fragment_names)} {draw(directives)}")
        else:
            alias = draw(st.one_of(st.just(""), names.map(lambda name: f"{name}: ")))
            below = draw(selections(depth - 1)) if depth and draw(st.booleans()) else ""
            fields.append(f"{alias}{draw(names)}{draw(arguments)}{draw(directives)}{below}")
    return "{" + draw(ignored).join(["", *fields, ""]) + "}"


@st.composite
def definitions(draw: DrawFn) -> str:
    kind = draw(st.sampled_from(["{", "query", "mutation", "subscription", "fragment"]))
    body = draw(selections())
    if kind == "{":
        return body
    if kind == "fragment":
        name = draw(fragment_names)
        return f"fragment {name} on {draw(names)} {draw(directives)} {body}"
    name = draw(st.one_of(st.just(""), names))
    declared = draw(st.lists(names, max_size=2))
    variables = ", ".join(
        f"${each}: {draw(st.sampled_from(['Int', '[a!]!', 'mutation']))}"
        + draw(st.sampled_from(["", ' = "query { a }"', " = {a: [1]}", " @optional"]))
        for each in declared
    )
    header = f"({variables})" if declared else ""
    space = draw(ignored)
    return f"{kind}{space} {name}{space}{header}{space}{draw(directives)}{space}{body}"


documents = st.lists(definitions(), min_size=1, max_size=3).flatmap(
    lambda each: ignored.map(lambda space: space.join(["", *each, ""]))
)


def read_by_the_library(document: str) -> list[Definition]:
    return [_definition(node) for node in parse(document).definitions]


def _definition(node: DefinitionNode) -> Definition:
    finder = _Finder()
    visit(node, finder)
    if isinstance(node, OperationDefinitionNode):
        name = node.name.value if node.name else None
        variables = tuple(each.variable.name.value for each in node.variable_definitions or ())
        return Definition(node.operation.value, name, variables, finder.found)
    assert isinstance(node, FragmentDefinitionNode)
    return Definition("fragment", node.name.value, (), finder.found)


class _Finder(Visitor):
    """Looks for `@optional`."""

    found = False

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        self.found |= node.name.value == "optional"


@given(documents)
def test_definitions_are_those_that_the_library_finds(document: str) -> None:
    assert list(definitions_in(document)) == read_by_the_library(document)


@given(st.text(alphabet='{}()[]"\\ \n#qm$:@é', max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = definitions_in(text)
    except InvalidArgumentError:
        return
    assert all(each.keyword == "query" for each in found)


@pytest.mark.parametrize(
    ("document", "name", "expected"),
    [
        ("{ a }", None, ("query", None)),
        ("# mutation M { a }\nquery Q { a }", None, ("query", "Q")),
        ('query Q { a(x: "mutation M { a }") }', None, ("query", "Q")),
        ('query Q { a(x: """mutation M { a }""") }', None, ("query", "Q")),
        ("fragment F on Run { id } mutation M { a { ...F } }", None, ("mutation", "M")),
        ("mutation{a}", None, ("mutation", None)),
        ("query Q { mutation { a } }", None, ("query", "Q")),
        ("query A { a } mutation B { b }", "B", ("mutation", "B")),
        ("query A { a } mutation B { b }", "A", ("query", "A")),
        ('"What it is for." query Q { a }', None, ("query", "Q")),
        ("query Q { a } subscription S { b }", "Q", ("query", "Q")),
    ],
)
def test_the_operation_that_is_meant_is_found(
    document: str, name: str | None, expected: tuple[str, str | None]
) -> None:
    found = definition_of(document, name)
    assert (found.kind, found.name) == expected


def test_variables_are_those_that_the_operation_declares() -> None:
    document = "query Q($a: Int = 3, $b: [ID!]!) { x(a: $c b: {c: $a}) } query P($d: Int) { y }"
    assert definition_of(document, "Q") == OperationDefinition("query", "Q", ("a", "b"))


@pytest.mark.parametrize(
    ("document", "name", "problem"),
    [
        ("", None, "no operation; write one"),
        ("# nothing\n", None, "no operation; write one"),
        ("fragment F on Run { id }", None, "no operation; write one"),
        ("query A { a } query B { b }", None, r"2 operations \(A, B\); pass operation_name="),
        ("query A { a } { b }", None, "each needs a name"),
        ("query A { a } query A { b }", None, "two operations of the name 'A'"),
        ("query Abc { a }", "abd", "no operation 'abd'; did you mean 'Abc'"),
        ("{ a }", "A", "its only operation has no name"),
        ("subscription S { a }", None, "subscription S cannot be sent"),
        ("query Q { a @optional }", None, "wandb-runs codegen"),
        ("{ a ...F } fragment F on A { b @optional }", None, "wandb-runs codegen"),
        ("type A { a: Int }", None, "line 1, column 1: 'type' begins no operation"),
        ("qery Q { a }", None, "did you mean 'query'"),
        ("{ a }\n}", None, "line 2, column 1: '}' begins no"),
        ("query Q { a", None, r"line 1, column 9: '\{' is not closed"),
        ("query Q", None, "the query has no selection"),
        ("query Q (a: 1] { a }", None, r"column 14: '\]' closes nothing"),
        ('{ a(x: "b) }', None, "column 8: a string that does not end"),
        ('{ a(x: """b) }', None, "column 8: a string that does not end"),
        ("{\n  é }", None, "line 2, column 3: 'é' is no GraphQL"),
    ],
)
def test_what_cannot_be_sent_is_refused(document: str, name: str | None, problem: str) -> None:
    with pytest.raises(InvalidArgumentError, match=problem):
        definition_of(document, name)
