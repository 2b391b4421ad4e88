// SPDX-License-Identifier: MIT
// Every operation on one instruction set, OCTAVO_ISA. It is compiled and never runs: the test looks at the symbols
// of the object (support/symbols.cmake). Functions here have internal linkage, or are forced inline. Types that
// operations are instantiated with do not: the instantiations would have it too, and go unseen.
#include "octavo/octavo.hpp"

#include <memory_resource>
#include <type_traits>

using namespace octavo;
using isa = OCTAVO_ISA;

namespace symbols {

/// Column-major floats with the accessors of an Eigen matrix.
struct dense {
  static constexpr bool IsRowMajor = false;
  float* elements;
  octavo::index row_count;
  octavo::index column_count;
  [[gnu::always_inline]] octavo::index rows() const noexcept { return row_count; }
  [[gnu::always_inline]] octavo::index cols() const noexcept { return column_count; }
  [[gnu::always_inline]] float* data() noexcept { return elements; }
  [[gnu::always_inline]] float const* data() const noexcept { return elements; }
  [[gnu::always_inline]] octavo::index innerStride() const noexcept { return 1; }
  [[gnu::always_inline]] octavo::index outerStride() const noexcept { return row_count; }
  [[gnu::always_inline]] float& operator()(octavo::index r, octavo::index c) noexcept {
    return elements[c * row_count + r];
  }
};
/// Row-major tokens, for by_rows.
struct dense_by_rows : dense {
  static constexpr bool IsRowMajor = true;
};

struct pool {
  template <class Task>
  [[gnu::always_inline]] void operator()(octavo::index n, Task const& task) const {
    for (octavo::index i = n; i-- > 0;) { task(i); }
  }
  [[gnu::always_inline]] static int concurrency() noexcept { return 2; }
};

struct add_bias {
  float const* bias;
  template <class V>
  [[gnu::always_inline]] V operator()(V acc, octavo::index row, octavo::index) const noexcept {
    return max(acc + load_like(acc, bias + row), V(0.0f));
  }
};

}  // namespace symbols

namespace {

using a8_tensor = scheme<symmetric<int8>, per_tensor>;
using w8_columns = scheme<symmetric<int8>, per_column>;
using w8_affine_columns = scheme<affine<uint8>, per_column>;
using nf4_tensor = scheme<symmetric<nf4, scale_as<bf16>>, per_tensor>;

/// Weights: packed, copied, moved, viewed, unpacked.
template <class A, class W>
quantized_matrix<W> packed(symbols::dense& m, symbols::pool const& pool) {
  quantized_matrix<W> w;
  w = quantize<W>(m, on<A>());
  if constexpr (std::is_same_v<A, default_arch>) {
    w = quantize<W>(m);
    quantize_into(w, m);
  }
  quantize_into(w, m, on<A>(pool).scratch(*std::pmr::get_default_resource()));
  quantized_matrix<W> copy = w;
  quantized_matrix<W> const moved = static_cast<quantized_matrix<W>&&>(copy);
  copy = moved;
  dequantize(copy, m);
  dequantize_row(copy, 0, m.data());
  quantized_matrix_view<W> view;
  view = quantized_matrix_view<W>(w.data(), w.size_bytes(), w.rows(), w.cols());
  dequantize(view, m);
  m(0, 0) = view.scale_at(0, 0) + static_cast<float>(view.zero_at(0, 0)) + view.minimum_at(0, 0) +
            static_cast<float>(view.code_at(0, 0));
  return w;
}

/// Weights times activations: quantized by a scheme, or of an element type.
template <class A, class Act, class W, class X, class Y>
void multiply(quantized_matrix_view<W> w, X const& x, Y const& y) {
  if (!can_matmul(w, x, y)) { return; }
  if constexpr (std::is_same_v<Act, as_is>) {
    matmul(w, x, y, on<A>());
  } else {
    matmul<Act>(w, x, y, on<A>());
  }
}

/// Attention with every option, over matrices and views.
template <class A>
void attend(symbols::dense& m, tokens_view<float> const& x, tokens_view<bf16 const> const& x16,
            tokens_view<f16> const& y16, symbols::pool const& pool) {
  float* const p = m.data();
  attention(x, x, x, m, causal{}, {.query_heads = 4, .kv_heads = 2}, on<A>(pool));
  attention(x, x16, x, as_heads(y16, 1), sliding_window{.left = 8}, softmax_scale{1.0f}, soft_cap{50.0f}, alibi{p},
            additive_bias<bf16>{x16.data(), 3}, boolean_mask{reinterpret_cast<bool const*>(p), 3}, sink_logits{p},
            log_sum_exp{p, 3}, on<A>());
  if (!can_attention(x, x16, x, y16)) { return; }
  attention<schemes::q8, schemes::p8>(x, x16, x, y16, causal{}, smooth_keys{}, smooth_values{}, on<A>());
  attention<schemes::q4>(x, x, x, m, key_shift{p, 4}, on<A>());
  if constexpr (std::is_same_v<A, default_arch>) { attention(x, x, x, m, attention_heads{2, 2}); }
}

template <class A>
void every_operation(symbols::dense& m, symbols::dense_by_rows& rows, tokens_view<bf16 const> x16,
                     tokens_view<f16> y16) {
  symbols::pool const pool{};
  auto const x = by_rows(rows);
  tokens_view<float> y;
  y = as_tokens(m);
  auto const w4 = packed<A, schemes::w4_g128>(m, pool);
  multiply<A, schemes::a8>(w4.view(), x, y);
  matmul<schemes::a8>(w4, x, y, symbols::add_bias{m.data()}, on<A>(pool));
  if constexpr (std::is_same_v<A, default_arch>) { matmul<schemes::a8>(w4, m, m); }
  multiply<A, schemes::a8_affine>(packed<A, schemes::mxfp4>(m, pool).view(), x, y);
  multiply<A, a8_tensor>(packed<A, w8_columns>(m, pool).view(), x, y);
  multiply<A, as_is>(packed<A, w8_affine_columns>(m, pool).view(), x, y);
  multiply<A, schemes::a8>(packed<A, schemes::nf4_g64>(m, pool).view(), x, y);
  multiply<A, as_is>(packed<A, schemes::fp8>(m, pool).view(), x16, y16);
  auto const w4_min = packed<A, schemes::w4_min_g<32>>(m, pool);
  multiply<A, schemes::a8>(w4_min.view(), x, y);
  multiply<A, as_is>(w4_min.view(), x16, y16);
  attend<A>(m, x, x16, y16, pool);
  (void)packed<A, nf4_tensor>(m, pool);
  multiply<A, as_is>(packed<A, scheme<adalog<4>, per_group<32>>>(m, pool).view(), x, y);
  (void)packed<A, schemes::w4_affine_g<32>>(m, pool);
}

}  // namespace

void operations(symbols::dense& m, symbols::dense_by_rows& rows, tokens_view<bf16 const> x, tokens_view<f16> y) {
  every_operation<isa>(m, rows, x, y);
}
