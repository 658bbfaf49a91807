"""SIMD lanes for Numba: the type ``Vec``, its masks, and the dialect of generated code on them.

A ``Vec`` is LLVM's ``<8 x double>``; a ``Mask`` is ``<8 x i1>``. LLVM maps them to one AVX-512 register, two AVX2
registers or four NEON registers. Every operation acts lane by lane with the scalar's rounding: nothing here allows
LLVM to contract a multiplication and an addition, so a lane's result does not depend on its neighbours, on the
width, or on the kernel it was inlined into. Where a fused operation is wanted, ``fma`` says so.

Plain float64 values are accepted everywhere a ``Vec`` is (a constant is spread over the lanes); functions of float64
arguments only give float64 by the very same operations, which is what the one-lane cable sweeps use.

Memory is addressed by integers (``load(address, element)``): generated code knows its tables, and explicit vectors
need no alias analysis. Nothing is bounds-checked; the engine's plan is.

The exponential is a degree-11 polynomial after Cody-Waite reduction, largest error seen 0.95 units in the last place;
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

_I64 = ir.IntType(64)
_I32 = ir.IntType(32)
_F64 = ir.DoubleType()


class Vec(types.Type):
    """Numba type of ``LANES`` float64 values."""

    ll = ir.VectorType(_F64, LANES)

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
    zeros = ir.Constant(ir.VectorType(_I32, LANES), [0] * LANES)
    return builder.shuffle_vector(builder.insert_element(undef, scalar, ir.Constant(_I32, 0)), undef, zeros)


def _widen(context, builder, value, from_type, to_type):
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
        return _widen(context, builder, value, fromty, toty)


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


def _call_llvm(context, builder, name, args, type_):
    ll = context.get_value_type(type_)
    fn = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ll, [ll] * len(args)), _llvm_name(name, type_))
    return builder.call(fn, args)


def _by_lane(context, builder, name, args):
    """Call LLVM's scalar ``name`` once a lane."""
    out = ir.Constant(vec.ll, ir.Undefined)
    for lane in range(LANES):
        at = ir.Constant(_I32, lane)
        one = [builder.extract_element(a, at) for a in args]
        out = builder.insert_element(out, _call_llvm(context, builder, name, one, types.float64), at)
    return out


def _function(name, arity, whole):
    """Make an intrinsic of LLVM's ``name``; ``whole`` when LLVM has a vector instruction for it."""

    def codegen(context, builder, sig, args):
        result = sig.return_type
        wide = [_widen(context, builder, a, t, result) for a, t in zip(args, sig.args, strict=True)]
        if whole or not isinstance(result, Vec):
            return _call_llvm(context, builder, name, wide, result)
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
        fn = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_F64, [_F64] * arity), name)
        wide = [_widen(context, builder, a, t, result) for a, t in zip(args, sig.args, strict=True)]
        if not isinstance(result, Vec):
            return builder.call(fn, wide)
        out = ir.Constant(vec.ll, ir.Undefined)
        for lane in range(LANES):
            at = ir.Constant(_I32, lane)
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
            a, b = (_widen(context, builder, v, t, result) for v, t in zip(args, sig.args, strict=True))
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
        x, y = (_widen(context, builder, v, t, result) for v, t in zip(args[1:], sig.args[1:], strict=True))
        return builder.select(args[0], x, y)

    return result(condition, a, b), codegen


def _logic(method):
    @intrinsic
    def pair(typingctx, m, n):
        result = mask if isinstance(m, Mask) or isinstance(n, Mask) else types.boolean

        def codegen(context, builder, sig, args):
            return getattr(builder, method)(
                *(_widen(context, builder, v, t, result) for v, t in zip(args, sig.args, strict=True))
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
            return builder.zext(args[0], _I64)
        return builder.zext(builder.bitcast(args[0], ir.IntType(LANES)), _I64)

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
    return vec(x), lambda context, builder, sig, args: _widen(context, builder, args[0], sig.args[0], vec)


@intrinsic
def _scale_pow2(typingctx, p, t):
    """Return p * 2**k, where k stands in the low bits of t = k + 1.5 * 2**52."""

    def codegen(context, builder, sig, args):
        wide = isinstance(p, Vec)
        i64 = ir.VectorType(_I64, LANES) if wide else _I64
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
    return where(x < -700.0, 0.0, _scale_pow2(fma(fma(o, r, e), r2, r) + 1.0, t))


def _pointer(builder, address, index, ll):
    base = builder.inttoptr(address, ll.as_pointer())
    return builder.gep(base, [index], inbounds=True)


def _int64(context, builder, value, type_):
    return context.cast(builder, value, type_, types.int64)


@intrinsic
def load(typingctx, address, element):
    """Load the ``LANES`` float64 values from ``element`` on of the array at ``address``."""

    def codegen(context, builder, sig, args):
        at = _pointer(builder, args[0], _int64(context, builder, args[1], sig.args[1]), _F64)
        value = builder.load(builder.bitcast(at, vec.ll.as_pointer()), typ=vec.ll)
        value.align = 8
        return value

    return vec(address, element), codegen


@intrinsic
def store(typingctx, address, element, value):
    """Store ``LANES`` float64 values from ``element`` on of the array at ``address``."""

    def codegen(context, builder, sig, args):
        at = _pointer(builder, args[0], _int64(context, builder, args[1], sig.args[1]), _F64)
        wide = _widen(context, builder, args[2], sig.args[2], vec)
        builder.store(wide, builder.bitcast(at, vec.ll.as_pointer())).align = 8
        return context.get_dummy_value()

    return types.void(address, element, value), codegen


def _load_scalar(result, ll):
    @intrinsic
    def load_one(typingctx, address, element):
        def codegen(context, builder, sig, args):
            at = _pointer(builder, args[0], _int64(context, builder, args[1], sig.args[1]), ll)
            value = builder.load(at, typ=ll)
            return builder.sext(value, _I64) if ll is _I32 else value

        return result(address, element), codegen

    return load_one


load_one = _load_scalar(types.float64, _F64)
word = _load_scalar(types.int64, _I64)
index32 = _load_scalar(types.int64, _I32)


@intrinsic
def store_one(typingctx, address, element, value):
    """Store one float64 at ``element`` of the array at ``address``."""

    def codegen(context, builder, sig, args):
        at = _pointer(builder, args[0], _int64(context, builder, args[1], sig.args[1]), _F64)
        builder.store(context.cast(builder, args[2], sig.args[2], types.float64), at)
        return context.get_dummy_value()

    return types.void(address, element, value), codegen


@intrinsic
def gather(typingctx, address, indices, first):
    """Load lane k from element ``indices[first + k]`` of the array at ``address`` (int32 indices)."""

    def codegen(context, builder, sig, args):
        out = ir.Constant(vec.ll, ir.Undefined)
        start = _int64(context, builder, args[2], sig.args[2])
        for lane in range(LANES):
            here = builder.add(start, ir.Constant(_I64, lane))
            index = builder.sext(builder.load(_pointer(builder, args[1], here, _I32), typ=_I32), _I64)
            value = builder.load(_pointer(builder, args[0], index, _F64), typ=_F64)
            out = builder.insert_element(out, value, ir.Constant(_I32, lane))
        return out

    return vec(address, indices, first), codegen


def _each_lane(context, builder, sig, args, update):
    """Call ``update(pointer, lane)`` for element ``indices[first + lane]`` of every lane in turn."""
    start = _int64(context, builder, args[2], sig.args[2])
    for lane in range(LANES):
        here = builder.add(start, ir.Constant(_I64, lane))
        index = builder.sext(builder.load(_pointer(builder, args[1], here, _I32), typ=_I32), _I64)
        update(_pointer(builder, args[0], index, _F64), ir.Constant(_I32, lane))


@intrinsic
def scatter(typingctx, address, indices, first, value):
    """Store lane k to element ``indices[first + k]`` of the array at ``address``, in lane order."""

    def codegen(context, builder, sig, args):
        wide = _widen(context, builder, args[3], sig.args[3], vec)
        _each_lane(context, builder, sig, args, lambda at, k: builder.store(builder.extract_element(wide, k), at))
        return context.get_dummy_value()

    return types.void(address, indices, first, value), codegen


@intrinsic
def scatter_add(typingctx, address, indices, first, value):
    """Add lane k to element ``indices[first + k]``, in lane order; equal indices accumulate."""

    def codegen(context, builder, sig, args):
        wide = _widen(context, builder, args[3], sig.args[3], vec)

        def update(at, k):
            builder.store(builder.fadd(builder.load(at, typ=_F64), builder.extract_element(wide, k)), at)

        _each_lane(context, builder, sig, args, update)
        return context.get_dummy_value()

    return types.void(address, indices, first, value), codegen


@intrinsic
def scatter_fma(typingctx, address, indices, first, a, b):
    """Add the product a * b (one rounding) lane by lane, as ``scatter_add``."""

    def codegen(context, builder, sig, args):
        x, y = (_widen(context, builder, args[n], sig.args[n], vec) for n in (3, 4))

        def update(at, k):
            one = [builder.extract_element(x, k), builder.extract_element(y, k), builder.load(at, typ=_F64)]
            builder.store(_call_llvm(context, builder, "fma", one, types.float64), at)

        _each_lane(context, builder, sig, args, update)
        return context.get_dummy_value()

    return types.void(address, indices, first, a, b), codegen


@intrinsic
def lane(typingctx, x, k):
    """Return lane k of a Vec."""
    return types.float64(x, k), lambda context, builder, sig, args: builder.extract_element(
        args[0], _int64(context, builder, args[1], sig.args[1])
    )


@intrinsic
def with_lane(typingctx, x, k, value):
    """Return a Vec with lane k replaced."""
    return vec(x, k, value), lambda context, builder, sig, args: builder.insert_element(
        args[0], args[2], _int64(context, builder, args[1], sig.args[1])
    )


@intrinsic
def load_like(typingctx, address, element, like):
    """Load a Vec or a float64, as ``like`` is."""
    wide = isinstance(like, Vec)
    result = vec if wide else types.float64

    def codegen(context, builder, sig, args):
        at = _pointer(builder, args[0], _int64(context, builder, args[1], sig.args[1]), _F64)
        if not wide:
            return builder.load(at, typ=_F64)
        value = builder.load(builder.bitcast(at, vec.ll.as_pointer()), typ=vec.ll)
        value.align = 8
        return value

    return result(address, element, like), codegen


@intrinsic
def store_like(typingctx, address, element, value):
    """Store a Vec or a float64, as ``value`` is."""
    wide = isinstance(value, Vec)

    def codegen(context, builder, sig, args):
        at = _pointer(builder, args[0], _int64(context, builder, args[1], sig.args[1]), _F64)
        if wide:
            builder.store(args[2], builder.bitcast(at, vec.ll.as_pointer())).align = 8
        else:
            builder.store(args[2], at)
        return context.get_dummy_value()

    return types.void(address, element, value), codegen


@njit(forceinline=True, error_model="numpy")
def lookup(table, column, columns, x, low, per_step, count):
    """Interpolate column ``column`` of the table at address ``table`` linearly at x, clamped at both ends.

    The table has ``count + 1`` rows of ``columns`` float64 values, row k for x = low + k / per_step. NaN gives NaN.
    """
    xi = (x - low) * per_step
    at = maximum(minimum(floor(xi), count - 1.0), 0.0)
    at = where(at == at, at, 0.0)
    here, after = _two_rows(table, column, columns, at)
    between = here + (xi - at) * (after - here)
    return where(xi <= 0.0, here, where(xi >= count * 1.0, after, between))


@intrinsic
def _two_rows(typingctx, table, column, columns, row):
    result = types.UniTuple(row if isinstance(row, Vec) else types.float64, 2)

    def codegen(context, builder, sig, args):
        addr, column_, columns_, rows = args
        column_ = _int64(context, builder, column_, sig.args[1])
        columns_ = _int64(context, builder, columns_, sig.args[2])

        def pair(one_row):
            first = builder.add(builder.mul(builder.fptosi(one_row, _I64), columns_), column_)
            second = builder.add(first, columns_)
            return [builder.load(_pointer(builder, addr, k, _F64), typ=_F64) for k in (first, second)]

        if not isinstance(row, Vec):
            return context.make_tuple(builder, result, pair(rows))
        both_rows = [ir.Constant(vec.ll, ir.Undefined)] * 2
        for lane in range(LANES):
            at = ir.Constant(_I32, lane)
            values = pair(builder.extract_element(rows, at))
            both_rows = [builder.insert_element(v, x, at) for v, x in zip(both_rows, values, strict=True)]
        return context.make_tuple(builder, result, both_rows)

    return result(table, column, columns, row), codegen


_KERNEL = ir.FunctionType(ir.VoidType(), [_I64, _I64, _I64, _F64, _F64])


@intrinsic
def call_kernel(typingctx, address, context_address, first, last, t, dt):
    """Call the C function at ``address`` as ``kernel(context, first, last, t, dt)``."""

    def codegen(context, builder, sig, args):
        fn = builder.inttoptr(args[0], _KERNEL.as_pointer())
        builder.call(fn, args[1:])
        return context.get_dummy_value()

    sig = types.void(types.int64, types.int64, types.int64, types.int64, types.float64, types.float64)
    return sig, codegen


KERNEL_SIGNATURE = types.void(types.int64, types.int64, types.int64, types.float64, types.float64)
