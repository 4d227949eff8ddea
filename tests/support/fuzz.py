"""Corrupts answers of the server, by a seeded random generator.

`corrupt` changes the body, status or headers of an answer. It keeps the changed JSON tree beside
the bytes, so that checks know the content of an answer without decoding it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from wandb_runs import Response

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

__all__ = ["UNSEEN", "Corrupted", "corrupt", "decoded", "look"]

Tree: TypeAlias = "None | bool | int | float | str | Raw | list[Tree] | dict[str, Tree]"
"""Decoded JSON, with some values as raw JSON text."""

_DUPLICATE: Final = "@@again@@"
_RAW: Final = "@@raw@@"


class Unseen:
    """The type of `UNSEEN`, a part of an answer that is not JSON."""


UNSEEN: Final = Unseen()


@dataclass(frozen=True)
class Raw:
    """A value that is written to the body as this text.

    Attributes:
        text: JSON, or almost JSON.
        value: The decoded value; `UNSEEN` if it is undefined.
    """

    text: str
    value: object = UNSEEN


@dataclass(frozen=True)
class Corrupted:
    """A corrupted answer.

    Attributes:
        response: The answer.
        how: A description of the change.
        tree: The decoded answer; `UNSEEN` where it is not JSON.
        harmless: Whether the decoded answer is equal to the original.
    """

    response: Response
    how: str
    tree: object
    harmless: bool = False


def decoded(tree: object) -> object:
    """The decoded value of a tree, with the last value of a repeated name."""
    if isinstance(tree, Raw):
        return tree.value
    if isinstance(tree, list):
        return [decoded(each) for each in cast("list[object]", tree)]
    if isinstance(tree, dict):
        items = cast("dict[str, object]", tree).items()
        return {name.removeprefix(_DUPLICATE): decoded(each) for name, each in items}
    return tree


def look(tree: object, *names: str) -> object:
    """The value at a path of names in an answer, or `UNSEEN`."""
    found = tree
    for name in names:
        if not isinstance(found, dict):
            return UNSEEN
        found = cast("dict[str, object]", found).get(name, UNSEEN)
    return found


def corrupt(response: Response, rng: random.Random) -> Corrupted:
    """Apply one random change to an answer."""
    body = response.content
    kind = rng.choices(
        (_bytes, _value, _text_in_text, _paging, _http, _harmless), (20, 35, 15, 8, 8, 8)
    )[0]
    return kind(response, body, rng)


def dump(tree: Tree, **how: object) -> str:
    """Write JSON with raw values and repeated names."""
    raws: list[str] = []

    def as_plain_data(node: Tree) -> object:
        if isinstance(node, Raw):
            raws.append(node.text)
            return f"{_RAW}{len(raws) - 1}{_RAW}"
        if isinstance(node, list):
            return [as_plain_data(each) for each in node]
        if isinstance(node, dict):
            return {name: as_plain_data(each) for name, each in node.items()}
        return node

    text = json.dumps(as_plain_data(tree), **how)  # type: ignore[arg-type] # keywords of `dumps`
    text = text.replace(f'"{_DUPLICATE}', '"')
    return re.sub(f'"{_RAW}(\\d+){_RAW}"', lambda found: raws[int(found[1])], text)


def _decode(body: bytes) -> Tree | Unseen:
    try:
        return cast("Tree", json.loads(body, strict=False))
    except (ValueError, RecursionError):
        return UNSEEN


def _answer(response: Response, body: bytes, how: str, **facts: object) -> Corrupted:
    return Corrupted(
        Response(response.status, response.headers, body),
        how,
        decoded(facts.get("tree", UNSEEN)),
        bool(facts.get("harmless")),
    )


# --- bytes ---------------------------------------------------------------------------------------

INSERTED: Final = (
    *(b"\x00", b"\x01", b"\n", b"\t", b"\x1f", b"\x7f", b"\\ud800", b"\\udfff", b"\\u0000"),
    *(b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\xe2\x80\xa8"),
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"NaN", b"-Infinity", b"null", b"9" * 5000),
    *(b"[" * 3_000, b'{"a":' * 3_000, b"<html>", b'"error":', b'"errors":["no"],', b"true"),
)


def _bytes(response: Response, body: bytes, rng: random.Random) -> Corrupted:
    name = rng.choice(("flip", "cut", "double", "part twice", "insert", "leave out", "other"))
    begin, end = sorted((rng.randrange(len(body) + 1), rng.randrange(len(body) + 1)))
    changed = bytearray(body)
    match name:
        case "flip":
            for _ in range(rng.randint(1, 4)):
                if changed:
                    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        case "cut":
            del changed[begin:]
        case "double":
            changed += rng.choice((body, b"\n" + body, b"," + body))
        case "part twice":
            changed[begin:begin] = body[begin:end]
        case "insert":
            for _ in range(rng.randint(1, 3)):
                begin = rng.randrange(len(changed) + 1)
                changed[begin:begin] = rng.choice(INSERTED)
        case "leave out":
            del changed[begin : begin + rng.randint(1, 40)]
        case _:
            changed = bytearray(
                rng.choice(
                    (
                        *(b"", b"<html>502</html>", b"null", b"[]", b"{}", b"0", b'"', b"\x00"),
                        *(b"[" * 100_000, b'{"data":' * 100_000, b"[[]" * 3_000, b"9" * 5_000),
                        *(b'{"data":null}', b'{"data":{}}', b'{"data":[]}', b'{"error":"no"}'),
                        *(body.decode(errors="replace").encode(to) for to in ("utf-16", "utf-32")),
                    )
                )
            )
    return _answer(response, bytes(changed), name, tree=_decode(bytes(changed)))


# --- values --------------------------------------------------------------------------------------


def _paths(tree: Tree, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if above:
        yield above
    if isinstance(tree, dict):
        for name, each in tree.items():
            yield from _paths(each, (*above, name))
    elif isinstance(tree, list):
        for index, each in enumerate(tree):
            yield from _paths(each, (*above, index))


def _holder(tree: Tree, path: tuple[str | int, ...]) -> dict[str | int, Tree]:
    """The list or object that contains the value at a path, typed as a dict."""
    for part in path[:-1]:
        tree = cast("dict[str | int, Tree]", tree)[part]
    return cast("dict[str | int, Tree]", tree)


def _nested(rng: random.Random) -> Raw:
    depth = rng.choice((150,) * 4 + (3_000,) * 4 + (100_000,))
    left, right = rng.choice((("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")))
    if len(left) > 5:
        depth //= 2
    text = left * depth + "1" + right * depth
    return Raw(text, json.loads(text) if depth <= 150 else UNSEEN)


_LISTS: Final[list[list[Tree]]] = [[], [None], [[]], [1, "a"]]
_OBJECTS: Final[list[dict[str, Tree]]] = [{}, {"a": 1}, {"message": "m"}, {"node": None}]
OTHERS: Final[tuple[Tree, ...]] = (
    *_LISTS,
    *_OBJECTS,
    *(None, None, True, False, 0, -1, 7, 1.5, -0.0, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**30),
    *("", "x", "0", "NaN", "Infinity", "null", "{}", "[]", '{"a": 1}', "2026-01-02", "é" * 3),
    Raw("NaN", float("nan")),
    Raw("Infinity", float("inf")),
    Raw("-Infinity", float("-inf")),
    Raw("9" * 5_000),
    Raw("-" + "9" * 5_000),
    Raw("1e400", float("inf")),
    Raw("9" * 5_000 + ".5", float("inf")),
    Raw('"\x00\x01\n"', "\x00\x01\n"),
    Raw('"\\ud83d"', "\ud83d"),
    Raw('"\\ud83d\\u0041"', "\ud83dA"),
    "y" * 100_000,
)
KEYS: Final = ("loss", "_step", "run_id", "id", "node", "errors", "error", "", "\ud83d", "value")


def _value(response: Response, body: bytes, rng: random.Random) -> Corrupted:
    tree = _decode(body)
    if isinstance(tree, Unseen) or not isinstance(tree, dict):
        return _bytes(response, body, rng)
    how = _change(tree, rng)
    return _answer(response, dump(tree).encode(errors="surrogatepass"), how, tree=tree)


def _change(tree: Tree, rng: random.Random) -> str:
    """Change one value or name somewhere in a tree, in place."""
    paths = list(_paths(tree))
    if not paths:
        return "nothing"
    # Choose the depth first: values near the top are few and the most important.
    depth = rng.randint(1, max(map(len, paths)))
    path = rng.choice([each for each in paths if len(each) == depth])
    holder, last = _holder(tree, path), path[-1]
    value = holder[last]
    changes: list[Callable[[], str]] = [lambda: _put(holder, last, rng)] * 4
    if isinstance(last, str):
        changes += [lambda: _rename(holder, last, rng), lambda: _repeat(holder, last, rng)]
    changes.append(lambda: _remove(holder, last))
    if isinstance(value, list):
        changes += [lambda: _reorder(value, rng)] * 4
    elif isinstance(value, dict):
        changes += [lambda: _mix(value, rng)] * 2
    return f"{rng.choice(changes)()} at {path}"


def _put(holder: dict[str | int, Tree], last: str | int, rng: random.Random) -> str:
    new = _nested(rng) if rng.random() < 0.15 else rng.choice(OTHERS)
    holder[last] = new
    return f"put {str(new)[:40]}"


def _rename(holder: dict[str | int, Tree], last: str, rng: random.Random) -> str:
    new = rng.choice((*KEYS, last + "x", last.upper(), last[:-1]))
    items = [(new if name == last else name, each) for name, each in holder.items()]
    holder.clear()
    holder.update(items)
    return f"rename to {new!a}"


def _repeat(holder: dict[str | int, Tree], last: str, rng: random.Random) -> str:
    holder[_DUPLICATE + last] = rng.choice((holder[last], *OTHERS))
    return "name twice"


def _remove(holder: dict[str | int, Tree], last: str | int) -> str:
    del holder[last]
    return "remove"


def _reorder(value: list[Tree], rng: random.Random) -> str:
    match rng.randrange(4):
        case 0:
            rng.shuffle(value)
            return "shuffle"
        case 1:
            value.clear()
            return "empty"
        case 2:
            value += json.loads(json.dumps(value))
            return "list twice"
        case _:
            value.insert(rng.randrange(len(value) + 1), rng.choice((*OTHERS, *value)))
            return "insert"


def _mix(value: dict[str, Tree], rng: random.Random) -> str:
    names = [*value]
    rng.shuffle(names)
    items = list(zip(names, value.values(), strict=True))
    value.clear()
    value.update(items)
    return "mix"


# --- JSON in JSON, cursors, HTTP -----------------------------------------------------------------


def _text_in_text(response: Response, body: bytes, rng: random.Random) -> Corrupted:
    tree = _decode(body)
    if isinstance(tree, Unseen):
        return _bytes(response, body, rng)
    paths = [
        path
        for path in _paths(tree)
        if isinstance(text := _holder(tree, path)[path[-1]], str) and text.startswith(("{", "["))
    ]
    if not paths:
        return _value(response, body, rng)
    path = rng.choice(paths)
    holder, last = _holder(tree, path), path[-1]
    text = str(holder[last])
    if rng.random() < 0.3:
        inner = _bytes(response, text.encode(), rng)
        holder[last] = inner.response.content.decode(errors="replace")
        how = inner.how
    else:
        document = cast("Tree", json.loads(text))
        how = _change(document, rng)
        holder[last] = dump(document)
    return _answer(
        response, dump(tree).encode(errors="surrogatepass"), f"{how} in {path}", tree=tree
    )


def _paging(response: Response, body: bytes, rng: random.Random) -> Corrupted:
    tree = _decode(body)
    info = look(tree, "data", "project", "runs", "pageInfo")
    if not isinstance(info, dict):
        return _value(response, body, rng)
    facts = cast("dict[str, Tree]", info)
    edges = cast("list[dict[str, Tree]]", look(tree, "data", "project", "runs", "edges"))
    cursors: list[Tree] = [edge["cursor"] for edge in edges]
    if rng.random() < 0.3:
        facts["hasNextPage"] = rng.choice((None, True, False))
    facts["endCursor"] = rng.choice((*cursors, None, "", "x", "é", 3, "YXJyYXljb25uZWN0aW9uOjA="))
    if rng.random() < 0.3:
        for edge in edges:
            edge["cursor"] = rng.choice((*cursors, None, ""))
    return _answer(response, dump(cast("Tree", tree)).encode(), "paging", tree=cast("Tree", tree))


STATUSES: Final = (
    *(0, 99, 100, 101, 199, 201, 202, 204, 206, 226, 299, 300, 301, 302, 304, 307, 308, 399),
    *(400, 401, 402, 403, 404, 405, 408, 409, 413, 414, 418, 422, 425, 429, 431, 451, 499),
    *(500, 501, 502, 503, 504, 505, 507, 511, 520, 524, 599, 600, 999),
)
TYPES: Final = ("text/html", "application/json; charset=utf-16", "", "image/png", "é")
WAITS: Final = ("0", "-1", "nan", "1e9", "x", "99999999999", "3", "0.5")
REPORTS: Final = (
    *('["no"]', '[{"message": "no"}]', "[null]", "[]", "null", "{}", '"no"', "7", "[[]]", "true"),
    *('[{"message": null}]', '[{"message": ["deep"]}]', "[" * 3_000 + "]" * 3_000, "9" * 5_000),
    *('"\\ud800"', '[{"message": "too complex", "path": 3}]', '"\x01"', "NaN", '[""]', "[0]"),
)


def _http(response: Response, body: bytes, rng: random.Random) -> Corrupted:
    if rng.random() < 0.4:
        name = rng.choice(("errors", "error"))
        report = rng.choice(REPORTS)
        text = f'{{"{name}":{report},{body.decode()[1:]}'
        if rng.random() < 0.5:
            text = f'{body.decode().rstrip()[:-1]},"{name}":{report}}}'
        return _answer(
            response, text.encode(), f"{name} {report[:20]}", tree=_decode(text.encode())
        )
    status = rng.choice(STATUSES)
    headers = {
        "content-type": rng.choice(TYPES),
        "retry-after": rng.choice(WAITS),
        "x-request-id": rng.choice(("", "r1", "é")),
    }
    content = rng.choice((body, body, b"", b"<html>", b"{", b'{"errors":["no"]}', b"\xff"))
    return Corrupted(
        Response(status, headers, content), f"HTTP {status}", decoded(_decode(content))
    )


def _harmless(response: Response, body: bytes, rng: random.Random) -> Corrupted:
    tree = _decode(body)
    if isinstance(tree, Unseen) or not isinstance(tree, dict):
        return _answer(response, body, "nothing", tree=tree, harmless=True)
    name = rng.choice(("spaced", "sorted", "unescaped", "escaped", "more names", "mark", "twice"))
    text = dump(tree)
    match name:
        case "spaced":
            text = dump(tree, indent=rng.choice((1, "\t"))) + "\r\n "
        case "sorted":
            text = dump(_reversed(tree))
        case "unescaped":
            text = dump(tree, ensure_ascii=False, separators=(",", ":"))
        case "escaped":
            text = re.sub(r"(?<=[a-z])e(?=[a-z])", r"\\u0065", text)
        case "mark":
            text = "\ufeff" + text
        case "twice":
            _repeat_same(tree, rng)
            text = dump(tree)
        case _:
            _add_names(tree, rng)
            text = dump(tree)
    return _answer(response, text.encode(), name, tree=tree, harmless=True)


def _reversed(tree: Tree) -> Tree:
    """The tree with the names of its objects in another order, except for rows."""
    if isinstance(tree, list):
        return [_reversed(each) for each in tree]
    if not isinstance(tree, dict) or "_step" in tree:
        return tree
    return {name: _reversed(tree[name]) for name in reversed(tree)}


OURS: Final = frozenset({"data", "project", "runs", "node", "pageInfo", "run", "viewer", "sweep"})
"""Objects to which a server may add names; objects below others contain values of users."""


def _objects(tree: Tree) -> Iterator[dict[str, Tree]]:
    if isinstance(tree, list):
        for each in tree:
            yield from _objects(each)
    elif isinstance(tree, dict):
        yield tree
        for name, each in tree.items():
            if name in OURS or name == "edges":
                yield from _objects(each)


def _add_names(tree: Tree, rng: random.Random) -> None:
    extra = rng.choice((*OTHERS, _nested(rng)))
    for each in list(_objects(tree)):
        if rng.random() < 0.3:
            each["serverSaysMore"] = extra


def _repeat_same(tree: Tree, rng: random.Random) -> None:
    for each in list(_objects(tree)):
        if each and rng.random() < 0.3:
            name = rng.choice([*each])
            each[_DUPLICATE + name] = each[name]
