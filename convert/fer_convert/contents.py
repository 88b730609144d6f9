"""What a .tflite file holds, read from its flatbuffer."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from fer_convert.operations import FileContents, Operation
from fer_convert.runtimes import INT16_ACTIVATIONS, is_newer
from fer_core.errors import FerError

_MIN_RUNTIME = b"min_runtime_version"
_DAMAGES = (AttributeError, IndexError, TypeError, ValueError, KeyError, struct.error)
"""What a damaged flatbuffer makes the classes that read it, and those who use them, raise."""


def read_contents(flatbuffer: bytes) -> FileContents:
    """Return what a flatbuffer (a bundle's `model`) holds.

    Raises:
        FerError: It is no flatbuffer of TFLite, or LiteRT, which reads it, is not installed.
    """
    schema = _schema()
    if flatbuffer[4:8] != b"TFL3":
        raise FerError("this is no TFLite flatbuffer: its bytes 4 to 8 are not TFL3")
    try:
        return _contents(schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(flatbuffer, 0)))
    except _DAMAGES as error:
        raise FerError(f"this is no TFLite flatbuffer: {error!r}") from error


def _contents(model: Any) -> FileContents:
    """Return what a flatbuffer holds; raises one of _DAMAGES where it contradicts itself."""
    operations = tuple(
        _operation(model, graph, each) for graph in model.subgraphs for each in graph.operators
    )
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    buffers = {tensor.buffer for tensor in tensors if _is_constant(model, tensor)}
    weight_bytes = sum(len(model.buffers[buffer].data) for buffer in buffers)
    main = model.subgraphs[0]
    constant = {i for i, tensor in enumerate(main.tensors) if _is_constant(model, tensor)}
    oldest = _min_runtime(model, operations)
    return FileContents(operations, weight_bytes, _most_alive(main, constant), oldest)


def can_read_files() -> bool:
    """Return whether LiteRT is here, which brings what reads a .tflite file."""
    try:
        _schema()
    except FerError:
        return False
    return True


def _schema() -> Any:
    """Return the classes that read a flatbuffer, which LiteRT brings."""
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ImportError as error:
        raise FerError(
            "reading what a .tflite file holds needs LiteRT: pip install ai-edge-litert. If there "
            "is none for this computer, use another one"
        ) from error
    return schema


def _operation(model: Any, graph: Any, each: Any) -> Operation:
    code = model.operatorCodes[each.opcodeIndex]
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    kind = _names(_schema().BuiltinOperator)[number]
    if kind == "CUSTOM":
        kind = bytes(code.customCode).decode()
    inputs = [graph.tensors[i] for i in each.inputs if i >= 0]
    outputs = [graph.tensors[i] for i in each.outputs]
    types = frozenset(_type_of(tensor) for tensor in (*inputs, *outputs))
    layer = _layer(bytes(outputs[0].name).decode()) or kind.lower()
    macs = _macs(kind, inputs, outputs[0])
    takes = tuple(int(i) for i in each.inputs)
    return Operation(kind, code.version, types, macs, layer, takes, int(each.outputs[0]))


def _layer(tensor_name: str) -> str:
    """Return the layer in names that the converter has fused: net_1/net_1/conv2d_3_1/convolution.

    The converter numbers every layer anew, hence the last `_1`. Empty for a name that holds no
    layer, as that of the output.
    """
    parts = tensor_name.split(";")
    weighted = [part for part in parts if re.search(r"/(convolution|depthwise|MatMul)", part)]
    words = (weighted or parts)[0].split("/")
    return re.sub(r"_\d+$", "", words[-2]) if len(words) > 1 else ""


def _macs(kind: str, inputs: list[Any], output: Any) -> int:
    """Return the products in a convolution or dense layer; kernels lie as TFLite lays them."""
    if kind == "CONV_2D":
        return int(np.prod(output.shape) * np.prod(inputs[1].shape[1:]))
    if kind == "DEPTHWISE_CONV_2D":
        return int(np.prod(output.shape) * np.prod(inputs[1].shape[1:3]))
    if kind == "TRANSPOSE_CONV":
        return int(np.prod(inputs[2].shape[:3]) * np.prod(inputs[1].shape))
    if kind == "FULLY_CONNECTED":
        return int(np.prod(output.shape) * inputs[1].shape[-1])
    return 0


def _is_constant(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _most_alive(graph: Any, constant: set[int]) -> int:
    """Return the bytes of the tensors that live together where most do."""
    last_use = {i: step for step, each in enumerate(graph.operators) for i in each.inputs}
    last_use |= dict.fromkeys(graph.outputs, len(graph.operators))
    alive, most = {i for i in graph.inputs if i not in constant}, 0
    for step, each in enumerate(graph.operators):
        alive |= set(each.outputs)
        most = max(most, sum(_bytes_of(graph.tensors[i]) for i in alive))
        alive = {i for i in alive if last_use.get(i, step) > step}
    return most


def _bytes_of(tensor: Any) -> int:
    return int(np.prod(tensor.shape)) * _SIZES.get(_type_of(tensor), 4)


def _min_runtime(model: Any, operations: Sequence[Operation]) -> str:
    for each in model.metadata or []:
        if bytes(each.name) == _MIN_RUNTIME:
            noted = bytes(model.buffers[each.buffer].data).rstrip(b"\0").decode()
            int16 = any("INT16" in operation.types for operation in operations)
            older = noted and is_newer(INT16_ACTIVATIONS, noted)
            return INT16_ACTIVATIONS if int16 and older else noted
    return ""


def _type_of(tensor: Any) -> str:
    return _names(_schema().TensorType)[tensor.type]


@cache
def _names(enumeration: type) -> dict[int, str]:
    return {n: name for name, n in vars(enumeration).items() if isinstance(n, int)}


_SIZES = {"INT8": 1, "UINT8": 1, "BOOL": 1, "INT16": 2, "FLOAT16": 2, "INT64": 8, "FLOAT64": 8}
