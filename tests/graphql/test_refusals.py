"""What servers of several makes say that their schema lacks."""

from __future__ import annotations

import json

import pytest

from wandb_runs.graphql.refusals import Refusal, read_refusal, refusals_in

HOST = Refusal("Run", "host")
KEYS = Refusal("Run", "config", "keys")
TYPE = Refusal("JSONString")

MESSAGES = [
    # graphql-js, and graphql-core before 3.2
    ('Cannot query field "host" on type "Run".', HOST),
    ('Cannot query field "host" on type "Run". Did you mean "hosts" or "hostname"?', HOST),
    ('Unknown argument "keys" on field "Run.config".', KEYS),
    ('Unknown argument "keys" on field "Run.config". Did you mean "key"?', KEYS),
    ('Unknown argument "keys" on field "config" of type "Run".', KEYS),
    ('Unknown type "JSONString".', TYPE),
    ('Unknown type "JSONString". Did you mean "String" or "JSON"?', TYPE),
    ('Fragment "F" cannot be spread here as objects of type "A" can never be of type "Run".',
     Refusal("Run")),
    # graphql-core from 3.2 on, and Ariadne
    ("Cannot query field 'host' on type 'Run'.", HOST),
    ("Unknown argument 'keys' on field 'Run.config'.", KEYS),
    ("Unknown type 'JSONString'. Did you mean 'String'?", TYPE),
    # gqlgen (gqlparser), of two ages
    ('Unknown argument "keys" on field "config" of type "Run". Did you mean "key"?', KEYS),
    # graphql-go and graph-gophers are worded as graphql-js; Juniper ends without a stop
    ('Unknown field "host" on type "Run"', HOST),
    ('Unknown argument "keys" on field "config" of type "Run"', KEYS),
    ('Unknown argument "keys" on field "config" of type "Run!"', KEYS),
    ('Unknown type "JSONString"', TYPE),
]  # fmt: skip


@pytest.mark.parametrize(("message", "refusal"), MESSAGES)
def test_the_messages_of_servers_are_read(message: str, refusal: Refusal) -> None:
    assert read_refusal(message) == refusal
    errors: list[object] = [{"message": message}, message, {"message": message, "path": None}]
    for error in errors:
        assert refusals_in(json.dumps({"errors": [error, error]}).encode()) == (refusal,)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Cannot query field",
        'the run said: Cannot query field "host" on type "Run".',
        'Cannot query field "host" on type "Run" of the database',
        'Cannot query field "ho st" on type "Run".',
        f'Cannot query field "{"x" * 1000}" on type "Run".',
        'Unknown argument "keys" on directive "@include".',
        'Variable "$filters" of type "JSONString" used in position expecting type "JSON".',
    ],
)
def test_other_messages_are_none(message: str) -> None:
    assert read_refusal(message) is None


LACKS = 'Cannot query field "host" on type "Run".'


@pytest.mark.parametrize(
    "answer",
    [
        # A resolver's, which comes after validation.
        {"errors": [{"message": LACKS, "path": ["project", "run"]}], "data": None},
        {"errors": [{"message": LACKS}], "data": {"project": None}},
        {"errors": [{"message": LACKS}, {"message": "no", "path": ["project"]}]},
        {"errors": [{"message": LACKS, "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]},
        {"errors": LACKS},
        {"error": LACKS},
        {"errors": [{"message": [LACKS]}, 7, None]},
        {"errors": []},
        [LACKS],
        LACKS,
    ],
)
def test_what_validation_does_not_make_is_no_refusal(answer: object) -> None:
    assert refusals_in(json.dumps(answer).encode()) == ()


def test_errors_of_validation_have_codes_of_their_own() -> None:
    for code in ("GRAPHQL_VALIDATION_FAILED", "validation-failed", None, 7):
        error = {"message": LACKS, "extensions": {"code": code}}
        assert refusals_in(json.dumps({"errors": [error]}).encode()) == (Refusal("Run", "host"),)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"errors": [{"message": "Cannot q'])
def test_what_is_no_json_is_no_refusal(body: bytes) -> None:
    assert refusals_in(body) == ()
