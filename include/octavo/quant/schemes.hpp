// SPDX-License-Identifier: MIT
// The schemes that benchmarks, examples and papers name: w8, w4_g128, a8, mxfp4, nf4_g64 and so on.
#pragma once

#include "octavo/format/codebook.hpp"
#include "octavo/format/integer.hpp"
#include "octavo/format/minifloat.hpp"
#include "octavo/quant/affine.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/scheme.hpp"
#include "octavo/quant/symmetric.hpp"

namespace octavo {
inline namespace v0 {
namespace schemes {

// Activations, one scale per token.
using a8 = scheme<symmetric<int8>, per_token>;
using a8_affine = scheme<affine<uint8>, per_token>;

// Attention: queries and keys; probabilities, whose largest is 1.
using q8 = scheme<symmetric<int8>, per_token>;
using q4 = scheme<symmetric<int4>, per_token>;
using p8 = scheme<symmetric<uint8>, per_tensor>;

// Integer weights, one f32 scale per row; or groups of G along k with f16 scales.
using w8 = scheme<symmetric<int8>, per_row>;
using w4 = scheme<symmetric<int4>, per_row>;
using w2 = scheme<symmetric<int2, full>, per_row>;
template <int G>
using w8_g = scheme<symmetric<int8, scale_as<f16>>, per_group<G>>;
template <int G>
using w4_g = scheme<symmetric<int4, scale_as<f16>>, per_group<G>>;
template <int G>
using w2_g = scheme<symmetric<int2, full, scale_as<f16>>, per_group<G>>;
using w4_g128 = w4_g<128>;
using w4_g32 = w4_g<32>;
using w2_g64 = w2_g<64>;
template <int G>
using w4_affine_g = scheme<affine<uint4, scale_as<f16>>, per_group<G>>;
template <int G>
using w4_min_g = scheme<affine_min<uint4, scale_as<f16>>, per_group<G>>;

// Floating-point weights.
using fp8 = scheme<symmetric<e4m3>, per_row>;
using fp8_e5m2 = scheme<symmetric<e5m2>, per_row>;
using mxfp4 = scheme<symmetric<e2m1, scale_as<e8m0>>, per_group<32>>;
using nf4_g64 = scheme<symmetric<nf4, scale_as<f16>>, per_group<64>>;

}  // namespace schemes
}  // namespace v0
}  // namespace octavo
