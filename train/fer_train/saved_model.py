"""What a SavedModel of a stranger would do, read from its graph before any of it runs.

A graph may read and write files, run Python and open connections: TensorFlow runs it as it is. So
only operations that compute are let through. The graph then runs for the first time in a process of
its own, which writes no file, and has limits of memory and time where the system has them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fer_core.errors import FerError
from fer_core.own_process import last_words, limit_this_process, run_module
from fer_train.backend import import_keras

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
_SAVER = re.compile(r"__inference__traced_(save|restore)_\d+")


def require_harmless(folder: Path) -> None:
    """Make sure that a SavedModel does nothing but compute; nothing of it runs.

    Raises:
        FerError: It would do more, or cannot be read.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    file = folder / "saved_model.pb"
    try:
        if file.stat().st_size > MOST_GRAPH_BYTES:
            raise FerError(f"{file} is larger than {MOST_GRAPH_BYTES:,} bytes, and is not read")
        content = SavedModel.FromString(file.read_bytes())
    except (OSError, DecodeError) as error:
        raise FerError(f"{file} cannot be read: {error}") from error
    if len(content.meta_graphs) != 1 or not content.meta_graphs[0].object_graph_def.nodes:
        raise FerError(
            f"{folder} was saved as TensorFlow 1 did, whose graph runs while it is loaded: save it "
            "again with model.export() or tf.saved_model.save()"
        )
    if wrong := sorted(set(_kinds(content.meta_graphs[0])) - _PURE):
        raise FerError(
            f"{folder} does more than compute: it holds {', '.join(wrong[:5])}, which is not run. "
            "Export the network alone"
        )


def _kinds(graph: Any) -> Iterator[str]:
    """Yield the kinds of all operations in a graph's functions, but for saving and restoring.

    The two functions that save and restore are in every SavedModel. They are passed over where
    nothing but the graph's saver names them, which is not run.
    """
    functions = list(graph.graph_def.library.function)
    names = [function.signature.name for function in functions]
    if len(set(names)) < len(names):
        yield "two functions of one name"
    objects = graph.object_graph_def.SerializeToString()
    called = {name for function in functions for name in _called(function.node_def)}
    for function in functions:
        name = function.signature.name
        saver = _SAVER.fullmatch(name) and name not in called and name.encode() not in objects
        if not saver:
            yield from (node.op for node in function.node_def)


def _called(nodes: Iterable[Any]) -> Iterator[str]:
    """Yield the functions that some nodes may call."""
    for node in nodes:
        for value in node.attr.values():
            yield from {value.func.name, *(each.name for each in value.list.func)}


def try_saved_model(folder: Path) -> None:
    """Load a SavedModel and ask it once, in a process of its own.

    Raises:
        FerError: That fails.
    """
    words, what = str(folder.resolve()), f"the SavedModel {folder}"
    done = run_module("fer_train.saved_model", words, seconds=LIMIT_SECONDS, what=what)
    if done.returncode:
        raise FerError(f"{what} does not run: {last_words(done)}")


def _ask(folder: Path) -> None:
    import_keras()
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
