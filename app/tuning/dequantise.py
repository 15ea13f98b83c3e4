"""The float weights behind an int8 file that `app.tuning.export` wrote: what to go on training from.

Only the int8 file ships. Its matrix products multiply rounded weights, one scale an output channel, after dividing each
input channel by a factor (`app.providers.onnx_quantise`); scale times integer times factor gives back exactly the
weight that the int8 file multiplies with. What remains of the rounding is in those weights; the rounding of activations
is gone. So the model that comes out scores nearly as the file does (tests/tuning/test_dequantise.py measures it).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper

from app.errors import ModelDamaged
from app.providers.prepared import read_prepared
from app.tuning.encoder import Encoder, Shape
from app.tuning.model import CrossEncoder, ModelPlan

Floats = npt.NDArray[np.float32]
_WORDS = "EmbedLayerNormalization_0_output"


def recovered(folder: Path) -> CrossEncoder:
    """The model of a prepared folder in float32. Raises ModelMissing, or ModelDamaged where it is no file of ours."""
    prepared = read_prepared(folder)
    graph = onnx.load(str(prepared.model)).graph
    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    products = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "QuantizeLinear"}
    try:
        layers = sum(name.endswith("_qkv_bias") for name in constants)
        weights = _Weights(constants, products, graph).all(layers)
        model = CrossEncoder(Encoder(_shape(constants, layers)), ModelPlan(layers=layers))
        model.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})
    except (KeyError, RuntimeError, StopIteration) as error:
        raise ModelDamaged(
            f"{prepared.model} is no model that Sluice trained: {error}.", hint="Name another one: --base bundled"
        ) from error
    model.eval()
    return model


def _shape(constants: dict[str, Floats], layers: int) -> Shape:
    words, places = constants[f"{_WORDS}.i8"].shape, constants["trunk.embeddings.position_embeddings.weight"].shape
    inner = constants["trunk.encoder.layer.0.intermediate.dense.bias"].shape[0]
    return Shape(layers=layers, width=words[1], inner=inner, vocabulary=words[0], positions=places[0])


class _Weights:
    """Reads the named weights out of a quantised graph."""

    def __init__(self, constants: dict[str, Floats], products: dict[str, str], graph: onnx.GraphProto) -> None:
        self.constants = constants
        self.smooth = products  # uint8 rows -> the smoothed tensor they were rounded from
        self.makers = {out: node for node in graph.node for out in node.output}
        self.readers = {name: node for node in graph.node for name in node.input}

    def all(self, layers: int) -> dict[str, Floats]:
        """Every weight of the model, under its name there."""
        found = {
            "encoder.embeddings.word_embeddings.weight": self.constants[f"{_WORDS}.i8"].astype(np.float32)
            * self.constants[f"{_WORDS}.steps"],
            **self.head(),
        }
        for name in (
            "position_embeddings.weight",
            "token_type_embeddings.weight",
            "LayerNorm.weight",
            "LayerNorm.bias",
        ):
            found[f"encoder.embeddings.{name}"] = self.constants[f"trunk.embeddings.{name}"]
        for layer in range(layers):
            found |= {f"encoder.encoder.layer.{layer}.{name}": value for name, value in self.layer(layer).items()}
        return found

    def layer(self, number: int) -> dict[str, Floats]:
        graph, plain = f"/trunk/encoder/layer.{number}", f"trunk.encoder.layer.{number}"
        found: dict[str, Floats] = {}
        biases = np.split(self.constants[f"Attention_{number}_qkv_bias"], 3)
        for name, bias in zip(("query", "key", "value"), biases, strict=True):
            found[f"attention.self.{name}.weight"], _ = self.product(f"{graph}/attention/self/{name}/MatMul_output_0")
            found[f"attention.self.{name}.bias"] = bias
        found["intermediate.dense.weight"], _ = self.product(f"{graph}/intermediate/dense/MatMul_output_0")
        found["intermediate.dense.bias"] = self.constants[f"{plain}.intermediate.dense.bias"]
        for part in ("attention.output", "output"):
            product = f"{graph}/{part.replace('.', '/')}/dense/MatMul_output_0"
            found[f"{part}.dense.weight"], lifted = self.product(product)
            found[f"{part}.dense.bias"] = self.bias_after(product) + lifted
            for kind in ("weight", "bias"):
                found[f"{part}.LayerNorm.{kind}"] = self.constants[f"{plain}.{part}.LayerNorm.{kind}"]
        return found

    def product(self, name: str) -> tuple[Floats, Floats]:
        """The weight (outputs, inputs) of a matrix product, and what its bias lost to the lifting of GELU's floor."""
        whole = self.constants[f"{name}.i8"].astype(np.float64) * self.constants[f"{name}.steps"]
        rows = self.makers[f"{name}.unscaled"].input[0]
        smooth = self.makers[self.smooth[rows]]
        factor = self.constants[smooth.input[1]].astype(np.float64)
        lifted = np.zeros(whole.shape[1])
        if smooth.input[0].endswith(".lifted"):
            lifted = (float(self.constants["floor"]) * factor) @ whole
        return (whole * factor[:, None]).T.astype(np.float32), lifted.astype(np.float32)

    def bias_after(self, name: str) -> Floats:
        return next(self.constants[i] for i in self.readers[name].input if i in self.constants)

    def head(self) -> dict[str, Floats]:
        c = self.constants
        return {
            "cls.weight": c["h.cls_w"],
            "cls.bias": c["h.cls_b"],
            "out.weight": c["h.out_w"],
            "out.bias": c["h.out_b"],
            "weigh.weight": c["h.weigh_w"].T.copy(),
            "weigh.bias": c["h.weigh_b"],
            "mix": np.concatenate([c["h.mix_cosine"].ravel(), c["h.mix_match"].ravel()]),
        }
