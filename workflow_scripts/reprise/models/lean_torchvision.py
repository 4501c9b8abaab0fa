"""torchvision, and what imports it, without PyTorch's compiler, whose import takes ten times as long as all the rest.

They ask the compiler little when they are imported: whether an operation can be compiled, and that it leaves some
functions of networks alone that no study uses.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, cast

COMPILER = "torch._dynamo"


@contextmanager
def without_compiler() -> Iterator[None]:
    """A block of imports in which PyTorch's compiler, unless it is there already, has a stand-in."""
    stand_ins = {} if COMPILER in sys.modules else {name: ModuleType(name) for name in (COMPILER, f"{COMPILER}.utils")}
    for module in stand_ins.values():
        vars(module).update(__path__=[], is_compile_supported=lambda device: False, disable=_as_it_is)
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name in stand_ins:
            del sys.modules[name]


def import_torchvision() -> ModuleType:
    """The module torchvision, for those who import it and for those who import what imports it, such as MONAI."""
    with without_compiler():
        import torchvision
    return torchvision


@contextmanager
def lean_monai() -> Iterator[None]:
    """A block of imports from MONAI: with the lean torchvision, and without transformers, which it takes if it can."""
    import_torchvision()
    hidden = "transformers" not in sys.modules
    if hidden:
        sys.modules["transformers"] = cast(ModuleType, None)  # an import of it fails, which MONAI expects
    try:
        yield
    finally:
        if hidden:
            del sys.modules["transformers"]


def _as_it_is(function: Any, *_: Any, **options: Any) -> Any:
    return function
