"""Why a job is stale, in words: what it depended on when it last ran, compared with what it depends on now."""

import ast
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reprise.engine.records import recall

NOTHING = object()


def params_causes(recorded: Iterable[str], planned: Iterable[str]) -> Iterator[str]:
    """Differences between two sets of rule parameters; each parameter is the `repr` that Snakemake records."""
    (old_spec, old), (new_spec, new) = _split(recorded), _split(planned)
    yield from _settings_causes("", old_spec, new_spec)
    if old != new:
        yield f"parameter {', '.join(sorted(old - new)) or 'none'} -> {', '.join(sorted(new - old)) or 'none'}"


def input_causes(recorded: Iterable[str], planned: Iterable[str]) -> Iterator[str]:
    """Inputs that were added, and inputs that were removed."""
    old, new = set(map(str, recorded)), set(map(str, planned))
    for change, files in (("added", new - old), ("removed", old - new)):
        if files:
            first, *more = sorted(files)
            yield f"input {first}{f' and {len(more)} more' if more else ''} {change}"


def _split(params: Iterable[str]) -> tuple[dict[str, Any], set[str]]:
    """The spec that a rule's parameters hold, and the others."""
    spec: dict[str, Any] = {}
    others = set()
    for param in params:
        found = _spec(param)
        spec |= found
        if not found:
            others.add(param)
    return spec, others


def _spec(param: str) -> dict[str, Any]:
    try:
        value = json.loads(ast.literal_eval(param))
    except (ValueError, TypeError, SyntaxError):
        return {}
    return value if isinstance(value, dict) and "code" in value else {}


def _settings_causes(name: str, old: Any, new: Any) -> Iterator[str]:
    if repr(old) == repr(new):  # Snakemake tells 1, 1.0 and true apart
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old | new):
            inner = f"{name}.{key}" if name else key
            yield from _settings_causes(inner, old.get(key, NOTHING), new.get(key, NOTHING))
    elif name in ("code", "rules") or _is_record(old) or _is_record(new):
        yield from _record_causes(name, recall(old), recall(new))
    else:
        before, after = ("nothing" if value is NOTHING else _shown(value) for value in (old, new))
        yield f"{name} {before} -> {after}"


def _is_record(value: Any) -> bool:
    return isinstance(value, str) and isinstance(recall(value), dict)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _record_causes(name: str, old: Mapping[str, str] | None, new: Mapping[str, str] | None) -> Iterator[str]:
    """Files that differ between two records, and the definitions that differ where these are on record."""
    if old is None or new is None:
        yield f"{name} changed (its earlier value is not on record)"
        return
    for file in sorted(old.keys() | new.keys()):
        named = f"{name} file {file}" if file else name  # a record of a single file has no path
        where = file if name in ("code", "rules") else named
        if file not in old or file not in new:
            yield f"{where} {'added' if file in new else 'removed'}"
        elif old[file] != new[file]:
            before, after = recall(old[file]), recall(new[file])
            known = isinstance(before, list) and isinstance(after, list)
            yield f"{where}: {_definitions_changed(before, after)}" if known else f"{where} replaced"


def _definitions_changed(old: list[list[str]], new: list[list[str]]) -> str:
    before, after = _by_name(old), _by_name(new)
    changes = [
        f"{name} {'added' if name not in before else 'removed' if name not in after else 'changed'}"
        for name in after | before
        if before.get(name) != after.get(name)
    ]
    return ", ".join(changes) or "order changed"


def _by_name(definitions: list[list[str]]) -> dict[str, list[str]]:
    named = defaultdict(list)
    for name, digest in definitions:
        named[name].append(digest)
    return named
