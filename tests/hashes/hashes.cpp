// SPDX-License-Identifier: MIT
// Prints `case hash` lines of the outputs of every operation: the same lines whatever the compiler, its flags, the
// instruction set. OCTAVO_HASH_ARCH names the instruction set, such as octavo::scalar. OCTAVO_HASH_CASES is 0 for
// products of integers, 1 for a case of each kind, 2 for all.
#include "octavo/octavo.hpp"

#include "support/matrix.hpp"
#include "support/user_quantizer.hpp"

#include <bit>
#include <cinttypes>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace {

using namespace octavo::schemes;
using octavo::as_is;
using octavo::bf16;
using octavo::f16;
using arch = OCTAVO_HASH_ARCH;

class fnv {
 public:
  void add(std::uint32_t x) {
    for (int i = 0; i < 4; ++i) { state_ = (state_ ^ (x >> (8 * i) & 0xffu)) * 0x100000001b3u; }
  }
  [[nodiscard]] std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325u;
};

template <class S, class A, class X = float, class Y = float>
void print(char const* name) {
  struct shape {
    octavo::index rows, cols, tokens;
  };
  for (shape const& s : {shape{1, 1, 1}, shape{65, 75, 1}, shape{17, 200, 2}, shape{130, 33, 7}, shape{64, 128, 19},
                         shape{31, 1000, 9}, shape{70, 530, 53}}) {
    test::matrix<float> weights(s.rows, s.cols, 1);
    test::matrix<X> x(s.cols, s.tokens, 2);
    if (s.tokens == 7) {  // a row and a token of NaN, a group and a token of zeros
      weights(3, 5) = __builtin_nanf("");
      x(4, 1) = X(__builtin_inff());
      for (octavo::index k = 0; k < s.cols; ++k) {
        weights(5, k) = 0.0f;
        x(k, 2) = X(0.0f);
        weights(6, k) *= 0x1p-130f;
        x(k, 3) = X(static_cast<float>(x(k, 3)) * 0x1p-110f);
      }
    }
    auto const w = octavo::quantize<S>(weights, octavo::on<arch>());
    test::matrix<Y> y(s.rows, s.tokens);
    // A product before the sum: contraction must not see it.
    octavo::matmul<A>(w, x, y, octavo::on<arch>(), [&](auto acc, octavo::index row, octavo::index) {
      return acc + octavo::load_like(acc, weights.data() + row);
    });
    fnv hash;
    for (octavo::index i = 0; i < w.size_bytes(); i += 4) {
      hash.add(static_cast<std::uint32_t>(w.data()[i]) | static_cast<std::uint32_t>(w.data()[i + 1]) << 8 |
               static_cast<std::uint32_t>(w.data()[i + 2]) << 16 | static_cast<std::uint32_t>(w.data()[i + 3]) << 24);
    }
    for (octavo::index i = 0; i < s.rows * s.tokens; ++i) {
      auto const v = static_cast<float>(y.data()[i]);
      hash.add(std::isnan(v) ? 0x7fc00000u : std::bit_cast<std::uint32_t>(v));
    }
    std::printf("%s.%tdx%tdx%td %016" PRIx64 "\n", name, s.rows, s.cols, s.tokens, hash.value());
  }
}

/// Attention by schemes S and P, every option that computes among the others, and More.
template <class S, class P, class... More>
void print_attention(char const* name) {
  constexpr octavo::index d = 24;
  constexpr octavo::index keys = 530;
  test::matrix<float> const q(4 * d, 21, 3);
  test::matrix<float> const k(2 * d, keys, 4);
  test::matrix<float> const v(2 * d, keys, 5);
  test::matrix<float> const bias(keys, 21, 6);
  float const slopes[4] = {0.5f, 0.25f, 0.125f, 0.0625f};
  test::matrix<float> out(4 * d, 21);
  test::matrix<float> lse(21, 4);
  octavo::attention<S, P>(q, k, v, out, octavo::causal{}, {.query_heads = 4, .kv_heads = 2}, octavo::soft_cap{4.0f},
                          octavo::alibi{slopes}, octavo::additive_bias<float>{bias.data(), keys},
                          octavo::sink_logits{slopes}, octavo::log_sum_exp{lse.data(), 21}, More{}...,
                          octavo::on<arch>());
  fnv hash;
  for (octavo::index i = 0; i < 4 * d * 21; ++i) { hash.add(std::bit_cast<std::uint32_t>(out.data()[i])); }
  for (octavo::index i = 0; i < 4 * 21; ++i) { hash.add(std::bit_cast<std::uint32_t>(lse.data()[i])); }
  std::printf("%s %016" PRIx64 "\n", name, hash.value());
}

/// Norms, activations, softmax and rotary embeddings, of elements T.
template <class T>
void print_by_token(char const* name) {
  using namespace octavo;
  constexpr octavo::index n = 206;
  test::matrix<T> x(n, 3, 7);
  x(5, 2) = T(-30.0f);
  std::vector<float> const weight = test::values(n, 8);
  fnv hash;
  auto const add = [&](auto const& m) {
    for (octavo::index i = 0; i < m.rows() * m.cols(); ++i) {
      hash.add(std::bit_cast<std::uint32_t>(static_cast<float>(m.data()[i])));
    }
  };
  auto const take = [&](auto const& op) {
    test::matrix<T> y(n, 3);
    op(y);
    add(y);
  };
  take([&](auto& y) { layer_norm(x, weight, weight, y, on<arch>()); });
  take([&](auto& y) { layer_norm(x, nullptr, weight, y, on<arch>()); });
  take([&](auto& y) { activate<silu>(x, y, on<arch>()); });
  take([&](auto& y) { activate<gelu>(x, y, on<arch>()); });
  take([&](auto& y) { activate<gelu_tanh>(x, y, on<arch>()); });
  take([&](auto& y) { softmax(x, y, {.scale = 0.3f}, on<arch>()); });
  test::matrix<float> half(n / 2, 3);
  gated<silu>(x, half, on<arch>());
  add(half);
  quantized_tokens<a8> q(n, 3);
  auto residual = test::columns(x, 0, 3);
  add_rms_norm(residual, x, weight, q, {.epsilon = 1e-6f, .weight_offset = 1.0f}, on<arch>());
  add(residual);
  for (octavo::index t = 0; t < 3; ++t) {
    hash.add(std::bit_cast<std::uint32_t>(q.view().scale(t)));
    for (octavo::index k = 0; k < n; ++k) { hash.add(static_cast<std::uint32_t>(q.view().codes(t)[k])); }
  }
  rope_table const halves(100, 2000, rope_yarn{.factor = 4});
  rope_table const neighbours(102, 2000, rope_llama3{}, rope_pairs::neighbours);
  rope(as_heads(x, 2), 1990, halves, on<arch>());
  rope(as_heads(x, 2), 3, neighbours, on<arch>());
  add(x);
  std::printf("%s %016" PRIx64 "\n", name, hash.value());
}

/// Attention over a cache of keys by K and values by V.
template <class K, class V>
void print_cached(char const* name) {
  constexpr octavo::index d = 72;
  constexpr octavo::index keys = 530;
  test::matrix<float> const q(4 * d, 5, 3);
  test::matrix<float> const k(2 * d, keys, 4);
  test::matrix<float> const v(2 * d, keys, 5);
  test::matrix<float> out(4 * d, 5);
  octavo::kv_cache<K, V> cache({.head_dim = d, .kv_heads = 2, .capacity = keys});
  cache.append(k, v);
  octavo::attention<q8, p8>(q, cache.keys(), cache.values(), out, octavo::causal{}, {.query_heads = 4},
                            octavo::on<arch>());
  fnv hash;
  for (octavo::index i = 0; i < 4 * d * 5; ++i) { hash.add(std::bit_cast<std::uint32_t>(out.data()[i])); }
  std::printf("%s %016" PRIx64 "\n", name, hash.value());
}

/// Codes by factors of channels, and their norm in integers.
void print_integer_norm() {
  using namespace octavo;
  constexpr octavo::index n = 206;
  test::matrix<float> x(n, 3, 7);
  for (octavo::index c = 0; c < n; ++c) { x(c, 1) *= static_cast<float>(c % 9); }
  auto const factors = power_of_two_factors<>::calibrate(x);
  std::vector<float> const weight = test::values(n, 8);
  integer_norm const norm(factors, weight, weight, {.scale = 0.02f, .zero_point = 3, .epsilon = 1e-6f});
  std::vector<std::uint8_t> codes(3 * n);
  std::vector<std::int8_t> y(3 * n);
  codes_view<std::uint8_t> const view(codes.data(), n, 3, n);
  quantize_into(view, x, factors, on<arch>());
  integer_layer_norm(view, norm, codes_view<std::int8_t>(y.data(), n, 3, n), on<arch>());
  fnv hash;
  for (std::size_t i = 0; i < y.size(); ++i) {
    hash.add(codes[i] | static_cast<std::uint32_t>(static_cast<std::uint8_t>(y[i])) << 8);
  }
  std::printf("integer_norm %016" PRIx64 "\n", hash.value());
}

/// Exact sums of bytes, of which most instruction sets have their own.
void print_integers() {
  print<w8, a8>("w8.a8");
  print<w4_g128, a8>("w4_g128.a8");
  print<mxfp4, a8>("mxfp4.a8");
  print<w8, a8_affine>("w8.a8_affine");
  print<octavo::scheme<octavo::affine<octavo::uint4>, octavo::per_column>, a8>("columns4.a8");
  print_integer_norm();
  if constexpr (octavo::has_fma<arch>) {
    print_attention<q8, p8, octavo::smooth_keys, octavo::smooth_queries, octavo::smooth_values>(
        "attention.q8.p8.smooth");
    print_cached<k8, v8>("attention.k8.v8");
    using k4o1 = octavo::first_in_float<octavo::with_outliers<k4, 1>, 2>;
    print_cached<k4o1, octavo::with_outliers<v4, 1>>("attention.k4o1.v4o1");
  }
}
/// Floats: products, lookups, conversions.
[[maybe_unused]] void print_floats() {
  print<fp8, as_is, bf16>("fp8.bf16");
  print<w8, as_is, f16, f16>("w8.f16");
  print_attention<as_is, as_is>("attention.f32");
  print_by_token<float>("by_token.f32");
  print_by_token<octavo::bf16>("by_token.bf16");
}
/// What differs from these only in its format.
[[maybe_unused]] void print_formats() {
  print<w4_affine_g<32>, as_is, f16, f16>("w4_affine_g32.f16");
  print<w4_g32, a8, bf16, bf16>("w4_g32.a8.bf16");
  print<w2_g64, a8>("w2_g64.a8");
  print<w4_affine_g<32>, a8_affine>("w4_affine_g32.a8_affine");
  print<w4_min_g<32>, a8>("w4_min_g32.a8");
  print<w4_min_g<32>, as_is>("w4_min_g32.f32");
  print<w4_min_g<32>, as_is, bf16>("w4_min_g32.bf16");
  print<q4_k, a8>("q4_k.a8");
  print<nvfp4, as_is, bf16>("nvfp4.bf16");
  print<w3_g<64>, a8>("w3_g64.a8");
  print<mxfp6_e3m2, as_is, bf16>("mxfp6_e3m2.bf16");
  print<fp8, as_is>("fp8.f32");
  print<nf4_g64, as_is>("nf4_g64.f32");
  print<w4_g128, as_is, bf16>("w4_g128.bf16");
  print<fp8, octavo::scheme<octavo::symmetric<octavo::e4m3>, octavo::per_token>>("fp8.fp8");
  print<octavo::scheme<octavo::affine<octavo::uint8>, octavo::per_column>, as_is>("columns8.f32");
  print<octavo::scheme<test::powers_of_two, octavo::per_group<32>>, as_is>("user.f32");
  if constexpr (octavo::has_fma<arch>) { print_cached<k2, v2>("attention.k2.v2"); }
}

}  // namespace

int main() {
  print_integers();
#if OCTAVO_HASH_CASES >= 1
  print_floats();
#endif
#if OCTAVO_HASH_CASES >= 2
  print_formats();
#endif
}
