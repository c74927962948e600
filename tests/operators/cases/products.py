"""Matrix products."""

import numpy as np

from .common import case, numbers


def cases():
    for tried, a, b in [("matrices", (3, 4), (4, 5)), ("a vector on the left", (4,), (4, 5)), ("a vector on the right", (3, 4), (4,)),
                        ("two vectors", (4,), (4,)), ("batches", (2, 3, 4), (2, 4, 5)), ("batches that are broadcast", (2, 1, 3, 4), (3, 4, 2)),
                        ("a matrix for all batches", (2, 3, 4), (4, 5)), ("a vector and batches", (4,), (2, 4, 3)),
                        ("larger", (17, 33), (33, 19)), ("one row", (1, 40), (40, 24))]:
        yield case("MatMul", tried, [numbers(*a), numbers(*b, seed="b")], opset=13, tolerance=3e-5)
    yield case("MatMul", "a constant on the right", [numbers(2, 3, 4), numbers(4, 5)], opset=13, const=[1])
    yield case("MatMul", "a constant on the left", [numbers(3, 4), numbers(2, 4, 5)], opset=9, const=[0])
    yield case("MatMul", "half floats", [numbers(3, 4, dtype=np.float16), numbers(4, 5, dtype=np.float16)], opset=13, tolerance=5e-3)
    yield case("MatMul", "integers", [numbers(3, 4, low=-9, high=9, dtype=np.int32), numbers(4, 2, low=-9, high=9, dtype=np.int32)],
               opset=13)
    for a in [0, 1]:
        for b in [0, 1]:
            yield case("Gemm", f"transA={a}, transB={b}", [numbers(*((4, 3) if a else (3, 4))), numbers(*((5, 4) if b else (4, 5)), seed="b"),
                                                           numbers(5)], opset=13, const=[1, 2], transA=a, transB=b)
    ab = [numbers(3, 4), numbers(4, 5)]
    yield case("Gemm", "alpha, beta", ab + [numbers(3, 5)], opset=13, alpha=0.5, beta=-2.0)
    yield case("Gemm", "beta=0", ab + [numbers(3, 5)], opset=13, beta=0.0)
    yield case("Gemm", "no C", ab, opset=13, alpha=2.0)
    for shape in [(), (1,), (5,), (3, 1), (1, 5), (1, 1)]:
        yield case("Gemm", f"C of {list(shape)}", ab + [numbers(*shape)], opset=9, beta=0.5)
    yield case("Gemm", "opset 7", ab + [numbers(5)], opset=7, const=[1, 2])
    for equation, shapes in [("ij,jk->ik", [(2, 3), (3, 4)]), ("bij,bjk->bik", [(2, 2, 3), (2, 3, 4)]), ("ij->ji", [(2, 3)]),
                             ("ij->", [(2, 3)]), ("ij->i", [(2, 3)]), ("ii->i", [(3, 3)]), ("ii", [(3, 3)]), ("i,j->ij", [(2,), (3,)]),
                             ("bhwc,hkc->bhwk", [(2, 3, 4, 5), (3, 6, 5)]), ("bhwc,wkc->bhwk", [(2, 3, 4, 5), (4, 6, 5)]),
                             ("bqc,bchw->bqhw", [(1, 2, 3), (1, 3, 4, 5)]), ("...ij,...jk->...ik", [(2, 2, 3), (2, 3, 4)]),
                             ("ij,jk", [(2, 3), (3, 4)]), ("bnd, bmd -> bnm", [(1, 2, 3), (1, 4, 3)]), ("i,i->", [(3,), (3,)]),
                             ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 2)]), ("ij,ij->ij", [(2, 3), (2, 3)]),
                             ("ij,ij->", [(2, 3), (2, 3)]), ("ij,k->", [(2, 3), (4,)]), ("ijk->j", [(2, 3, 4)]), ("ij,j->", [(2, 3), (3,)]),
                             ("...i->...", [(2, 3, 4)]), ("iij->j", [(3, 3, 2)]), ("ba", [(2, 3)]), ("bij,bjk", [(2, 2, 3), (2, 3, 4)]), ("kj,ik", [(2, 3), (4, 2)]),
                             ("ij,jk->k", [(2, 3), (3, 4)]), ("ij,k->k", [(2, 3), (4,)]), ("ij,jk->", [(2, 3), (3, 4)]), ("Ab,bC->AC", [(2, 3), (3, 2)]), ("nchw,nhwc->nhw", [(1, 2, 3, 4), (1, 3, 4, 2)]), ("i,->i", [(3,), ()])]:
        yield case("Einsum", f"`{equation}`", [numbers(*s, seed=ix) for ix, s in enumerate(shapes)], opset=12, equation=equation,
                   tolerance=3e-5)
