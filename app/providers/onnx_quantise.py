"""A fused BERT graph to int8, one scale per token row.

What onnxruntime's own dynamic quantisation does differently: it takes one activation scale for the whole tensor, which
costs accuracy (one large token coarsens all) and ties a text to whatever else is in the call. Here every token row has
its own scale, weights one per output channel, and word embeddings one per word. Before rounding, each input channel is
divided by a factor that moves large activations into the weights (SmoothQuant, Xiao et al. 2022, arXiv:2211.10438),
measured on a few sample sequences. GELU outputs, never below -0.17, are shifted to use the whole unsigned range; the
shift comes off again through the bias.

The result reads one unpadded sequence a call and has no attention mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]
_GELU_FLOOR = 0.17  # GELU's minimum is -0.16997
_OPSET = 18


def quantise_rows(
    source: Path, target: Path, samples: Sequence[Mapping[str, Array]], *, weight_levels: int = 127
) -> None:
    """Writes the int8 form of `source`, a graph fused with MultiHeadAttention, BiasGelu and SkipLayerNormalization.

    `samples` are inputs (name -> int64 array of shape (1, tokens)) the channel factors are measured on.
    `weight_levels` is the largest weight: 127, or 63 where the CPU sums byte products in 16 bits (x86 without VNNI).
    """
    model = onnx.load(str(source))
    ranges = _input_ranges(model, samples)
    _Rewriter(model, ranges, weight_levels).run()
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


def _input_ranges(model: Any, samples: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """The largest absolute value of each channel of every matrix product's input, over the samples."""
    weights = {i.name for i in model.graph.initializer}
    names = sorted({n.input[0] for n in model.graph.node if n.op_type == "MatMul" and n.input[1] in weights})
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    session = onnxruntime.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    ranges: dict[str, Array] = {}
    for sample in samples:
        for name, value in zip(names, session.run(names, dict(sample)), strict=True):
            largest = np.abs(value).reshape(-1, value.shape[-1]).max(axis=0)
            ranges[name] = np.maximum(ranges[name], largest) if name in ranges else largest
    return ranges


class _Rewriter:
    """Walks the graph once and replaces nodes; names of new tensors start with the name of the one they belong to."""

    def __init__(self, model: Any, ranges: Mapping[str, Array], weight_levels: int) -> None:
        self.weight_levels = weight_levels
        self.graph = model.graph
        self.ranges = ranges
        self.weights = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
        self.makers = {out: node for node in model.graph.node for out in node.output}
        self.constants: dict[str, Array] = {
            "c127": np.array(127, dtype=np.float32),
            "c255": np.array(255, dtype=np.float32),
            "floor": np.array(_GELU_FLOOR, dtype=np.float32),
            "tiny": np.array(1e-6, dtype=np.float32),
            "one": np.array(1, dtype=np.float32),
            "middle": np.array(128, dtype=np.uint8),
            "low": np.array(0, dtype=np.uint8),
            "last_axis": np.array([-1], dtype=np.int64),
            "flat": np.array([-1], dtype=np.int64),
            "index0": np.array(0, dtype=np.int64),
            "index1": np.array(1, dtype=np.int64),
        }
        self.nodes: list[Any] = []
        self.rows: dict[str, tuple[str, str]] = {}
        self.factors: dict[str, Array] = {}
        self.corrections: dict[str, Array] = {}
        for opset in model.opset_import:
            if opset.domain == "":
                opset.version = max(opset.version, _OPSET)

    def run(self) -> None:
        self._choose_factors()
        for node in list(self.graph.node):
            if node.op_type == "MatMul" and node.input[1] in self.weights:
                self._product(node)
            elif node.op_type == "EmbedLayerNormalization":
                self._embeddings(node)
            elif node.op_type == "SkipLayerNormalization":
                self._skip_norm(node)
            elif node.op_type == "MultiHeadAttention":
                node.input[4] = ""  # the padding mask: there is no padding
                self.nodes.append(node)
            elif not (node.op_type == "Cast" and node.input[0] == "attention_mask"):
                self.nodes.append(node)
        self._replace_graph()

    def _emit(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        domain = "com.microsoft" if kind == "MatMulIntegerToFloat" else ""
        self.nodes.append(helper.make_node(kind, list(inputs), [output], domain=domain, **attributes))
        return output

    def _constant(self, name: str, value: Array) -> str:
        self.constants[name] = value
        return name

    def _after_gelu(self, name: str) -> bool:
        return name in self.makers and self.makers[name].op_type == "BiasGelu"

    def _choose_factors(self) -> None:
        """SmoothQuant's factor with strength one half: sqrt(largest weight / largest activation) of each channel."""
        largest: dict[str, Array] = {}
        for node in self.graph.node:
            if node.op_type == "MatMul" and node.input[1] in self.weights:
                rows = np.abs(self.weights[node.input[1]]).max(axis=1)
                largest[node.input[0]] = np.maximum(largest.get(node.input[0], rows), rows)
        for name, rows in largest.items():
            self.factors[name] = np.sqrt(np.maximum(rows, 1e-4) / np.maximum(self.ranges[name], 1e-3)).astype(
                np.float32
            )

    def _row_quantised(self, name: str) -> tuple[str, str]:
        """uint8 rows of a tensor and their scales (shape (1, tokens, 1)), shared by all products that read it."""
        if name in self.rows:
            return self.rows[name]
        factor = self._constant(f"{name}.factor", self.factors[name])
        if self._after_gelu(name):
            lifted = self._emit("Add", [name, "floor"], f"{name}.lifted")
            smooth = self._emit("Mul", [lifted, factor], f"{name}.smooth")
            top = self._emit("ReduceMax", [smooth, "last_axis"], f"{name}.top", keepdims=1)
            levels, zero = "c255", "low"
        else:
            smooth = self._emit("Mul", [name, factor], f"{name}.smooth")
            size = self._emit("Abs", [smooth], f"{name}.abs")
            top = self._emit("ReduceMax", [size, "last_axis"], f"{name}.top", keepdims=1)
            levels, zero = "c127", "middle"
        top = self._emit("Max", [top, "tiny"], f"{name}.top_safe")
        scale = self._emit("Div", [top, levels], f"{name}.scale")
        scales = self._emit("Reshape", [scale, "flat"], f"{name}.scales")
        count = self._emit("Shape", [scales], f"{name}.count")
        zeros = self._emit("Expand", [zero, count], f"{name}.zeros")
        rounded = self._emit("QuantizeLinear", [smooth, scales, zeros], f"{name}.u8", axis=1)
        self.rows[name] = (rounded, scale)
        return self.rows[name]

    def _product(self, node: Any) -> None:
        source, weight, out = node.input[0], self.weights[node.input[1]].astype(np.float64), node.output[0]
        rounded, scale = self._row_quantised(source)
        smooth = weight / self.factors[source].astype(np.float64)[:, None]
        steps = np.abs(smooth).max(axis=0) / self.weight_levels
        steps[steps == 0] = 1
        whole = np.rint(smooth / steps).astype(np.int8)
        inputs = [rounded, self._constant(f"{out}.i8", whole), "one"]
        inputs.append(self._constant(f"{out}.steps", steps.astype(np.float32)))
        if self._after_gelu(source):
            lifted_by = _GELU_FLOOR * self.factors[source].astype(np.float64)
            self.corrections[out] = -(lifted_by @ (whole * steps))
        else:
            inputs.append("middle")
        product = self._emit("MatMulIntegerToFloat", inputs, f"{out}.unscaled")
        self._emit("Mul", [product, scale], out)

    def _skip_norm(self, node: Any) -> None:
        # plain Add and LayerNormalization: several times faster on a CPU than the fused node
        product, skip, gain, shift, bias = node.input
        corrected = self.weights[bias] + self.corrections.pop(product, np.zeros(1))
        name = node.output[0]
        biased = self._emit("Add", [product, self._constant(f"{name}.bias", corrected.astype(np.float32))], f"{name}.b")
        summed = self._emit("Add", [biased, skip], f"{name}.sum")
        self._emit("LayerNormalization", [summed, gain, shift], name, axis=-1, epsilon=_epsilon(node))

    def _embeddings(self, node: Any) -> None:
        ids, types, words, positions, segments, gain, shift = node.input[:7]
        table = self.weights[words].astype(np.float64)
        steps = np.abs(table).max(axis=1, keepdims=True) / 127
        steps[steps == 0] = 1
        name = node.output[0]
        whole = self._constant(f"{name}.i8", np.rint(table / steps).astype(np.int8))
        found = self._emit("Gather", [whole, ids], f"{name}.found")
        found = self._emit("Cast", [found], f"{name}.float", to=TensorProto.FLOAT)
        step = self._emit("Gather", [self._constant(f"{name}.steps", steps.astype(np.float32)), ids], f"{name}.step")
        word = self._emit("Mul", [found, step], f"{name}.word")
        shape = self._emit("Shape", [ids], f"{name}.shape")
        length = self._emit("Gather", [shape, "index1"], f"{name}.length")
        places = self._emit("Range", ["index0", length, "index1"], f"{name}.places")
        place = self._emit("Gather", [positions, places], f"{name}.place")
        segment = self._emit("Gather", [segments, types], f"{name}.segment")
        summed = self._emit("Add", [self._emit("Add", [segment, place], f"{name}.ps"), word], f"{name}.sum")
        self._emit("LayerNormalization", [summed, gain, shift], name, axis=-1, epsilon=_epsilon(node))

    def _replace_graph(self) -> None:
        if self.corrections:
            raise ValueError(f"products without a bias to correct: {sorted(self.corrections)}")
        used = {name for node in self.nodes for name in node.input}
        keep = [i for i in self.graph.initializer if i.name in used]
        made = [numpy_helper.from_array(np.asarray(v), n) for n, v in self.constants.items() if n in used]
        inputs = [i for i in self.graph.input if i.name != "attention_mask"]
        _refill(self.graph.node, self.nodes)
        _refill(self.graph.initializer, [*keep, *made])
        _refill(self.graph.input, inputs)


def _epsilon(node: Any) -> float:
    return next((float(a.f) for a in node.attribute if a.name == "epsilon"), 1e-12)


def _refill(field: Any, values: Iterable[Any]) -> None:
    kept = list(values)
    del field[:]
    field.extend(kept)
