// SPDX-License-Identifier: MIT
// What an instruction set must offer beyond xsimd: native<Family>, a struct of static functions on its registers.
#pragma once

#include "octavo/simd/arch.hpp"

namespace octavo {
inline namespace v0 {
namespace simd {

/// The intrinsics of one family of instruction sets (simd/avx512.hpp, avx2.hpp, sse42.hpp, neon64.hpp, lanes.hpp). To
/// add one: a tag in arch.hpp, this struct, and a dot product in dot.hpp; kernels come from those.
///
/// Types `ints` and `floats` are xsimd batches (or what has their operators); `lanes` is how many 32-bit numbers they
/// hold. Functions, each as the function of the same name in simd/batch.hpp:
///
///     load_bytes to_floats to_ints shift_right<N> shift_right shift_left<N> fused opaque floor sum largest
///     swap_pairs
///     shift_right_signed<N>    the sign comes in; only where there is vpdpbusd
///     minimum maximum          the second operand where either is NaN, as x86 has it
///     stream                   past the caches; only where there is such a store
///     load_f16 load_bf16, store_f16, store_bytes, store_words<T>
///     where_nan(x, a, b)       a where x is NaN, b elsewhere
///     where_less(x, y, a, b)   a where x < y, b elsewhere
///     pack_bytes(a, b, c, d)   if there: their values as bytes in order, limited to 0 ... 255
///     pack_signed(a, b, c, d)  if there: the same for -128 ... 127
///     high_words(a, b)         if there: the upper halves of the lanes of a, then of b
///     add_where_less(i, n, x, y)   i + n where x < y, i elsewhere
///     transpose(r)             as many registers as they have lanes: lane j of r[i] and lane i of r[j] change places
///     choose_bits(mask, x, y)  if there: the bits of x where the mask has them, those of y elsewhere
///     smaller_size(x, most)    if there: the smaller of |x| and most, most where x is NaN
///     load_table               16 bytes, again in each 128 bits
///     shuffle(table, codes)    table[codes[i]] for each byte, within its 128 bits; codes below 16
///     interleave_low<B>(a, b)  elements of B bytes of a and b in turns, within 128 bits; interleave_high
template <class Family>
struct native;

}  // namespace simd
}  // namespace v0
}  // namespace octavo
