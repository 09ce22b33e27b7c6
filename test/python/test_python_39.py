"""covature.py runs on Python 3.9: its grammar, and what it takes of the standard library, are of 3.9 or older."""

import ast

import covature
import pytest

#: Of the modules that the file imports, what came after 3.9 ("What's new in Python" 3.10 to 3.14). Others: look what of them is new, and add them.
NEWER = {
    "json": set(),
    "math": {"cbrt", "exp2", "sumprod", "fma"},
    "os": {"eventfd", "process_cpu_count", "listdrives", "unshare", "setns"},
    "shlex": set(),
    "shutil": set(),
    "struct": set(),
    "subprocess": set(),
    "sys": {"orig_argv", "stdlib_module_names", "exception", "monitoring"},
    "tempfile": set(),
    "time": set(),
    "typing": set(
        "Concatenate ParamSpec TypeAlias TypeGuard is_typeddict Self Never LiteralString Required NotRequired Unpack TypeVarTuple assert_never "
        "assert_type reveal_type override TypeAliasType ReadOnly TypeIs NoDefault".split()
    ),
    "uuid": {"uuid6", "uuid7", "uuid8"},
    "zlib": set(),
}
OTHERS = {"__future__", "numpy", "torch", "torch.nn.functional", "torch.overrides"}
NAMES = {"aiter", "anext", "EncodingWarning", "BaseExceptionGroup", "ExceptionGroup"}
METHODS = {"bit_count", "add_note"}
KEYWORDS = {("zip", "strict"), ("dataclass", "slots"), ("dataclass", "kw_only"), ("NamedTemporaryFile", "delete_on_close"), ("TemporaryDirectory", "delete"), ("rmtree", "onexc")}
TYPES = {"str", "int", "float", "bool", "dict", "list", "tuple", "Tensor"}


def is_type(node):
    return isinstance(node, ast.Name) and node.id in TYPES or isinstance(node, ast.Constant) and node.value is None


def newer_than_39(source):
    """What Python 3.9 would not take, in words with lines."""
    try:
        tree = ast.parse(source, feature_version=(3, 9))
    except SyntaxError as error:
        return [f"line {error.lineno}: {error.msg}"]
    nodes = list(ast.walk(tree))
    # Annotations are not evaluated (from __future__ import annotations); aliases and defaults are.
    kept = {id(inner) for each in nodes for field in ("annotation", "returns") if getattr(each, field, None) is not None for inner in ast.walk(getattr(each, field))}
    found = []
    for each in nodes:
        if type(each).__name__ in ("Match", "TryStar", "TypeAlias"):
            found.append(f"line {each.lineno}: {type(each).__name__}")
        elif isinstance(each, ast.Import):
            found += [f"line {each.lineno}: import {alias.name}" for alias in each.names if alias.name not in NEWER and alias.name not in OTHERS]
        elif isinstance(each, ast.ImportFrom):
            module = each.module or ""
            found += [f"line {each.lineno}: {module}.{alias.name}" for alias in each.names if alias.name in NEWER.get(module, set()) or module not in NEWER and module not in OTHERS]
        elif isinstance(each, ast.Attribute):
            module = each.value.id if isinstance(each.value, ast.Name) else ""
            if each.attr in METHODS or each.attr in NEWER.get(module, set()):
                found.append(f"line {each.lineno}: {module}.{each.attr}")
        elif isinstance(each, ast.Name) and each.id in NAMES:
            found.append(f"line {each.lineno}: {each.id}")
        elif isinstance(each, ast.Call):
            name = getattr(each.func, "attr", getattr(each.func, "id", ""))
            found += [f"line {each.lineno}: {name}({keyword.arg}=...)" for keyword in each.keywords if (name, keyword.arg) in KEYWORDS]
        elif isinstance(each, ast.BinOp) and isinstance(each.op, ast.BitOr) and id(each) not in kept and (is_type(each.left) or is_type(each.right)):
            found.append(f"line {each.lineno}: a union written with |")
    return found


def test_the_bridge_needs_no_newer_python():
    with open(covature.__file__, encoding="utf-8") as file:
        assert newer_than_39(file.read()) == []


@pytest.mark.parametrize(
    "source,what",
    [
        ("match x:\n    case 1: pass", "line"),
        ("try:\n    pass\nexcept* ValueError:\n    pass", "line"),
        ("import tomllib", "import tomllib"),
        ("from typing import ParamSpec", "typing.ParamSpec"),
        ("import math\nmath.cbrt(8)", "line 2: math.cbrt"),
        ("zip(a, b, strict=True)", "zip(strict=...)"),
        ("Loss = str | None", "a union written with |"),
        ("def f(x: int = 3): return x.bit_count()", ".bit_count"),
    ],
)
def test_what_is_newer_is_seen(source, what):
    assert any(what in each for each in newer_than_39(source))


def test_annotations_may_be_newer():
    assert newer_than_39("from __future__ import annotations\ndef f(x: int | None) -> list[str]: ...") == []
