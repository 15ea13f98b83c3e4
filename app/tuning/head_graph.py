"""The cross-encoder's head as ONNX nodes behind an encoder's token states: `CrossEncoder.head`, one unpadded pair."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from app.tuning.model import CrossEncoder

_OPSET = 18
_STATES, _SEGMENTS = "last_hidden_state", "token_type_ids"


def append_head(source: Path, target: Path, model: CrossEncoder) -> None:
    """Write `source`, whose output is last_hidden_state (1, tokens, width), with the head on top: logits (1, 1)."""
    onnx_model = onnx.load(str(source))
    for opset in onnx_model.opset_import:
        if opset.domain == "":
            opset.version = max(opset.version, _OPSET)
    graph = onnx_model.graph
    nodes, constants = _head(model)
    graph.node.extend(nodes)
    graph.initializer.extend(numpy_helper.from_array(v, n) for n, v in constants.items())
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1]))
    del graph.value_info[:]
    onnx.checker.check_model(onnx_model)
    onnx.save(onnx_model, str(target))


def _head(model: CrossEncoder) -> tuple[list[Any], dict[str, Any]]:
    values = {name: v.detach().cpu().numpy().astype(np.float32) for name, v in model.state_dict().items()}
    constants = {
        "h.cls_w": values["cls.weight"],
        "h.cls_b": values["cls.bias"],
        "h.out_w": values["out.weight"],
        "h.out_b": values["out.bias"],
        "h.weigh_w": values["weigh.weight"].T.copy(),
        "h.weigh_b": values["weigh.bias"],
        "h.mix_cosine": values["mix"][:1].reshape(1, 1),
        "h.mix_match": values["mix"][1:].reshape(1, 1),
        "h.away": np.array(2.0, dtype=np.float32),
        "h.low": np.array(-4.0, dtype=np.float32),
        "h.high": np.array(4.0, dtype=np.float32),
        "h.one": np.array(1.0, dtype=np.float32),
        "h.first": np.array(0, dtype=np.int64),
        "h.axis1": np.array([1], dtype=np.int64),
        "h.axis2": np.array([2], dtype=np.int64),
    }
    nodes: list[Any] = []

    def emit(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [f"h.{output}"], **attributes))
        return f"h.{output}"

    # (1, tokens): 1.0 on the passage, 1.0 on the question
    passage = emit("Cast", [_SEGMENTS], "passage", to=TensorProto.FLOAT)
    question = emit("Sub", ["h.one", passage], "question")

    # cosine of the two mean states: a sum has the mean's direction
    sums = []
    for name, part in (("question", question), ("passage", passage)):
        row = emit("Unsqueeze", [part, "h.axis1"], f"{name}_row")
        total = emit("MatMul", [row, _STATES], f"{name}_sum")
        sums.append(emit("LpNormalization", [total], f"{name}_unit", axis=2, p=2))
    product = emit("Mul", sums, "cosine_terms")
    cosine = emit("ReduceSum", [product, "h.axis2"], "cosine", keepdims=0)

    # each question token's best passage token, averaged with the learned weights
    unit = emit("LpNormalization", [_STATES], "unit", axis=2, p=2)
    turned = emit("Transpose", [unit], "turned", perm=[0, 2, 1])
    near = emit("MatMul", [unit, turned], "near")
    outside = emit("Mul", [emit("Unsqueeze", [question, "h.axis1"], "outside"), "h.away"], "outside_by")
    best = emit("ReduceMax", [emit("Sub", [near, outside], "near_passage"), "h.axis2"], "best", keepdims=0)
    say = emit("Squeeze", [emit("MatMul", [_STATES, "h.weigh_w"], "say_3d"), "h.axis2"], "say")
    say = emit("Clip", [emit("Add", [say, "h.weigh_b"], "say_b"), "h.low", "h.high"], "say_clipped")
    weight = emit("Mul", [emit("Exp", [say], "say_exp"), question], "weight")
    above = emit("ReduceSum", [emit("Mul", [best, weight], "weighted"), "h.axis1"], "above", keepdims=1)
    below = emit("ReduceSum", [weight, "h.axis1"], "below", keepdims=1)
    match = emit("Div", [above, below], "match")

    cls = emit("Gather", [_STATES, "h.first"], "cls_state", axis=1)
    cls = emit("Tanh", [emit("Gemm", [cls, "h.cls_w", "h.cls_b"], "cls", transB=1)], "cls_tanh")
    said = emit("Gemm", [cls, "h.out_w", "h.out_b"], "said", transB=1)

    total = emit("Add", [said, emit("Mul", [cosine, "h.mix_cosine"], "by_cosine")], "partly")
    nodes.append(helper.make_node("Add", [total, emit("Mul", [match, "h.mix_match"], "by_match")], ["logits"]))
    return nodes, constants
