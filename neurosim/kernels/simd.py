"""SIMD lanes for Numba: the type ``Vec``, its masks, and the dialect of generated code on them.

A ``Vec`` is LLVM's ``<8 x double>``; a ``Mask`` is ``<8 x i1>``. LLVM maps them to one AVX-512 register, two AVX2
registers or four NEON registers. Every operation acts lane by lane with the scalar's rounding: nothing here allows
LLVM to contract a multiplication and an addition, so a lane's result does not depend on its neighbours, on the
width, or on the kernel it was inlined into. Where a fused operation is wanted, ``fma`` says so.

Plain float64 values are accepted everywhere a ``Vec`` is (a constant is spread over the lanes); functions of float64
arguments only give float64 by the very same operations, which is what the one-lane cable sweeps use.

Loading and storing them is ``neurosim.kernels.access``.

The exponential is a degree-11 polynomial after Cody-Waite reduction, largest error seen 1.06 units in the last place;
coefficients by the Remez algorithm on [-ln2/2, ln2/2].
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator"
from __future__ import annotations

import operator

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.extending import intrinsic, lower_builtin, models, register_model
from numba.core.typing.templates import AbstractTemplate, infer_global, signature

LANES = 8

I64 = ir.IntType(64)
I32 = ir.IntType(32)
F64 = ir.DoubleType()


class Vec(types.Type):
    """Numba type of ``LANES`` float64 values."""

    ll = ir.VectorType(F64, LANES)

    def __init__(self) -> None:
        super().__init__(name=f"Vec{LANES}")


class Mask(types.Type):
    """Numba type of ``LANES`` truth values."""

    ll = ir.VectorType(ir.IntType(1), LANES)

    def __init__(self) -> None:
        super().__init__(name=f"Mask{LANES}")


vec = Vec()
mask = Mask()


@register_model(Vec)
class _VecModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, fe_type.ll)


@register_model(Mask)
class _MaskModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, fe_type.ll)


def _splat(builder, scalar, ll):
    undef = ir.Constant(ll, ir.Undefined)
    if isinstance(scalar, ir.Constant):
        return ir.Constant(ll, [scalar] * LANES)
    zeros = ir.Constant(ir.VectorType(I32, LANES), [0] * LANES)
    return builder.shuffle_vector(builder.insert_element(undef, scalar, ir.Constant(I32, 0)), undef, zeros)


def widen(context, builder, value, from_type, to_type):
    """Bring ``value`` to ``to_type``: unchanged, cast, or spread over the lanes."""
    if from_type == to_type:
        return value
    if isinstance(to_type, Vec):
        return _splat(builder, context.cast(builder, value, from_type, types.float64), to_type.ll)
    if isinstance(to_type, Mask):
        return _splat(builder, context.cast(builder, value, from_type, types.boolean), to_type.ll)
    return context.cast(builder, value, from_type, to_type)


def _result(*args):
    """Return the type of an operation on ``args``: Vec if any is, else float64; None if one is neither."""
    if any(isinstance(a, Vec) for a in args):
        return vec if all(isinstance(a, Vec | types.Number) for a in args) else None
    return types.float64 if all(isinstance(a, types.Number) for a in args) else None


def _register(op, arity, method, compare=None):
    @infer_global(op)
    class _Typing(AbstractTemplate):
        def generic(self, args, kws):
            if len(args) != arity or not any(isinstance(a, Vec) for a in args) or _result(*args) is None:
                return None
            return signature(mask if compare else vec, *([vec] * arity))

    def lower(context, builder, sig, args):
        if compare:
            return builder.fcmp_unordered(compare, *args) if compare == "!=" else builder.fcmp_ordered(compare, *args)
        return getattr(builder, method)(*args)

    lower_builtin(op, *([Vec] * arity))(lower)


def _castable() -> None:
    """Let Numba spread a number where a Vec is expected."""
    from numba.core.imputils import lower_cast
    from numba.core.typeconv import Conversion

    def can_convert_from(self, typingctx, other):
        return Conversion.safe if isinstance(other, types.Number) else None

    Vec.can_convert_from = can_convert_from

    @lower_cast(types.Number, Vec)
    def _cast(context, builder, fromty, toty, value):
        return widen(context, builder, value, fromty, toty)


_castable()
for _op, _method in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _register(_op, 2, _method)
_register(operator.neg, 1, "fneg")
for _op, _sign in (
    (operator.lt, "<"),
    (operator.le, "<="),
    (operator.gt, ">"),
    (operator.ge, ">="),
    (operator.eq, "=="),
    (operator.ne, "!="),
):
    _register(_op, 2, "", compare=_sign)


def _llvm_name(name, type_):
    return f"llvm.{name}.v{LANES}f64" if isinstance(type_, Vec) else f"llvm.{name}.f64"


def call_llvm(context, builder, name, args, type_):
    """Call LLVM's function ``name`` on values of ``type_``."""
    ll = context.get_value_type(type_)
    fn = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ll, [ll] * len(args)), _llvm_name(name, type_))
    return builder.call(fn, args)


def _by_lane(context, builder, name, args):
    """Call LLVM's scalar ``name`` once a lane."""
    out = ir.Constant(vec.ll, ir.Undefined)
    for lane in range(LANES):
        at = ir.Constant(I32, lane)
        one = [builder.extract_element(a, at) for a in args]
        out = builder.insert_element(out, call_llvm(context, builder, name, one, types.float64), at)
    return out


def _function(name, arity, whole):
    """Make an intrinsic of LLVM's ``name``; ``whole`` when LLVM has a vector instruction for it."""

    def codegen(context, builder, sig, args):
        result = sig.return_type
        wide = [widen(context, builder, a, t, result) for a, t in zip(args, sig.args, strict=True)]
        if whole or not isinstance(result, Vec):
            return call_llvm(context, builder, name, wide, result)
        return _by_lane(context, builder, name, wide)

    if arity == 1:

        @intrinsic
        def one(typingctx, x):
            return _result(x)(x), codegen

        return one
    if arity == 2:

        @intrinsic
        def two(typingctx, x, y):
            return _result(x, y)(x, y), codegen

        return two

    @intrinsic
    def three(typingctx, x, y, z):
        return _result(x, y, z)(x, y, z), codegen

    return three


fma = _function("fma", 3, True)
sqrt = _function("sqrt", 1, True)
floor = _function("floor", 1, True)
ceil = _function("ceil", 1, True)
fabs = _function("fabs", 1, True)
log = _function("log", 1, False)
log10 = _function("log10", 1, False)
sin = _function("sin", 1, False)
cos = _function("cos", 1, False)
pow_ = _function("pow", 2, False)


def _libm(name, arity):
    """Make an intrinsic of the C library's ``name``, lane by lane."""

    def codegen(context, builder, sig, args):
        result = sig.return_type
        fn = cgutils.get_or_insert_function(builder.module, ir.FunctionType(F64, [F64] * arity), name)
        wide = [widen(context, builder, a, t, result) for a, t in zip(args, sig.args, strict=True)]
        if not isinstance(result, Vec):
            return builder.call(fn, wide)
        out = ir.Constant(vec.ll, ir.Undefined)
        for lane in range(LANES):
            at = ir.Constant(I32, lane)
            value = builder.call(fn, [builder.extract_element(a, at) for a in wide])
            out = builder.insert_element(out, value, at)
        return out

    if arity == 1:

        @intrinsic
        def one(typingctx, x):
            return _result(x)(x), codegen

        return one

    @intrinsic
    def two(typingctx, x, y):
        return _result(x, y)(x, y), codegen

    return two


tan = _libm("tan", 1)
asin = _libm("asin", 1)
acos = _libm("acos", 1)
atan = _libm("atan", 1)
sinh = _libm("sinh", 1)
cosh = _libm("cosh", 1)
tanh = _libm("tanh", 1)
atan2 = _libm("atan2", 2)
fmod_ = _libm("fmod", 2)


def _pick(predicate):
    """Smaller or larger of two; a NaN in x stays, a NaN in y is dropped."""

    @intrinsic
    def pick(typingctx, x, y):
        result = _result(x, y)

        def codegen(context, builder, sig, args):
            a, b = (widen(context, builder, v, t, result) for v, t in zip(args, sig.args, strict=True))
            return builder.select(builder.fcmp_ordered(predicate, b, a), b, a)

        return result(x, y), codegen

    return pick


minimum = _pick("<")
maximum = _pick(">")


@intrinsic
def where(typingctx, condition, a, b):
    """Choose ``a`` where ``condition`` holds, else ``b``, lane by lane."""
    wide = isinstance(condition, Mask) or isinstance(a, Vec) or isinstance(b, Vec)
    result = vec if wide else types.float64

    def codegen(context, builder, sig, args):
        x, y = (widen(context, builder, v, t, result) for v, t in zip(args[1:], sig.args[1:], strict=True))
        return builder.select(args[0], x, y)

    return result(condition, a, b), codegen


def _logic(method):
    @intrinsic
    def pair(typingctx, m, n):
        result = mask if isinstance(m, Mask) or isinstance(n, Mask) else types.boolean

        def codegen(context, builder, sig, args):
            return getattr(builder, method)(
                *(widen(context, builder, v, t, result) for v, t in zip(args, sig.args, strict=True))
            )

        return result(m, n), codegen

    return pair


both = _logic("and_")
either = _logic("or_")


@intrinsic
def negate(typingctx, m):
    """Return the mask of the lanes where ``m`` does not hold."""
    return m(m), lambda context, builder, sig, args: builder.not_(args[0])


@intrinsic
def every(typingctx, m):
    """Return whether ``m`` holds in every lane, as one boolean."""

    def codegen(context, builder, sig, args):
        if not isinstance(m, Mask):
            return args[0]
        bits = ir.IntType(LANES)
        return builder.icmp_unsigned("==", builder.bitcast(args[0], bits), ir.Constant(bits, 2**LANES - 1))

    return types.boolean(m), codegen


@intrinsic
def lanes_of(typingctx, m):
    """Return the mask as an integer, bit k for lane k (0 or 1 for a boolean)."""

    def codegen(context, builder, sig, args):
        if not isinstance(m, Mask):
            return builder.zext(args[0], I64)
        return builder.zext(builder.bitcast(args[0], ir.IntType(LANES)), I64)

    return types.int64(m), codegen


@intrinsic
def no_lane(typingctx, x):
    """Return a mask, shaped as ``x``, that holds nowhere."""
    if isinstance(x, Vec):
        return mask(x), lambda context, builder, sig, args: ir.Constant(mask.ll, [0] * LANES)
    return types.boolean(x), lambda context, builder, sig, args: context.get_constant(types.boolean, False)


@intrinsic
def splat(typingctx, x):
    """Spread a number over the lanes."""
    return vec(x), lambda context, builder, sig, args: widen(context, builder, args[0], sig.args[0], vec)


@intrinsic
def _scale_pow2(typingctx, p, t):
    """Return p * 2**k, where k stands in the low bits of t = k + 1.5 * 2**52."""

    def codegen(context, builder, sig, args):
        wide = isinstance(p, Vec)
        i64 = ir.VectorType(I64, LANES) if wide else I64
        shift = ir.Constant(i64, [52] * LANES) if wide else ir.Constant(i64, 52)
        k = builder.shl(builder.bitcast(args[1], i64), shift)
        return builder.bitcast(builder.add(builder.bitcast(args[0], i64), k), context.get_value_type(p))

    return p(p, t), codegen


@njit(forceinline=True, error_model="numpy")
def exp(x):
    """e**x; 0 below -700 and exp(700) above 700, as in NMODL. NaN gives NaN."""
    y = maximum(minimum(x, 700.0), -708.0)
    t = fma(y, 1.4426950408889634, 6755399441055744.0)
    k = t - 6755399441055744.0
    r = fma(k, -0.6931471805599453, y)
    r = fma(k, -2.3190468138462996e-17, r)
    r2 = r * r
    e = fma(2.7630306208172274e-07, r2, 2.480149294975501e-05)
    e = fma(fma(fma(e, r2, 0.0013888888943759845), r2, 0.041666666666529725), r2, 0.5000000000000011)
    o = fma(2.5000013913453016e-08, r2, 2.7557586818266117e-06)
    o = fma(fma(fma(o, r2, 0.0001984126950575929), r2, 0.008333333333494983), r2, 0.1666666666666641)
    # Below -700 y*0 + 0 is +0, and for a NaN it is NaN whatever the bits of its payload.
    return where(x >= -700.0, _scale_pow2(fma(fma(o, r, e), r2, r) + 1.0, t), fma(y, 0.0, 0.0))


def as_int64(context, builder, value, type_):
    """Cast an integer of any Numba type."""
    return context.cast(builder, value, type_, types.int64)


@intrinsic
def lane(typingctx, x, k):
    """Return lane k of a Vec."""
    return types.float64(x, k), lambda context, builder, sig, args: builder.extract_element(
        args[0], as_int64(context, builder, args[1], sig.args[1])
    )


@intrinsic
def with_lane(typingctx, x, k, value):
    """Return a Vec with lane k replaced."""
    return vec(x, k, value), lambda context, builder, sig, args: builder.insert_element(
        args[0], args[2], as_int64(context, builder, args[1], sig.args[1])
    )
