"""What a SavedModel of a stranger would do, read from its graph before any of it runs.

A graph may read and write files, run Python and open connections: TensorFlow runs it as it is. So
only operations that compute are let through. The graph then runs for the first time in a process of
its own, which writes no file, and has limits of memory and time where the system has them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fer_core.errors import FerError
from fer_core.own_process import last_words, limit_this_process, run_module

LIMIT_SECONDS, LIMIT_BYTES = 300, 24 * 2**30
"""Of address space, most of which TensorFlow reserves and does not use."""
MOST_GRAPH_BYTES = 500_000_000
_NAMES = """
Abs Add AddN AddV2 All Any ArgMax ArgMin AvgPool BatchMatMul BatchMatMulV2 BatchMatMulV3
BatchToSpaceND BiasAdd BroadcastArgs BroadcastTo Cast Ceil ClipByValue Concat ConcatV2 Const
Conv2D Conv2DBackpropInput Conv3D Cos Cumsum DepthToSpace DepthwiseConv2dNative Dequantize Div
DivNoNan Einsum Elu EnsureShape Equal Erf Exp ExpandDims Expm1 FakeQuantWithMinMaxArgs
FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel Fill Floor FloorDiv FloorMod
FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 Gather GatherNd GatherV2 Greater GreaterEqual
Identity IdentityN If InvertPermutation IsFinite IsInf IsNan LRN LeakyRelu Less LessEqual
LinSpace Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr MatMul Max MaxPool MaxPoolV2
Maximum Mean Merge Min Minimum MirrorPad Mod Mul MulNoNan Multinomial Neg NextIteration NoOp
NotEqual OneHot OnesLike Pack Pad PadV2 PartitionedCall Placeholder PlaceholderWithDefault Pow
PreventGradient Prod QuantizeAndDequantizeV2 QuantizeV2 RGBToHSV HSVToRGB AdjustContrastv2
AdjustHue AdjustSaturation RandomStandardNormal RandomUniform RandomUniformInt Range Rank
RealDiv Reciprocal Relu Relu6 Reshape ResizeArea ResizeBicubic ResizeBilinear
ResizeNearestNeighbor ReverseSequence ReverseV2 Round Rsqrt ScatterNd Select SelectV2 Selu Shape
ShapeN Sigmoid Sign Sin Size Slice Snapshot Softmax Softplus Softsign SpaceToBatchND
SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze StatefulPartitionedCall
StatelessIf StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomUniformV2
StatelessRandomNormalV2 StatelessTruncatedNormalV2 StatelessWhile StopGradient StridedSlice Sub
Sum Switch Tan Tanh TensorListFromTensor TensorListGetItem TensorListReserve TensorListSetItem
TensorListStack TensorListElementShape TensorListLength Tile TopK TopKV2 Transpose TruncateDiv
TruncateMod TruncatedNormal Unpack Where While Xlogy ZerosLike Enter Exit LoopCond Assert
VarHandleOp ReadVariableOp AssignVariableOp VarIsInitializedOp ResourceGather VariableV2 Assign
IsVariableInitialized DisableCopyOnRead HashTableV2 LookupTableFindV2 LookupTableImportV2
LookupTableSizeV2 MutableHashTableV2
"""
_PURE = frozenset(_NAMES.split())
"""Operations that only compute, and variables and tables in memory."""
_RESTORING = frozenset({"RestoreV2", "Restore"})
"""What reads the variables of the SavedModel itself, when it is loaded."""


def require_harmless(folder: Path) -> None:
    """Raise FerError for a SavedModel that would do anything but compute; nothing of it runs."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    file = folder / "saved_model.pb"
    try:
        if file.stat().st_size > MOST_GRAPH_BYTES:
            raise FerError(f"{file} is larger than {MOST_GRAPH_BYTES:,} bytes, and is not read")
        content = SavedModel.FromString(file.read_bytes())
    except (OSError, DecodeError) as error:
        raise FerError(f"{file} cannot be read: {error}") from error
    found = {kind for graph in content.meta_graphs for kind in _run_by_tensorflow(graph)}
    if wrong := sorted(found - _PURE):
        raise FerError(
            f"{folder} does more than compute: it holds {', '.join(wrong[:5])}, which is not run. "
            "Export the network alone"
        )


def _run_by_tensorflow(graph: Any) -> Iterator[str]:
    """Yield the kinds of operations that loading and asking one graph may run.

    The functions that save and restore are there in every SavedModel, and are not run.
    """
    functions = {each.signature.name: each for each in graph.graph_def.library.function}
    nodes = {node.name: node for node in graph.graph_def.node}
    named = [each.name for sign in graph.signature_def.values() for each in sign.outputs.values()]
    named += [name for each in graph.collection_def.values() for name in each.node_list.value]
    seen, waiting = set[str](), set(graph.object_graph_def.concrete_functions)
    for kind, called in _of_nodes(_reached(nodes, named)):
        yield kind
        waiting |= called
    if not graph.object_graph_def.nodes:  # TensorFlow 1 restores by the graph's own operations
        for kind, called in _of_nodes(_reached(nodes, [graph.saver_def.restore_op_name])):
            waiting |= called
            if kind not in _RESTORING:
                yield kind
    while waiting:
        name = waiting.pop()
        if name in seen or name not in functions:
            continue
        seen.add(name)
        for kind, called in _of_nodes(functions[name].node_def):
            yield kind
            waiting |= called


def _reached(nodes: dict[str, Any], names: Iterable[str]) -> Iterator[Any]:
    """Yield the nodes of a graph that some of its tensors are made by."""
    seen, waiting = set[str](), [*names]
    while waiting:
        name = waiting.pop().lstrip("^").partition(":")[0]
        if name not in seen and name in nodes:
            seen.add(name)
            yield nodes[name]
            waiting += nodes[name].input


def _of_nodes(nodes: Iterable[Any]) -> Iterator[tuple[str, set[str]]]:
    """Yield the kind of each node and the functions that it may call."""
    for node in nodes:
        called = set[str]()
        for value in node.attr.values():
            called |= {value.func.name, *(each.name for each in value.list.func)} - {""}
        yield node.op, called


def try_saved_model(folder: Path) -> None:
    """Load a SavedModel and ask it once, in a process of its own; raise FerError if that fails."""
    words, what = str(folder.resolve()), f"the SavedModel {folder}"
    done = run_module("fer_train.saved_model", words, seconds=LIMIT_SECONDS, what=what)
    if done.returncode:
        raise FerError(f"{what} does not run: {last_words(done)}")


def _ask(folder: Path) -> None:
    import tensorflow as tf

    limit_this_process(LIMIT_SECONDS, LIMIT_BYTES)  # which importing it would not survive
    signature = tf.saved_model.load(str(folder)).signatures.get("serving_default")
    if signature is None:  # which is said by who loads it
        return
    shapes = {
        name: tf.zeros([side or 1 for side in each.shape], each.dtype)
        for name, each in signature.structured_input_signature[1].items()
        if each.shape.rank is not None
    }
    signature(**shapes)


if __name__ == "__main__":
    try:
        _ask(Path(sys.argv[1]))
    except Exception as error:  # noqa: BLE001  # whatever a graph of a stranger raises
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
