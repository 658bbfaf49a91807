"""Memory for the SIMD lanes: loading, storing, gathering, scattering, tables, and calls by address.

Memory is addressed by integers (``load(address, element)``): generated code knows its tables, and explicit vectors
need no alias analysis. Nothing is checked here; the engine's plan decides every index.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,misc,untyped-decorator"
from __future__ import annotations

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.extending import intrinsic

from neurosim.kernels.simd import (
    F64,
    I32,
    I64,
    LANES,
    Vec,
    as_int64,
    call_llvm,
    floor,
    maximum,
    minimum,
    vec,
    where,
    widen,
)


def _pointer(builder, address, index, ll):
    base = builder.inttoptr(address, ll.as_pointer())
    return builder.gep(base, [index], inbounds=True)


@intrinsic
def load(typingctx, address, element):
    """Load the ``LANES`` float64 values from ``element`` on of the array at ``address``."""

    def codegen(context, builder, sig, args):
        at = _pointer(builder, args[0], as_int64(context, builder, args[1], sig.args[1]), F64)
        value = builder.load(builder.bitcast(at, vec.ll.as_pointer()), typ=vec.ll)
        value.align = 8
        return value

    return vec(address, element), codegen


@intrinsic
def store(typingctx, address, element, value):
    """Store ``LANES`` float64 values from ``element`` on of the array at ``address``."""

    def codegen(context, builder, sig, args):
        at = _pointer(builder, args[0], as_int64(context, builder, args[1], sig.args[1]), F64)
        wide = widen(context, builder, args[2], sig.args[2], vec)
        builder.store(wide, builder.bitcast(at, vec.ll.as_pointer())).align = 8
        return context.get_dummy_value()

    return types.void(address, element, value), codegen


def _load_scalar(result, ll):
    @intrinsic
    def load_one(typingctx, address, element):
        def codegen(context, builder, sig, args):
            at = _pointer(builder, args[0], as_int64(context, builder, args[1], sig.args[1]), ll)
            value = builder.load(at, typ=ll)
            return builder.sext(value, I64) if ll is I32 else value

        return result(address, element), codegen

    return load_one


load_one = _load_scalar(types.float64, F64)
word = _load_scalar(types.int64, I64)
index32 = _load_scalar(types.int64, I32)


@intrinsic
def store_one(typingctx, address, element, value):
    """Store one float64 at ``element`` of the array at ``address``."""

    def codegen(context, builder, sig, args):
        at = _pointer(builder, args[0], as_int64(context, builder, args[1], sig.args[1]), F64)
        builder.store(context.cast(builder, args[2], sig.args[2], types.float64), at)
        return context.get_dummy_value()

    return types.void(address, element, value), codegen


@intrinsic
def gather(typingctx, address, indices, first):
    """Load lane k from element ``indices[first + k]`` of the array at ``address`` (int32 indices)."""

    def codegen(context, builder, sig, args):
        out = ir.Constant(vec.ll, ir.Undefined)
        start = as_int64(context, builder, args[2], sig.args[2])
        for lane in range(LANES):
            here = builder.add(start, ir.Constant(I64, lane))
            index = builder.sext(builder.load(_pointer(builder, args[1], here, I32), typ=I32), I64)
            value = builder.load(_pointer(builder, args[0], index, F64), typ=F64)
            out = builder.insert_element(out, value, ir.Constant(I32, lane))
        return out

    return vec(address, indices, first), codegen


def _each_lane(context, builder, sig, args, update):
    """Call ``update(pointer, lane)`` for element ``indices[first + lane]`` of every lane in turn."""
    start = as_int64(context, builder, args[2], sig.args[2])
    for lane in range(LANES):
        here = builder.add(start, ir.Constant(I64, lane))
        index = builder.sext(builder.load(_pointer(builder, args[1], here, I32), typ=I32), I64)
        update(_pointer(builder, args[0], index, F64), ir.Constant(I32, lane))


@intrinsic
def scatter(typingctx, address, indices, first, value):
    """Store lane k to element ``indices[first + k]`` of the array at ``address``, in lane order."""

    def codegen(context, builder, sig, args):
        wide = widen(context, builder, args[3], sig.args[3], vec)
        _each_lane(context, builder, sig, args, lambda at, k: builder.store(builder.extract_element(wide, k), at))
        return context.get_dummy_value()

    return types.void(address, indices, first, value), codegen


@intrinsic
def scatter_add(typingctx, address, indices, first, value):
    """Add lane k to element ``indices[first + k]``, in lane order; equal indices accumulate."""

    def codegen(context, builder, sig, args):
        wide = widen(context, builder, args[3], sig.args[3], vec)

        def update(at, k):
            builder.store(builder.fadd(builder.load(at, typ=F64), builder.extract_element(wide, k)), at)

        _each_lane(context, builder, sig, args, update)
        return context.get_dummy_value()

    return types.void(address, indices, first, value), codegen


@intrinsic
def scatter_fma(typingctx, address, indices, first, a, b):
    """Add the product a * b (one rounding) lane by lane, as ``scatter_add``."""

    def codegen(context, builder, sig, args):
        x, y = (widen(context, builder, args[n], sig.args[n], vec) for n in (3, 4))

        def update(at, k):
            one = [builder.extract_element(x, k), builder.extract_element(y, k), builder.load(at, typ=F64)]
            builder.store(call_llvm(context, builder, "fma", one, types.float64), at)

        _each_lane(context, builder, sig, args, update)
        return context.get_dummy_value()

    return types.void(address, indices, first, a, b), codegen


@intrinsic
def load_like(typingctx, address, element, like):
    """Load a Vec or a float64, as ``like`` is."""
    wide = isinstance(like, Vec)
    result = vec if wide else types.float64

    def codegen(context, builder, sig, args):
        at = _pointer(builder, args[0], as_int64(context, builder, args[1], sig.args[1]), F64)
        if not wide:
            return builder.load(at, typ=F64)
        value = builder.load(builder.bitcast(at, vec.ll.as_pointer()), typ=vec.ll)
        value.align = 8
        return value

    return result(address, element, like), codegen


@intrinsic
def store_like(typingctx, address, element, value):
    """Store a Vec or a float64, as ``value`` is."""
    wide = isinstance(value, Vec)

    def codegen(context, builder, sig, args):
        at = _pointer(builder, args[0], as_int64(context, builder, args[1], sig.args[1]), F64)
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
        column_ = as_int64(context, builder, column_, sig.args[1])
        columns_ = as_int64(context, builder, columns_, sig.args[2])

        def pair(one_row):
            first = builder.add(builder.mul(builder.fptosi(one_row, I64), columns_), column_)
            second = builder.add(first, columns_)
            return [builder.load(_pointer(builder, addr, k, F64), typ=F64) for k in (first, second)]

        if not isinstance(row, Vec):
            return context.make_tuple(builder, result, pair(rows))
        both_rows = [ir.Constant(vec.ll, ir.Undefined)] * 2
        for lane in range(LANES):
            at = ir.Constant(I32, lane)
            values = pair(builder.extract_element(rows, at))
            both_rows = [builder.insert_element(v, x, at) for v, x in zip(both_rows, values, strict=True)]
        return context.make_tuple(builder, result, both_rows)

    return result(table, column, columns, row), codegen


_KERNEL = ir.FunctionType(ir.VoidType(), [I64, I64, I64, F64, F64])


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
"""What ``call_kernel`` calls."""

_RECEIVER = ir.FunctionType(ir.VoidType(), [I64, I64, I64, F64, F64, F64, I64])


@intrinsic
def call_receiver(typingctx, address, context_address, place, args_address, t, flag, dt, out_address):
    """Call the C function at ``address`` as ``receiver(context, place, arguments, t, flag, dt, effects)``."""

    def codegen(context, builder, sig, args):
        fn = builder.inttoptr(args[0], _RECEIVER.as_pointer())
        builder.call(fn, args[1:])
        return context.get_dummy_value()

    i, f = types.int64, types.float64
    return types.void(i, i, i, i, f, f, f, i), codegen


RECEIVER_SIGNATURE = types.void(
    types.int64, types.int64, types.int64, types.float64, types.float64, types.float64, types.int64
)
"""What ``call_receiver`` calls: context, place of the instance, addresses of arguments and effects (three numbers
each)."""


@intrinsic
def store_index32(typingctx, address, element, value):
    """Store an int32 at ``element`` of the array at ``address``."""

    def codegen(context, builder, sig, args):
        at = _pointer(builder, args[0], as_int64(context, builder, args[1], sig.args[1]), I32)
        builder.store(context.cast(builder, args[2], sig.args[2], types.int32), at)
        return context.get_dummy_value()

    return types.void(address, element, value), codegen


@intrinsic
def store_word(typingctx, address, element, value):
    """Store an int64 at ``element`` of the array at ``address``."""

    def codegen(context, builder, sig, args):
        at = _pointer(builder, args[0], as_int64(context, builder, args[1], sig.args[1]), I64)
        builder.store(context.cast(builder, args[2], sig.args[2], types.int64), at)
        return context.get_dummy_value()

    return types.void(address, element, value), codegen


@intrinsic
def reallocate(typingctx, address, size):
    """Return the address of ``size`` bytes with what was at ``address`` (0: nothing): C's ``realloc``."""

    def codegen(context, builder, sig, args):
        pointer = ir.IntType(8).as_pointer()
        fn = cgutils.get_or_insert_function(builder.module, ir.FunctionType(pointer, [pointer, I64]), "realloc")
        old = builder.inttoptr(args[0], pointer)
        return builder.ptrtoint(builder.call(fn, [old, as_int64(context, builder, args[1], sig.args[1])]), I64)

    return types.int64(address, size), codegen
