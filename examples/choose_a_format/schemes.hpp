// SPDX-License-Identifier: MIT
// The schemes that are compared: one list, from which everything else follows.
#pragma once

#include <octavo/octavo.hpp>

#include <cstddef>
#include <tuple>

namespace example {

/// W: the scheme of the weights. A: that of the activations, or an element type, as which they are then read.
template <class W, class A>
struct candidate {
  using weights = W;
  using activations = A;
  char const* name;
  char const* text;
};

/// A new one is a line here. The first is what the others are compared with; it is no scheme, but Eigen's product.
inline constexpr auto candidates = [] {
  using namespace octavo::schemes;
  return std::tuple{
      candidate<float, float>{"f32", "float x float, Eigen's product"},
      candidate<w8, a8>{"w8.a8", "INT8, a scale per row x INT8 per token"},
      candidate<fp8, octavo::bf16>{"fp8.bf16", "E4M3, a scale per row x bf16"},
      candidate<w6_g<32>, a8>{"w6_g32.a8", "INT6 in groups of 32 x INT8 per token"},
      candidate<w4_min_g<32>, a8>{"q4_1.a8", "UINT4 with minima in groups of 32 x INT8 per token"},
      candidate<w4_g<32>, a8>{"w4_g32.a8", "INT4 in groups of 32 x INT8 per token"},
      candidate<w4_g<128>, a8>{"w4_g128.a8", "INT4 in groups of 128 x INT8 per token"},
      candidate<w4, a8>{"w4.a8", "INT4, a scale per row x INT8 per token"},
      candidate<mxfp4, a8>{"mxfp4.a8", "E2M1 in groups of 32, powers of two x INT8 per token"},
      candidate<nf4_g64, float>{"nf4_g64.f32", "NF4 in groups of 64 x float"},
      candidate<w3_g<32>, a8>{"w3_g32.a8", "INT3 in groups of 32 x INT8 per token"},
      candidate<mxint8, a8>{"mxint8.a8", "MXINT8 x INT8 per token"},
      candidate<mxfp8, octavo::bf16>{"mxfp8.bf16", "MXFP8, E4M3 x bf16"},
      candidate<mxfp6, a8>{"mxfp6.a8", "MXFP6, E2M3 x INT8 per token"},
      candidate<nvfp4, a8>{"nvfp4.a8", "NVFP4 x INT8 per token"},
      candidate<q6_k, a8>{"q6_K.a8", "Q6_K x INT8 per token"},
      candidate<q5_k, a8>{"q5_K.a8", "Q5_K x INT8 per token"},
      candidate<q4_k, a8>{"q4_K.a8", "Q4_K x INT8 per token"},
      candidate<octavo::schemes::iq4_nl, a8>{"iq4_nl.a8", "IQ4_NL x INT8 per token"},
      candidate<q3_k, a8>{"q3_K.a8", "Q3_K x INT8 per token"},
      candidate<nf3_g64, float>{"nf3_g64.f32", "NF3 in groups of 64 x float"},
      candidate<q2_k, a8>{"q2_K.a8", "Q2_K x INT8 per token"},
      candidate<w2_g64, a8>{"w2_g64.a8", "INT2 in groups of 64 x INT8 per token"},
      candidate<tq, a8>{"tq2_0.a8", "ternary in groups of 256 x INT8 per token"},
  };
}();
inline constexpr std::size_t candidate_count = std::tuple_size_v<decltype(candidates)>;

/// Kernels are compiled in so many translation units, beside each other: candidate i in part i % parts.
inline constexpr std::size_t parts = 6;

}  // namespace example
