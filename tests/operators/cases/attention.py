"""Attention and its embedding, as operator sets 23 and 24 have them."""

import numpy as np

from .common import case, numbers


def cases():
    q, k, v = numbers(1, 2, 3, 8), numbers(1, 2, 4, 8, seed="k"), numbers(1, 2, 4, 8, seed="v")
    yield case("Attention", "heads apart", [q, k, v], opset=23)
    yield case("Attention", "a value of its own width", [q, k, numbers(1, 2, 4, 5)], opset=23)
    yield case("Attention", "scale", [q, k, v], opset=23, scale=0.25)
    yield case("Attention", "is_causal", [q, k, v], opset=23, is_causal=1)
    yield case("Attention", "softcap", [q, k, v], opset=23, softcap=1.5)
    yield case("Attention", "a mask of floats", [q, k, v, numbers(3, 4)], opset=23)
    yield case("Attention", "a mask of truth values", [q, k, v, np.array([[1, 1, 0, 1], [1, 0, 0, 1], [0, 1, 1, 1]], bool)], opset=23)
    yield case("Attention", "a mask for each head", [q, k, v, numbers(1, 2, 3, 4)], opset=23)
    yield case("Attention", "heads together", [numbers(2, 3, 16), numbers(2, 4, 16), numbers(2, 4, 16, seed="v")], opset=23, q_num_heads=2,
               kv_num_heads=2)
    yield case("Attention", "fewer heads of keys", [numbers(1, 4, 3, 8), k, v], opset=23)
    yield case("Attention", "fewer heads of keys, heads together", [numbers(1, 3, 32), numbers(1, 4, 16), numbers(1, 4, 16, seed="v")], opset=23,
               q_num_heads=4, kv_num_heads=2)
    yield case("Attention", "past and present", [q, k, v, None, numbers(1, 2, 2, 8), numbers(1, 2, 2, 8, seed="p")], opset=23, outputs=3)
    yield case("Attention", "qk_matmul_output", [q, k, v], opset=23, outputs=["o0", "", "", "o3"], qk_matmul_output_mode=0)
    yield case("Attention", "is_causal with a mask", [q, k, v, numbers(3, 4)], opset=23, is_causal=1)
    causal = dict(opset=23, is_causal=1)
    yield case("Attention", "is_causal, more queries than keys", [numbers(1, 2, 5, 8), k, v], **causal)
    yield case("Attention", "is_causal with a mask of truth values", [q, k, v, np.array([[1, 0, 0, 1], [1, 1, 0, 1], [1, 1, 1, 1]], bool)], **causal)
    yield case("Attention", "is_causal, past and present", [q, k, v, None, numbers(1, 2, 2, 8), numbers(1, 2, 2, 8, seed="p")], outputs=3, **causal)
    yield case("Attention", "present without past", [q, k, v], opset=23, outputs=3)
    yield case("Attention", "a query that sees no key", [q, k, v, np.array([[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 1, 1]], bool)], opset=23)
    yield case("Attention", "softcap with a mask", [q, k, v, numbers(3, 4)], opset=23, softcap=1.5)
    yield case("Attention", "a mask for each part of the batch", [numbers(2, 2, 3, 8), numbers(2, 2, 4, 8), numbers(2, 2, 4, 8, seed="v"),
                                                                  numbers(2, 1, 3, 4)], opset=23)
    yield case("Attention", "a constant mask", [q, k, v, numbers(3, 4)], opset=23, const=[3])
    yield case("Attention", "heads together, past and present", [numbers(2, 3, 16), numbers(2, 4, 16), numbers(2, 4, 16, seed="v"), numbers(3, 6),
                                                                numbers(2, 2, 2, 8), numbers(2, 2, 2, 8, seed="p")], opset=23, outputs=3, q_num_heads=2,
               kv_num_heads=2)
    yield case("Attention", "half floats", [t.astype(np.float16) for t in (q, k, v)], opset=23, tolerance=5e-3)
    for mode in [0, 1, 2, 3]:
        yield case("Attention", f"qk_matmul_output_mode={mode}, a mask and softcap", [q, k, v, numbers(3, 4)], opset=23,
                   outputs=["o0", "", "", "o3"], qk_matmul_output_mode=mode, softcap=2.0)
    yield case("Attention", "qk_matmul_output_mode=3, a mask", [q, k, v, numbers(3, 4)], opset=23, outputs=["o0", "", "", "o3"], qk_matmul_output_mode=3)
    yield case("Attention", "a query that sees no key, a constant mask", [q, k, v, np.array([[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 1, 1]], bool)], opset=23,
               const=[3])
    yield case("Attention", "opset 24", [q, k, v], opset=24)
    yield case("Attention", "nonpad_kv_seqlen", [numbers(2, 2, 3, 8), numbers(2, 2, 4, 8), numbers(2, 2, 4, 8, seed="v"), None, None, None,
                                                 np.array([3, 2])], opset=24)
    cos, sin = numbers(6, 4, low=-1, high=1), numbers(6, 4, low=-1, high=1, seed="s")
    ids = np.array([[0, 2, 5]])
    for interleaved in [0, 1]:
        yield case("RotaryEmbedding", f"interleaved={interleaved}", [numbers(1, 2, 3, 8), cos, sin, ids], opset=23, interleaved=interleaved)
    yield case("RotaryEmbedding", "rotary_embedding_dim", [numbers(1, 2, 3, 8), cos[:, :2], sin[:, :2], ids], opset=23, rotary_embedding_dim=4)
    yield case("RotaryEmbedding", "heads together", [numbers(1, 3, 16), cos, sin, ids], opset=23, num_heads=2)
    yield case("RotaryEmbedding", "no positions", [numbers(1, 2, 3, 8), numbers(1, 3, 4), numbers(1, 3, 4, seed="s")], opset=23)
