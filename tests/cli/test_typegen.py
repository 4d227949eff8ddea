"""The models of a project are valid, stable, and take each of its runs without a loss."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from functools import reduce
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.raw_server import http_answer, read_request, serve
from support.typegen import NASTY, SPECIAL, assert_round_trips, loaded

from wandb_runs import Api, BadResponseError, NotFoundError
from wandb_runs.cli.commands import cli
from wandb_runs.cli.typegen.models import write_models
from wandb_runs.cli.typegen.names import field_names
from wandb_runs.cli.typegen.reading import Documents, read_documents
from wandb_runs.cli.typegen.shapes import NOTHING, join, shape_of
from wandb_runs.testing import log_run

if TYPE_CHECKING:
    import random
    import socket
    from types import ModuleType

    from click.testing import Result

    from wandb_runs import Progress
    from wandb_runs.cli.typegen.shapes import Shape
    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.testing import LocalServer

OVER_HTTP = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PROJECTS = count()

# Few of them, so that runs share some; and any text there is.
keys = st.one_of(
    st.sampled_from(["lr", "a/b", "a_b", "_step", "class", "model"]),
    st.sampled_from(NASTY),
    st.text(st.characters(), max_size=5),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([2**53 + 1, 2**64, 10**400, -(10**400)]),
    st.floats(),
    st.sampled_from(SPECIAL),
    st.text(st.characters(), max_size=3),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(keys, values, max_size=5)
runs_of_a_project = st.lists(st.tuples(documents, documents), max_size=4)


@pytest.fixture(autouse=True)
def settled(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    for name in ("WANDB_ENTITY", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["typegen", *arguments])


def module_of(api: Api, path: str) -> str:
    return write_models(read_documents(api, path), path, f"wandb-runs typegen {path}")


def assert_runs_fit(module: ModuleType, api: Api, path: str) -> None:
    for each in api.runs(path):
        assert_round_trips(module.Config, each.config)
        assert_round_trips(module.Summary, each.summary)


def shape_of_all(documents: list[dict[str, JSONValue]]) -> Shape:
    return reduce(join, map(shape_of, documents), NOTHING)


# What is inferred.


TYPES: list[tuple[list[JSONValue], str]] = [
    ([1, 2], "int"),
    ([1, 0.5], "float"),
    ([1, "NaN"], "float"),
    (["NaN"], "float"),
    (["NaN", "-Infinity", None], "float | None"),
    (["NaN", "high"], "str"),
    ([0.5, "NaN", "high"], "float | str"),
    ([2**53 + 1], "int"),
    ([2**53 + 1, 0.5], "int | float"),
    ([10**400, "NaN"], "int | float"),
    ([2**70, 0.5], "float"),
    ([True, 1], "bool | int"),
    ([True, 0.5, None], "bool | float | None"),
    ([None], "None"),
    ([[]], "list[Any]"),
    ([[], [1], [0.5, None]], "list[float | None]"),
    ([[[1]], [["a"]]], "list[list[int | str]]"),
    ([{}], "dict[str, Any]"),
    ([{}, {"a": 1}], "ConfigKey"),
    ([{"a": 1}, 1, "x", [1], None], "int | str | list[int] | ConfigKey | None"),
    ([[{"a": 1}, {"b": 1}]], "list[ConfigKeyItem]"),
    ([{str(number): 1 for number in range(201)}, {"x": 0.5}], "dict[str, float]"),
    (["\ud83d", 1], "Any"),
    ([{"\ud83d": 1}], "Any"),
]


@pytest.mark.parametrize(("seen", "annotation"), TYPES)
def test_a_type_is_what_all_runs_have(seen: list[JSONValue], annotation: str) -> None:
    shape = shape_of_all([{"key": value} for value in seen])
    module = write_models(Documents(shape), "me/p", "wandb-runs typegen me/p")
    assert f"    key: {annotation}" in module.partition("class Config(BaseModel)")[2].splitlines()


def test_a_key_that_a_run_lacks_is_optional_and_one_that_is_null_is_not() -> None:
    shape = shape_of_all([{"a": 1, "b": None, "m": {"x": 1}}, {"b": 2, "m": {"y": 1}}])
    module = write_models(Documents(shape), "me/p", "wandb-runs typegen me/p")
    assert "\n    a: int | None = None\n    b: int | None\n    m: ConfigM\n" in module
    assert "\n    x: int | None = None\n    y: int | None = None\n" in module


@settings(deadline=None)
@given(st.lists(documents, max_size=6), st.randoms(use_true_random=False))
def test_shapes_do_not_depend_on_the_order_or_number_of_documents(
    seen: list[dict[str, JSONValue]], chance: random.Random
) -> None:
    shape = shape_of_all(seen)
    shuffled = seen + seen[:2]
    chance.shuffle(shuffled)
    assert shape_of_all(shuffled) == shape
    parts = [shape_of_all(shuffled[place::2]) for place in range(2)]
    assert join(*parts) == shape


@given(
    st.lists(
        st.lists(st.integers(0, 400), min_size=50, max_size=150, unique=True),
        min_size=2,
        max_size=5,
    )
)
@settings(deadline=None, max_examples=30)
def test_dicts_of_many_keys_become_data_in_whatever_order(numbers: list[list[int]]) -> None:
    seen: list[dict[str, JSONValue]] = [
        {"m": {str(number): {"a": number, f"b{number}": 1} for number in part}} for part in numbers
    ]
    shapes = [shape_of_all(seen), shape_of_all(seen[::-1])]
    assert shapes[0] == shapes[1]
    fields = shapes[0].fields
    assert fields is not None
    assert (fields["m"].fields is None) == (len({each for part in numbers for each in part}) > 200)


def test_values_nested_deep_are_anything_below_some_depth(tmp_path: Path) -> None:
    deep: JSONValue = 1
    for number in range(150):
        deep = {"a": deep} if number % 2 else [deep]
    document: JSONObject = {"deep": deep}
    module = write_models(Documents(shape_of(dict(document))), "me/p", "wandb-runs typegen me/p")
    with loaded(module, tmp_path) as models:
        assert_round_trips(models.Config, document)


@given(st.lists(keys, unique=True), st.sets(keys))
def test_names_are_distinct_identifiers_that_pydantic_takes(
    chosen: list[str], taken: set[str]
) -> None:
    names = field_names(chosen, taken)
    assert list(names) == sorted(chosen)
    assert len(set(names.values())) == len(names)
    for name in names.values():
        tree = ast.parse(f"{name} = 1").body[0]
        assert isinstance(tree, ast.Assign)
        assert isinstance(tree.targets[0], ast.Name)
        assert tree.targets[0].id == name  # so Python reads it, normalised
        assert not name.startswith("_")
        assert name not in taken


# Whole modules, from a server.


@OVER_HTTP
@example([])
@example([({}, {})])
@example([(dict.fromkeys(NASTY, 1), {key: {key: 0.5} for key in NASTY})])
@given(runs_of_a_project)
def test_each_run_fits_its_module_and_comes_back(
    wandb_server: LocalServer, api: Api, held: list[tuple[JSONObject, JSONObject]]
) -> None:
    path = f"team/typegen{next(PROJECTS)}"
    entity, project = path.split("/")
    log_run(wandb_server, entity, project, "first", config={"seed": 1}, summary={"loss": 0.5})
    for number, (config, summary) in enumerate(held):
        log_run(wandb_server, entity, project, f"r{number}", config=config, summary=summary)
    module = module_of(api, path)
    with tempfile.TemporaryDirectory() as folder, loaded(module, Path(folder)) as models:
        assert_runs_fit(models, api, path)


def test_the_sample_project_round_trips(
    sample_api: Api, sample_server: LocalServer, tmp_path: Path
) -> None:
    sample_server.clear_operations()
    module = module_of(sample_api, "sample/digits")
    assert sample_server.operations == ("ListDocuments",)
    with loaded(module, tmp_path) as models:
        assert_runs_fit(models, sample_api, "sample/digits")
        metrics = get_args(models.Metric)
        assert "loss" in metrics
        rows = sample_api.runs("sample/digits").histories(5, list(metrics), join="outer")
        assert {name for row in rows for name in row} == {*metrics, "run_id"}


def test_a_project_without_runs_has_a_module(
    wandb_server: LocalServer, api: Api, tmp_path: Path
) -> None:
    log_run(wandb_server, "team", "bare", "r")
    empty = read_documents(api, "team/bare", {"name": "nothing"})
    assert empty == Documents()
    for read in (empty, read_documents(api, "team/bare")):
        module = write_models(read, "team/bare", "wandb-runs typegen team/bare")
        assert "Metric: TypeAlias = Never" in module
        with loaded(module, tmp_path) as models:
            assert_runs_fit(models, api, "team/bare")
    with pytest.raises(NotFoundError):
        read_documents(api, "team/nothing")


@pytest.mark.filterwarnings("ignore::wandb_runs.DegradedServerWarning")
def test_a_metric_is_any_text_where_the_server_tells_no_names(
    wandb_server: LocalServer, tmp_path: Path
) -> None:
    log_run(wandb_server, "team", "lacking", "r1", config={"lr": 1}, history=[{"loss": 1}])
    with (
        wandb_server.lack("Run.historyKeys"),
        Api(base_url=wandb_server.url, api_key="k" * 40) as api,
    ):
        module = module_of(api, "team/lacking")
    with loaded(module, tmp_path) as models:
        assert models.Metric is str
        assert models.Config(lr=1).lr == 1


def test_keys_of_a_later_run_are_ignored_and_models_are_frozen(tmp_path: Path) -> None:
    read = Documents(shape_of_all([{"lr": 0.5}, {"lr": 0.5, "eval/loss": 1}]))
    with loaded(write_models(read, "me/p", "wandb-runs typegen me/p"), tmp_path) as models:
        # The second is the name of a field, too, of another key.
        config = models.Config.model_validate({"lr": 1, "eval_loss": 2})
        assert config.model_dump(exclude_unset=True) == {"lr": 1.0}
        with pytest.raises(ValueError, match="frozen"):
            config.lr = 2


def test_pages_are_read_whole_and_counted(wandb_server: LocalServer, api: Api) -> None:
    for number in range(205):
        log_run(
            wandb_server, "team", "pages", f"r{number}", config={f"k{number}": number, "n": number}
        )
    told: list[Progress] = []
    wandb_server.clear_operations()
    read = read_documents(api, "team/pages", progress=told.append)
    assert wandb_server.operations == ("ListDocuments", "ListDocuments")
    assert read.runs == 205
    assert read.config.required == {"n"}
    assert len(read.config.fields or {}) == 206
    assert [(each.runs, each.total) for each in told] == [(200, 205), (205, 205)]
    assert read_documents(api, "team/pages", order="-config.n") == read
    assert read_documents(api, "team/pages", limit=203).runs == 203
    some = read_documents(api, "team/pages", order="-config.n", limit=3)
    assert some.runs == 3
    assert set(some.config.fields or {}) == {"n", "k202", "k203", "k204"}


def test_names_that_histories_refuses_are_no_metrics(
    wandb_server: LocalServer, api: Api, tmp_path: Path
) -> None:
    row: JSONObject = dict.fromkeys((*NASTY, "run_id", "\ud83d", "loss"), 1)
    log_run(wandb_server, "team", "metrics", "r", history=[row])
    log_run(wandb_server, "team", "metrics", "s", history=[{"other": 1}])
    with loaded(module_of(api, "team/metrics"), tmp_path) as models:
        metrics = get_args(models.Metric)
    assert set(metrics) == {*NASTY, "_step", "loss", "other"} - {""}
    assert list(metrics) == sorted(metrics)
    assert api.runs("team/metrics").histories(5, list(metrics), join="outer")


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("config", "[1]"),
        ("config", "{"),
        ("config", "[" * 300 + "]" * 300),
        ("summaryMetrics", "1"),
        ("historyKeys", [1]),
        ("historyKeys", {"keys": ["loss"]}),
    ],
)
def test_a_document_that_is_none_is_an_error_that_names_the_run(
    field: str, text: JSONValue
) -> None:
    node: JSONObject = {"id": "bad", "config": "{}", "summaryMetrics": None, field: text}
    page: JSONObject = {
        "edges": [{"node": dict(node), "cursor": "c"}],
        "pageInfo": {"endCursor": "c", "hasNextPage": False},
    }
    body = json.dumps({"data": {"project": {"runs": page}}}).encode()

    def answer(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(http_answer(body))

    with (
        serve(answer) as server,
        Api(base_url=server.url, api_key="k" * 40) as api,
        pytest.raises(BadResponseError, match=f"{field} of run 'bad'"),
    ):
        read_documents(api, "team/broken")


# The command.


def test_the_command_writes_the_module_and_says_how(
    many: str, tmp_path: Path, wandb_server: LocalServer
) -> None:
    output = tmp_path / "models.py"
    wandb_server.clear_operations()
    done = run(many, "-o", str(output))
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"{output}: models of 47 runs\n"
    assert wandb_server.operations == ("ListDocuments",)
    written = output.read_bytes()
    assert b"\n    wandb-runs typegen team/many -o models.py\n" in written
    assert str(tmp_path).encode() not in written
    # Again, in another order: the same bytes but for what is said of the order.
    again = run(many, "-o", str(output), "--order", "-config.lr", "--quiet")
    assert (again.exit_code, again.output) == (0, "")
    assert output.read_bytes().replace(b" --order -config.lr", b"") == written
    assert [each.name for each in tmp_path.iterdir()] == [output.name]


def test_the_same_runs_give_the_same_bytes_in_each_process_and_order(
    wandb_server: LocalServer,
) -> None:
    documents: list[dict[str, JSONValue]] = [
        {**dict.fromkeys(NASTY, 1), "m": {"x": {"y": 1}}},
        {**dict.fromkeys(NASTY[::-1], "a"), "m": {"x": {"z": [{"y": 1}]}, "X": {"y": None}}},
        {key: {"a": key} for key in NASTY[::3]},
    ]
    written: set[bytes] = set()
    for number, ordered in enumerate((documents, documents[::-1])):
        for place, config in enumerate(ordered):
            history: list[JSONObject] = [config]
            log_run(
                wandb_server, f"team{number}", "same", f"r{place}", config=config, history=history
            )
        program = "from wandb_runs.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", program, "typegen", f"team{number}/same"],
            env={**os.environ, "PYTHONHASHSEED": str(number + 1)},
            capture_output=True,
            check=True,
        )
        assert done.stderr == b""
        written.add(done.stdout.replace(b"team%d" % number, b"team"))
    assert len(written) == 1


@pytest.mark.parametrize("arguments", [(), ("-o", "-")])
def test_without_a_file_the_module_goes_to_stdout(
    api: Api, many: str, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    chosen = ("--filters", '{"config.optimizer": "adam"}', "--order", "-config.lr", "--limit", "9")
    done = run(many, *chosen, *arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    module = done.stdout_bytes.decode()
    # What the file says to run is what was run.
    said = shlex.split(str(ast.get_docstring(ast.parse(module))).splitlines()[-1])
    assert said == ["wandb-runs", "typegen", many, *chosen]
    read = read_documents(api, many, {"config.optimizer": "adam"}, order="-config.lr", limit=9)
    assert module == write_models(read, many, shlex.join(said))
    with loaded(module, tmp_path) as models:
        assert models.Config


def test_a_project_in_the_default_entity_is_named_whole(
    wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_run(wandb_server, "team", "whole", "r")
    monkeypatch.setenv("WANDB_ENTITY", "team")
    assert "\n    wandb-runs typegen team/whole\n" in run("whole").stdout


def test_a_file_that_somebody_wrote_is_kept(
    wandb_server: LocalServer, many: str, tmp_path: Path
) -> None:
    output = tmp_path / "models.py"
    output.write_text("LR = 0.1\n")
    wandb_server.clear_operations()
    done = run(many, "-o", str(output))
    assert done.exit_code == 2
    assert (
        done.stderr
        == f"Error: {output}: not written by this command; --force replaces it all the same\n"
    )
    assert wandb_server.operations == ()
    assert output.read_text() == "LR = 0.1\n"
    assert run(many, "-o", str(output), "--force").exit_code == 0
    assert "class Config" in output.read_text()
    # An empty file was made for the purpose.
    output.write_text("")
    assert run(many, "-o", str(output)).exit_code == 0


def test_errors_are_one_line_and_leave_the_file(many: str, tmp_path: Path) -> None:
    output = tmp_path / "models.py"
    assert run(many, "-o", str(output)).exit_code == 0
    written = output.read_bytes()
    for code, arguments in (
        (3, ("team/nothing",)),
        (2, ("team/many/run/more",)),
        (2, (many, "--filters", '{"stat": 1}')),
        (2, (many, "-o", str(tmp_path / "nowhere" / "models.py"))),
    ):
        done = run("-o", str(output), *arguments)
        assert done.exit_code == code
        assert done.stderr.startswith("Error: ")
        assert done.stderr.count("\n") == 1
    assert output.read_bytes() == written
    assert [each.name for each in tmp_path.iterdir()] == [output.name]


def test_a_missing_generator_is_an_error_with_the_pip_command(
    wandb_server: LocalServer, many: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "datamodel_code_generator", None)
    wandb_server.clear_operations()
    done = run(many)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr == (
        "Error: typegen needs the library datamodel_code_generator, which cannot be imported here; "
        "install it: pip install 'wandb-runs[typegen]'\n"
    )
    assert wandb_server.operations == ()


# What checkers say.

USE = """
from pydantic import TypeAdapter
from generated_models import Config, ConfigFields, Metric
from wandb_runs import Api, Run

keys: list[Metric] = ["loss", "eval/loss"]
wrong: list[Metric] = ["loos"]
config = TypeAdapter(Config).validate_python({"lr": 0.5})
lr: float | None = config.lr
print(config.learning_rate_of_nothing)
def read(api: Api) -> None:
    api.runs("a/b").histories(keys=keys)
    api.runs("a/b").histories(keys=keys, format="polars")
    api.runs("a/b").histories(keys=("loss",))
def values(run: Run, api: Api) -> float | None:
    for (lr,) in api.runs("a/b", ConfigFields.lr < 0.1).values(ConfigFields.lr):
        print(lr)
    print(run[ConfigFields.lr].upper())
    return run[ConfigFields.lr]
"""

WRONG = {"use.py:7", "use.py:10", "use.py:18"}


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the nastiest module, and a program that uses it, wrongly in two lines."""
    folder = tmp_path_factory.mktemp("nasty")
    shapes = shape_of_all(
        [
            {**dict.fromkeys(NASTY, 0.5), "lr": 0.5, "many": {key: {key: 1} for key in NASTY[:99]}},
            {**{key: {key: [{"a": 1}, [key]]} for key in NASTY}, "deep": [[[{"x": {"y": [{}]}}]]]},
            {**dict.fromkeys(NASTY, None), "anything": ["\ud83d"], "\ud83d": 1, "empty": {}},
        ]
    )
    read = Documents(shapes, shapes, frozenset({*NASTY, "loss", "eval/loss"}))
    path = 'me/"""\\ \u2028\x00\ud83d\n'
    module = write_models(read, path, f"wandb-runs typegen '{path}'")
    (folder / "generated_models.py").write_text(module, encoding="utf-8")
    (folder / "use.py").write_text(USE, encoding="utf-8")
    (folder / "pyrightconfig.json").write_text(
        json.dumps({"typeCheckingMode": "strict", "pythonVersion": "3.11"}), encoding="utf-8"
    )
    return folder


def errors_in(folder: Path, *arguments: str) -> set[str]:
    """Where a checker finds errors: file and line."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return set(re.findall(r"(\w+\.py:\d+).* error: ", done.stdout))


def test_mypy_strict_accepts_the_nastiest_module(nasty: Path) -> None:
    arguments = ("mypy", "--strict", "--config-file=", "use.py", "generated_models.py")
    assert errors_in(nasty, *arguments) == WRONG


def test_pyright_strict_accepts_the_nastiest_module(nasty: Path) -> None:
    assert errors_in(nasty, "pyright", "--pythonpath", sys.executable) == WRONG


def fields_of(section: object) -> dict[str, Any]:
    """The fields of a class, by their names."""
    return {name: each for name, each in vars(section).items() if name[:2] != "__"}


def test_the_nastiest_module_has_a_field_for_each_key(nasty: Path, tmp_path: Path) -> None:
    module = (nasty / "generated_models.py").read_text(encoding="utf-8")
    assert module.startswith('"""Models of the runs of me/')
    with loaded(module, tmp_path) as models:
        fields = models.Config.model_fields
        keys = {name if field.alias is None else field.alias for name, field in fields.items()}
        assert keys == {*NASTY, "lr", "many", "deep", "anything", "empty"}
        assert get_args(models.Metric) == tuple(sorted({*NASTY, "loss", "eval/loss"} - {""}))
        # Each key but the empty one has a field with a type, called as the attribute of the model.
        for section in (models.ConfigFields, models.SummaryFields):
            held = fields_of(section)
            assert {each.keys for each in held.values()} == {(key,) for key in keys if key}
            assert {*held} == {
                name for name, field in fields.items() if field.alias is None or field.alias
            }


def test_fields_read_what_the_models_hold(
    wandb_server: LocalServer, api: Api, tmp_path: Path
) -> None:
    documents: list[JSONObject] = [
        {"lr": 0.5, "Fields": {"Fields": 1}, "type": "a", "float": {"int": [1]}, "a.b": "NaN"},
        {"lr": 1, "Fields": {"Fields": 2.5}, "type": None, "a.b": 0.5, "many": {"x y": {"z": 1}}},
    ]
    for number, document in enumerate(documents):
        log_run(wandb_server, "team", "held", f"r{number}", config=document, summary=document)
    with loaded(module_of(api, "team/held"), tmp_path) as models:
        listed = api.runs("team/held", config=models.Config, summary=models.Summary)
        for run, bare in zip(listed, api.runs("team/held"), strict=True):
            for of, section, key in (
                (run.config, models.ConfigFields, "config"),
                (run.summary, models.SummaryFields, "summary"),
            ):
                held = fields_of(section)
                assert len(held) >= 6
                for name, field in held.items():
                    assert repr(bare[field]) == repr(getattr(of, name))
                    assert field.section == key
        inner = models.ConfigManyXYFields.z
        assert (inner.keys, [bare.get(inner) for bare in api.runs("team/held")]) == (
            ("many", "x y", "z"),
            [None, 1],
        )
