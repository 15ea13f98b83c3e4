"""How near the bundled scorer comes to what this CPU can compute: `limit` of `python -m tests.benchmarks.rerank_speed`.

A CPU has a peak rate for int8 products and one for float32 products. Both are measured here and in the same run, as
what one gets from the same library with nothing around: onnxruntime's MatMulInteger on the model's own weight shapes,
one single-threaded call a CPU at a time as the scorer runs, and torch's float32 matmul with its own threads.

`products`: GOP/s (10^9 multiplications and additions a second, two a multiply-add) of each weight shape at the rows of
a real pair, and at 1,024 rows, where weights are fetched for more work. `int8_peak` is the best of all.

How to read it: `achieved` counts every multiply-add of a scoring, int8 and float32 alike, over the time it took, and
`share_of_int8_peak` divides it by the peak: low is room left, but no program reaches 1, as attention must be float32
here. `share_of_limit` is fairer: the time that the int8 part would take at the int8 peak plus the float32 part at the
float32 peak, over the time it took. `share_of_products` asks only about our side of the library: the time of the
same products at the same rows, over the time it took; the rest is attention, norms, GELU, softmax, rounding to int8,
the head and the text's tokens. A passage that is windowed counts with all its windows.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from app.providers.onnx_runtime import available_cpus
from tests.benchmarks.rerank_numbers import Sizes, Work

MANY_ROWS = 1024
_SQUARE = 2048  # side of the float32 matrices
_SECONDS = 0.5  # of measuring, a shape; the best of five slices of it


def int8_rate(rows: int, inputs: int, outputs: int) -> float:
    """Multiply-adds a second, all CPUs together, of (rows, inputs) uint8 by (inputs, outputs) int8, summed in int32."""
    session = _session(rows, inputs, outputs)
    given = {"x": np.random.default_rng(7).integers(0, 255, (rows, inputs), dtype=np.uint8)}
    threads = available_cpus()
    with ThreadPoolExecutor(threads) as pool:

        def calls(count: int) -> float:
            def one(_thread: int) -> None:
                for _ in range(count):
                    session.run(None, given)

            start = time.perf_counter()
            list(pool.map(one, range(threads)))
            return time.perf_counter() - start

        calls(3)
        count = max(1, int(_SECONDS / 5 / (calls(5) / 5)))
        best = min(calls(count) for _ in range(5))
    return threads * count * rows * inputs * outputs / best


def float32_rate() -> float:
    """Multiply-adds a second of torch's float32 product of two large squares, with torch's own threads."""
    a, b = torch.rand(_SQUARE, _SQUARE), torch.rand(_SQUARE, _SQUARE)
    seconds = []
    with torch.inference_mode():
        for _ in range(6):
            start = time.perf_counter()
            torch.matmul(a, b)
            seconds.append(time.perf_counter() - start)
    return float(_SQUARE**3 / min(seconds[1:]))


def limit(work: Work, rows: int, seconds: float, sizes: Sizes) -> dict[str, Any]:
    """The figures explained above, for a scoring of `work` that took `seconds`; `rows`: tokens of a pair."""
    shapes = sorted(set(sizes.shapes))
    rates = {(n, shape): int8_rate(n, *shape) for n in (rows, MANY_ROWS) for shape in shapes}
    peak, float_peak = max(rates.values()), float32_rate()
    products = sum(i * o / rates[rows, (i, o)] for i, o in sizes.shapes) / sum(i * o for i, o in sizes.shapes)
    achieved = work.total / seconds
    return {
        "multiply_adds": {"linear": work.linear, "mixing": work.mixing},
        "products_gops": {f"{n}x{i}x{o}": round(2e-9 * rate) for (n, (i, o)), rate in rates.items()},
        "int8_peak_gops": round(2e-9 * peak),
        "float32_peak_gops": round(2e-9 * float_peak),
        "achieved_gops": round(2e-9 * achieved),
        "share_of_int8_peak": round(achieved / peak, 3),
        "share_of_limit": round((work.linear / peak + work.mixing / float_peak) / seconds, 3),
        "share_of_products": round(work.linear * products / seconds, 3),
    }


def _session(rows: int, inputs: int, outputs: int) -> onnxruntime.InferenceSession:
    weights = np.random.default_rng(7).integers(-63, 64, (inputs, outputs), dtype=np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [rows, inputs])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [rows, outputs])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
