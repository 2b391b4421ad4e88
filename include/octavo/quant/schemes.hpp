// SPDX-License-Identifier: MIT
// The schemes that benchmarks, examples and papers name: w8, w4_g128, a8, mxfp4, nf4_g64, bitnet and so on.
#pragma once

#include "octavo/format/codebook.hpp"
#include "octavo/format/integer.hpp"
#include "octavo/format/minifloat.hpp"
#include "octavo/quant/absmean.hpp"
#include "octavo/quant/affine.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/scheme.hpp"
#include "octavo/quant/signed_max.hpp"
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

// Keys and values of a cache.
using k8 = scheme<symmetric<int8, scale_as<f16>>, per_token>;
using k4 = scheme<affine<uint4, scale_as<f16>>, per_token_group<64>>;
using v8 = k8;
using v4 = k4;
// KIVI: keys by channel, over 32 tokens, and values by token, over 32 channels; a float minimum counts as zero point.
using k2 = scheme<affine_min<uint2, scale_as<f16>>, per_channel_group<32>>;
using v2 = scheme<affine_min<uint2, scale_as<f16>>, per_token_group<32>>;

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
using w6_g = scheme<symmetric<int6, scale_as<f16>>, per_group<G>>;
template <int G>
using w5_g = scheme<symmetric<int5, scale_as<f16>>, per_group<G>>;
template <int G>
using w3_g = scheme<signed_max<int3, scale_as<f16>>, per_group<G>>;  // the lowest of eight codes counts
template <int G>
using w4_affine_g = scheme<affine<uint4, scale_as<f16>>, per_group<G>>;
template <int G>
using w4_min_g = scheme<affine_min<uint4, scale_as<f16>>, per_group<G>>;
template <int G>
using w5_min_g = scheme<affine_min<uint5, scale_as<f16>>, per_group<G>>;

// Ternary weights: one scale for a matrix, the mean (BitNet b1.58); or groups with their absmax (as TQ2_0 of ggml).
using bitnet = scheme<absmean<ternary>, per_tensor>;
template <int G>
using ternary_g = scheme<symmetric<ternary, scale_as<f16>>, per_group<G>>;

// Floating-point weights.
using fp8 = scheme<symmetric<e4m3>, per_row>;
using fp8_e5m2 = scheme<symmetric<e5m2>, per_row>;
using nf4_g64 = scheme<symmetric<nf4, scale_as<f16>>, per_group<64>>;
using nf3_g64 = scheme<symmetric<nf3, scale_as<f16>>, per_group<64>>;
using nf2_g64 = scheme<symmetric<nf2, scale_as<f16>>, per_group<64>>;

// OCP MX 2023: 32 neighbours share a power of two, by mx_floor or another rule.
template <number_format Element, class Rule = mx_floor>
using mx = scheme<symmetric<Element, scale_as<e8m0, Rule>>, per_group<32>>;
using mxfp8 = mx<e4m3>;
using mxfp8_e5m2 = mx<e5m2>;
using mxfp6 = mx<e2m3>;
using mxfp6_e3m2 = mx<e3m2>;
using mxfp4 = mx<e2m1>;
using mxint8 = mx<fixed<8, 6>>;  // its scales are the stored ones, since elements are k / 64; code -128 is not given

// Scales that are quantized themselves (quant/two_level.hpp): N groups of a row share a scale Q::scale_type.
template <class Q, int N>
using shared_scale = scale_as<scheme<Q, per_group<N>>>;

// NVFP4: a scale in e4m3 for 16 numbers, one in f32 for the matrix, absmax / 6 / 448. QLoRA: NF4 with 8 bits for a
// scale.
using nvfp4 = scheme<symmetric<e2m1, scale_as<scheme<symmetric<e4m3>, per_tensor>>>, per_group<16>>;
using nf4_dq = scheme<symmetric<nf4, shared_scale<symmetric<uint8>, 256>>, per_group<64>>;

// LQ-LoRA: scales of 8 bits above an offset, here that of 256 groups. SpQR: scales and zeros of three bits above
// offsets that 16 rows share.
template <number_format F>
using lq_lora = scheme<symmetric<F, shared_scale<affine_min<uint8, scale_as<bf16>>, 256>>, per_group<64>>;
template <int B>
using spqr =
    scheme<affine_min<uint<B>, real_zero, scale_as<scheme<affine_min<uint3, scale_as<f16>>, per_tile<16, 1>>>>,
           per_group<16>>;

// What blocks of ggml hold (io/import_ggml.hpp). 256 numbers share an f16 scale, and one for minima.
using q2_k = scheme<affine_min<uint2, shared_scale<symmetric<uint4, scale_as<f16>>, 16>>, per_group<16>>;
using q3_k = scheme<signed_max<int3, shared_scale<signed_max<int6, scale_as<f16>>, 16>>, per_group<16>>;
using q4_k = scheme<affine_min<uint4, shared_scale<symmetric<uint6, scale_as<f16>>, 8>>, per_group<32>>;
using q5_k = scheme<affine_min<uint5, shared_scale<symmetric<uint6, scale_as<f16>>, 8>>, per_group<32>>;
using q6_k = scheme<signed_max<int6, shared_scale<signed_max<int8, scale_as<f16>>, 16>>, per_group<16>>;
using iq4_nl = scheme<symmetric<octavo::iq4_nl, scale_as<f16>>, per_group<32>>;
using iq4_xs = scheme<signed_max<octavo::iq4_nl, shared_scale<signed_max<int6, scale_as<f16>>, 8>>, per_group<32>>;
using tq = ternary_g<256>;
using nvfp4_blocks =
    scheme<symmetric<e2m1, scale_as<ue4m3>>, per_group<16>>;  // its matrix scale is a tensor beside it

}  // namespace schemes
}  // namespace v0
}  // namespace octavo
