"""torchvision without PyTorch's compiler, which takes ten times as long to import as all the rest.

Only networks for detection ask the compiler something: whether an operation can be compiled.
"""

import sys
from types import ModuleType

COMPILER = "torch._dynamo"


def import_torchvision() -> ModuleType:
    """The module torchvision, for those who import it and for those who import what imports it, such as MONAI."""
    stand_ins = {} if COMPILER in sys.modules else {name: ModuleType(name) for name in (COMPILER, f"{COMPILER}.utils")}
    for module in stand_ins.values():
        vars(module).update(__path__=[], is_compile_supported=lambda device: False)
    sys.modules.update(stand_ins)
    try:
        import torchvision
    finally:
        for name in stand_ins:
            del sys.modules[name]
    return torchvision
