"""Arrays of a store as tensors: where they lie while a network is trained, and how rows of them reach its device."""

import warnings

import numpy as np
import torch
from torch import Tensor

from reprise.step.device import on_device

DEVICE_MEMORY_SHARE = 0.6  # of the free device memory may hold the store; the rest is for training


def as_tensor(array: np.ndarray) -> Tensor:
    """An array as a tensor on the same memory, for reading only; a memory map stays one."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array)


def placed(array: np.ndarray, device: torch.device) -> Tensor:
    """An array as a tensor: copied to the device if it fits there, or else left in the memory map."""
    if device.type == "cuda" and array.nbytes < DEVICE_MEMORY_SHARE * torch.cuda.mem_get_info(device)[0]:
        return as_tensor(array).to(device)
    return as_tensor(array)


def taken(array: Tensor, rows: Tensor, device: torch.device) -> Tensor:
    """Rows of an array (N, ...) as a tensor (*rows.shape, ...) on the device; host memory is left asynchronously."""
    flat = rows.reshape(-1)
    shape = (*rows.shape, *array.shape[1:])
    if array.device.type != "cpu" or device.type != "cuda":
        return array.index_select(0, on_device(flat, array.device)).reshape(shape).to(device)
    staged = torch.empty((len(flat), *array.shape[1:]), dtype=array.dtype, pin_memory=True)
    torch.index_select(array, 0, flat, out=staged)
    return staged.reshape(shape).to(device, non_blocking=True)
