"""Recurrent layers."""

import numpy as np

from .common import case, numbers

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def cases():
    for op, gates in GATES.items():
        def layer(tried, directions=1, bias=True, op=op, gates=gates, initial=False, outputs=None, **attributes):
            n = gates * 4
            tensors = [numbers(5, 2, 3), numbers(directions, n, 3, low=-1, high=1), numbers(directions, n, 4, low=-1, high=1, seed="r"),
                       numbers(directions, 2 * n, low=-1, high=1) if bias else None]
            if initial:
                tensors += [None, numbers(directions, 2, 4)] + ([numbers(directions, 2, 4, seed="c")] if op == "LSTM" else [])
            while tensors[-1] is None:
                tensors.pop()
            return case(op, tried, tensors, opset=14, const=[1, 2, 3], outputs=outputs or (3 if op == "LSTM" else 2), hidden_size=4,
                        tolerance=2e-5, **attributes)

        yield layer("defaults")
        yield layer("no bias", bias=False)
        yield layer("reverse", direction="reverse")
        yield layer("bidirectional", directions=2, direction="bidirectional")
        yield layer("initial state", initial=True)
        yield layer("initial state, the activations' own names", initial=True, activations={
            "RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}[op])
        yield layer("initial state, bidirectional", directions=2, initial=True, direction="bidirectional")
        yield layer("initial state, the last one only", initial=True, outputs=["", "o1"])
        yield layer("initial state, no bias", initial=True, bias=False)
        yield layer("clip", clip=0.3)
        yield layer("activations", activations={"RNN": ["Relu"], "GRU": ["HardSigmoid", "Softsign"],
                                                "LSTM": ["HardSigmoid", "Softsign", "Tanh"]}[op])
        if op == "GRU":
            yield layer("linear_before_reset", linear_before_reset=1)
