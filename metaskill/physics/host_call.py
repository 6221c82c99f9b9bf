"""Functions of the host that compiled programs call by name.

`jax.pure_callback` bakes a Python object into a program, so JAX cannot keep the compiled
program for the next start, and it converts every operand to a JAX array and back. A target
of XLA's foreign function interface (FFI) is a name in the program and a C function in the
process. ctypes makes that C function of a Python one, so nothing has to be built; the
structures below are those of `xla/ffi/api/c_api.h`, which comes with jaxlib.
"""

import ctypes
import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

RowFunction = Callable[[np.ndarray, np.ndarray], None]
"""Reads rows (axes: world, operand) and fills rows (axes: world, result), all of JAX's
float type: float32, or float64 under `JAX_ENABLE_X64`."""


def host_call(
    name: str, function: RowFunction, row: Float[Array, " operand"], size: int
) -> Float[Array, " result"]:
    """Call a function of the host from inside a program.

    Whatever `vmap`s surround the call, the host is called once, with all rows.

    Args:
        name: Stands for the function in compiled programs, those of earlier processes
            included: what has the same name must do the same. The first function of a name
            stays, with all that it refers to, until the process ends.
        function: The function, without side effects.
        row: The operand of one world; other types are converted to JAX's float type.
        size: Length of one world's result.
    """
    operand = jnp.asarray(row, float)
    if operand.ndim != 1:
        raise ValueError(f"a host call takes one row a world, not the shape {operand.shape}")
    if name not in _registered:
        handler = _Handler(functools.partial(_handle, function))
        jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(handler), platform="cpu")
        _registered[name] = handler
    result = jax.ShapeDtypeStruct((size,), operand.dtype)
    called = jax.ffi.ffi_call(name, result, vmap_method="broadcast_all")(operand)
    assert isinstance(called, jax.Array)
    return called


_METADATA = 1  # XLA_FFI_Extension_Metadata
_INTERNAL_ERROR = 13  # XLA_FFI_Error_Code_INTERNAL
_FLOATS: dict[int, np.dtype] = {
    11: np.dtype(np.float32),
    12: np.dtype(np.float64),
}  # XLA_FFI_DataType_F32, _F64


def _handle(function: RowFunction, call: "ctypes._Pointer[_CallFrame]") -> int | None:
    """Do what XLA asks for; return NULL, or a pointer to an error."""
    frame = call.contents
    extension = frame.extension_start
    if extension and extension.contents.base.type == _METADATA:
        # XLA asks, at registration, by which version of the interface it is understood.
        version = extension.contents.metadata.contents.api_version
        version.major_version = frame.api.contents.api_version.major_version
        version.minor_version = frame.api.contents.api_version.minor_version
        return None
    try:
        rows = _rows(frame.args)
        if len(rows):
            function(rows, _rows(frame.rets))
    except BaseException as error:  # C code cannot pass on even a KeyboardInterrupt.
        message = f"{type(error).__name__}: {error}".encode()
        wanted = _ErrorCreateArgs(ctypes.sizeof(_ErrorCreateArgs), None, message, _INTERNAL_ERROR)
        created: int = frame.api.contents.error_create(ctypes.byref(wanted))
        return created
    return None


def _rows(buffers: "_Buffers") -> np.ndarray:
    """View the only buffer as rows of its float type, without a copy."""
    buffer = buffers.buffers[0].contents
    dtype = _FLOATS[buffer.dtype]
    *worlds, length = buffer.dims[: buffer.rank]
    shape = (math.prod(worlds), length)
    if not all(shape):
        return np.zeros(shape, dtype)
    memory = (ctypes.c_char * (dtype.itemsize * math.prod(shape))).from_address(buffer.data)
    return np.frombuffer(memory, dtype).reshape(shape)


class _ExtensionBase(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("type", ctypes.c_int),
        ("next", ctypes.c_void_p),
    )


class _ApiVersion(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("extension_start", ctypes.c_void_p),
        ("major_version", ctypes.c_int),
        ("minor_version", ctypes.c_int),
    )


class _Metadata(ctypes.Structure):
    _fields_ = (("struct_size", ctypes.c_size_t), ("api_version", _ApiVersion))


class _MetadataExtension(ctypes.Structure):
    _fields_ = (("base", _ExtensionBase), ("metadata", ctypes.POINTER(_Metadata)))


class _ErrorCreateArgs(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("extension_start", ctypes.c_void_p),
        ("message", ctypes.c_char_p),
        ("errc", ctypes.c_int),
    )


class _Api(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("extension_start", ctypes.c_void_p),
        ("api_version", _ApiVersion),
        ("internal_api", ctypes.c_void_p),
        ("error_create", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.POINTER(_ErrorCreateArgs))),
    )


class _Buffer(ctypes.Structure):
    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("extension_start", ctypes.c_void_p),
        ("dtype", ctypes.c_int),
        ("data", ctypes.c_void_p),
        ("rank", ctypes.c_int64),
        ("dims", ctypes.POINTER(ctypes.c_int64)),
    )


class _Buffers(ctypes.Structure):
    """XLA_FFI_Args and XLA_FFI_Rets."""

    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("extension_start", ctypes.c_void_p),
        ("size", ctypes.c_int64),
        ("types", ctypes.c_void_p),
        ("buffers", ctypes.POINTER(ctypes.POINTER(_Buffer))),
    )


class _CallFrame(ctypes.Structure):
    """The beginning of XLA_FFI_CallFrame: what follows is not needed here."""

    _fields_ = (
        ("struct_size", ctypes.c_size_t),
        ("extension_start", ctypes.POINTER(_MetadataExtension)),
        ("api", ctypes.POINTER(_Api)),
        ("ctx", ctypes.c_void_p),
        ("stage", ctypes.c_int),
        ("args", _Buffers),
        ("rets", _Buffers),
    )


_Handler = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.POINTER(_CallFrame))

_registered: dict[str, object] = {}
