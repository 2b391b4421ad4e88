// SPDX-License-Identifier: MIT
// Every operation on one instruction set, OCTAVO_ISA. It is compiled and never runs: the test looks at the symbols
// of the object (support/symbols.cmake). Functions here have internal linkage, or are forced inline. Types that
// operations are instantiated with do not: the instantiations would have it too, and go unseen.
#include "octavo/octavo.hpp"
#include "octavo/storage/pack_codes.hpp"

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

/// A vector of a value for each feature, or of positions.
template <class T>
struct channels {
  T const* values;
  octavo::index count;
  [[nodiscard, gnu::always_inline]] T const* data() const noexcept { return values; }
  [[nodiscard, gnu::always_inline]] octavo::index size() const noexcept { return count; }
};

}  // namespace symbols

namespace {

using a8_tensor = scheme<symmetric<int8>, per_tensor>;
using w8_columns = scheme<symmetric<int8>, per_column>;
using w8_affine_columns = scheme<affine<uint8>, per_column>;
using nuq2 = scheme<affine_codebook<codebook<2>, scale_as<f16>>, per_channel_group<32>>;
using nuq2_values = scheme<affine_codebook<codebook<2>, scale_as<f16>>, per_token>;
using nf4_tensor = scheme<symmetric<nf4, scale_as<bf16>>, per_tensor>;

using p_log2 = scheme<symmetric<log2_format<4>>, per_tensor>;
using p_adalog = scheme<adalog<4, log_zero::extra>, per_tensor>;
using p_e4m3 = scheme<symmetric<e4m3>, per_tensor>;

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
  dequantize(copy, m, on<A>());
  dequantize_row(copy, 0, m.data());
  quantized_matrix_view<W> view;
  view = quantized_matrix_view<W>(w.data(), w.size_bytes(), w.rows(), w.cols());
  if constexpr (std::is_same_v<A, default_arch>) { dequantize(view, m); }
  m(0, 0) = view.scale_at(0, 0) + static_cast<float>(view.zero_at(0, 0)) + view.minimum_at(0, 0) +
            static_cast<float>(view.code_at(0, 0));
  return w;
}

/// Weights whose codes are there.
template <class W>
void given(symbols::dense& m) {
  auto const w = pack_codes<W>(
      m.rows(), m.cols(), [](octavo::index, octavo::index, code * codes) __attribute__((always_inline)) {
        codes[0] = 0;
        return typename W::quantizer::params{};
      });
  m(0, 0) = static_cast<float>(w.size_bytes());
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

/// Weights with a few numbers beside them.
template <class A, class S>
void outliers(symbols::dense& m, tokens_view<bf16 const> const& x, symbols::pool const& pool) {
  auto w = quantize_with_outliers<S>(m, 0.01, on<A>(pool));
  sparse_element const one{0, 0, 1.0f};
  w = outlier_matrix<S>(w.dense(), sparse_matrix(w.rows(), w.cols(), &one, 1));
  if (!can_matmul(w, x, m)) { return; }
  matmul<schemes::a8>(w, x, m, on<A>(pool));
  matmul(w, x, m, on<A>());
  sparse_matrix_view const side = w.sparse();
  outlier_matrix_view<S> const mapped(w.dense(),
                                      sparse_matrix_view(side.data(), side.size_bytes(), w.rows(), w.cols()));
  matmul<schemes::a8>(mapped, x, m, on<A>(pool));
  dequantize(w, m, on<A>(pool));
  m(0, 0) = w(0, 0) + mapped(0, 0) + static_cast<float>(w.size_bytes());
  if constexpr (std::is_same_v<A, default_arch>) { matmul(quantize_with_outliers<S>(m, 0.01), x, m); }
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
  attention<schemes::q4>(x, x, x, m, key_shift{p, 4}, smooth_queries{}, on<A>());
  attention<schemes::q4>(x, x, x, m, query_shift{p, 4}, on<A>());
  using by_sulq = attention_way<schemes::q8, scheme<sulq<4>, per_tensor>>;
  attention_by<attention_ways<by_sulq, attention_way<>>>(1, x, x, x, m, sulq<4>::from_range(0, 1, 0.005f),
                                                         query_shift{p, 4}, on<A>());
  octavo::index const offsets[] = {0, 1, 3};
  attention(x, x, x, m, ragged{offsets, offsets, 2}, block_mask{reinterpret_cast<bool const*>(p), 2, 2, 3},
            on<A>(pool));
  attention<schemes::q8, p_log2>(x, x16, x, m, ragged{offsets, offsets, 2}, causal{}, on<A>());
  attention<schemes::q8, p_adalog>(x, x, x, y16, log_base{19}, on<A>());
  attention<schemes::q8, p_e4m3>(x, x, x, m, smooth_keys{}, on<A>());
  if constexpr (std::is_same_v<A, default_arch>) { attention(x, x, x, m, attention_heads{2, 2}); }
}

/// Norms, activations, softmax and rotary embeddings, to floats and to quantized tokens.
template <class A>
void by_token(symbols::dense& m, tokens_view<bf16 const> const& x16, tokens_view<f16> y, symbols::pool const& pool) {
  symbols::channels<float> const w{m.data(), 3};
  rms_norm(m, w, y, {.epsilon = 1e-6f}, on<A>(pool));
  layer_norm(x16, w, nullptr, y, on<A>());
  add_rms_norm(m, x16, w, y, on<A>());
  add_layer_norm(m, m, nullptr, w, y, {.epsilon = 1e-6f}, on<A>());
  activate<gelu>(m, y, on<A>(pool));
  activate<gelu_tanh>(m, y, on<A>());
  activate<sigmoid>(m, y, on<A>());
  activate<relu>(m, y, on<A>());
  activate<quick_gelu>(m, y, on<A>());
  gated<silu>(m, y, on<A>());
  gated<silu>(m, x16, y, on<A>());
  softmax(m, y, {.scale = 2.0f}, on<A>());
  if constexpr (std::is_same_v<A, default_arch>) {
    rms_norm(m, w, y);
    layer_norm(m, w, w, y, norm_options{});
    activate<silu>(m, y);
    gated<silu>(m, y);
    softmax(m, y);
  }
}
/// Factors of channels, their codes, and the integer norm of those.
template <class A>
void in_integers(symbols::dense& m, tokens_view<bf16 const> const& x16, symbols::pool const& pool) {
  power_of_two_factors<> factors;
  factors.shift = channel_shifts(m.rows());
  power_of_two_factors<int8> of_signed;
  of_signed.shift = factors.shift;
  auto* const bytes = reinterpret_cast<std::uint8_t*>(m.data());
  auto* const signed_bytes = reinterpret_cast<std::int8_t*>(m.data());
  codes_view<std::uint8_t> const codes(bytes, m.rows(), m.cols(), m.rows());
  codes_view<std::int8_t> const signed_codes(signed_bytes, m.rows(), m.cols(), m.rows());
  quantize_into(codes, m, factors, on<A>(pool));
  quantize_into(signed_codes, x16, of_signed, on<A>());
  symbols::channels<float> const w{m.data(), 3};
  integer_norm norm(factors, w, nullptr, {.scale = 0.5f});
  integer_norm const copy = norm;
  norm = copy;
  integer_layer_norm(codes, norm, signed_codes, on<A>(pool));
  integer_layer_norm(signed_codes, integer_norm(of_signed, nullptr, w, {.scale = 0.5f, .zero_point = 3}), codes,
                     on<A>());
  quantized_tokens<schemes::a8> q(m.rows(), m.cols());
  quantized_tokens<schemes::a8_affine> affine_q(m.rows(), m.cols());
  integer_layer_norm(codes, norm, q, on<A>());
  integer_layer_norm(codes, norm, affine_q, on<A>());
  if constexpr (std::is_same_v<A, default_arch>) {
    quantize_into(codes, m, factors);
    integer_layer_norm(codes, norm, q);
  }
}
template <class A>
void turn(symbols::dense& m, tokens_view<bf16 const> const& x16, symbols::pool const& pool) {
  rope_table const table(4, 8, rope_yarn{.factor = 4});
  rope_table const other(4, 8, rope_llama3{}, rope_pairs::neighbours);
  symbols::channels<int> const positions{reinterpret_cast<int const*>(m.data()), 3};
  rope(as_heads(m, 2), 3, table, on<A>(pool));
  rope_into(as_heads(x16, 2), as_heads(m, 2), positions, other, on<A>());
  rope_table copy = table;
  copy = rope_table(2, 3, rope_ntk{.factor = 2});
  copy = rope_table(2, 3, rope_linear{.factor = 2});
  copy = rope_table(2, 3, rope_divided{.divisors = m.data()});
  copy = rope_table(2, 3);
  if constexpr (std::is_same_v<A, default_arch>) { rope(as_heads(m, 2), 3, copy); }
}

/// Caches: filled, forked, moved, attended to.
template <class A, class K, class V>
void cached(symbols::dense& m, symbols::pool const& pool, cache_codebooks<K, V> const& books = {}) {
  using cache_type = kv_cache<K, V>;
  cache_type cache({.head_dim = 8, .capacity = 100}, books);
  cache.append(m, m);
  append(cache, m, m, on<A>());
  cache_type fork = cache.fork();
  fork.truncate(3);
  cache_type moved = static_cast<cache_type&&>(fork);
  cache = static_cast<cache_type&&>(moved);
  m(0, 0) = cache.keys()(0, 0, 0) + cache.values()(0, 0, 0) + static_cast<float>(cache.bytes());
  cache.assign(1, [](octavo::index, octavo::index, std::byte*, std::byte*) __attribute__((always_inline)){});
  kv_cache<K, V, std::pmr::memory_resource> const other({.head_dim = 8}, books, std::pmr::get_default_resource());
  attention(m, other.keys(), cache.values(), m, on<A>());
  rope_table const table(8, 100);
  attention(m, cache.keys(), cache.values(), m, key_rope{table}, on<A>());
  cache.drop(1, 1);
  if constexpr (detail::needs_codebook<K>) {
    cache.truncate(0);
    cache.use_codebooks(other.codebooks());
  } else if constexpr (!element<K>) {
    attention<schemes::q8, schemes::p8>(m, cache.keys(), cache.values(), m, causal{}, on<A>(pool));
    if constexpr (std::is_same_v<K, schemes::k4>) {
      cache_type const* const caches[] = {&cache, &moved};
      cache_batch const batch(caches, 2);
      octavo::index const offsets[] = {0, 1, 2};
      attention(m, batch.keys(), batch.values(), m, key_rope{rope_table(8, 100)}, on<A>());
      attention<schemes::q8, schemes::p8>(m, batch.keys(), batch.values(), m, causal{},
                                          ragged{.queries = offsets, .sequences = 2}, on<A>(pool));
      if (!can_attention(m, batch.keys(), batch.values(), m)) { return; }
    }
  }
}

/// Additive codebooks, which come from a file or from calibration.
template <class A>
void additive(symbols::dense& m, tokens_view<float> const& x) {
  additive_matrix<2, 8> w;
  additive_matrix<2, 8> copy = w;
  additive_matrix<2, 8> const moved = static_cast<additive_matrix<2, 8>&&>(copy);
  copy = moved;
  w = static_cast<additive_matrix<2, 8>&&>(copy);
  if (!can_matmul(w, x, x)) { return; }
  matmul(w, x, x, on<A>());
  matmul(additive_matrix_view<1, 16>(), x, x, on<A>());
  dequantize(w, m, on<A>());
}

/// A cache by kinds of heads; tokens of other caches and of blocks.
template <class A>
void by_kinds_of_heads(heads_view<float> const& x) {
  using cache_type = razor_cache<schemes::k4, schemes::v4>;
  bool const kinds[] = {true, false};
  cache_type cache({.head_dim = 8, .kv_heads = 2, .capacity = 100}, kinds);
  cache.append(x, x, on<A>());
  cache.compress();
  cache.template attend<schemes::q8, schemes::p8>(x.read(), x, 0, on<A>());
  cache_type moved = static_cast<cache_type&&>(cache);
  cache = static_cast<cache_type&&>(moved);
}
/// Caches of a pool of blocks, and of blocks that are there.
template <class A>
void pooled(symbols::dense& m) {
  using cache_type = kv_cache<schemes::k8, schemes::v8, block_pool>;
  cache_shape const shape{.head_dim = 8, .capacity = 100};
  block_pool pool(cache_type::allocation_bytes(shape), 4);
  cache_type cache(shape, &pool);
  append(cache, m, m, on<A>());
  cache.adopt(static_cast<octavo::index>(pool.free_blocks()));
  attention<schemes::q8, schemes::p8>(m, cache.keys(), cache.values(), m, on<A>());
}
template <class A>
void imported() {
  kv_cache<schemes::k4, bf16> cache({.head_dim = 8, .capacity = 100});
  kv_cache<first_in_float<with_outliers<schemes::k2, 1>, 2>, float> other({.head_dim = 8, .capacity = 100});
  import_tokens(other, cache.keys(), cache.values(), on<A>());
  import_tokens(cache, other.keys(), other.values(), on<A>());
  block_table const none{};
  import_tokens(cache, block_table_keys<bf16>(nullptr, none, 8, 1), block_table_values<bf16>(nullptr, none, 8, 1),
                on<A>());
  if constexpr (std::is_same_v<A, default_arch>) { import_tokens(cache, other.keys(), other.values()); }
  rope_table const table(8, 100);
  shift(cache, 0, 1, table, on<A>());
  (void)make_room(cache, streaming_window{}, table, on<A>());
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
  multiply<A, schemes::a8>(packed<A, schemes::q4_k>(m, pool).view(), x, y);
  (void)packed<A, schemes::nvfp4>(m, pool);
  given<schemes::w4_g128>(m);
  given<schemes::q4_k>(m);
  attend<A>(m, x, x16, y16, pool);
  by_token<A>(m, x16, y16, pool);
  quantized_tokens<schemes::a8> codes(m.rows(), m.cols());
  add_rms_norm(m, x16, nullptr, codes, on<A>(pool));
  gated<silu>(m, codes, on<A>());
  softmax(m, codes, on<A>());
  quantized_tokens<schemes::a8> const copied = codes;
  codes = copied;
  quantized_tokens<schemes::a8_affine> affine_codes(m.rows(), m.cols());
  rms_norm(m, nullptr, affine_codes, on<A>());
  if (can_matmul(w4, codes, y)) { matmul(w4, codes, y, on<A>()); }
  in_integers<A>(m, x16, pool);
  turn<A>(m, x16, pool);
  cached<A, schemes::k4, schemes::v4>(m, pool);
  cached<A, f16, float>(m, pool);
  codebook_params<2> const book{{-1.0f, -0.3f, 0.3f, 1.0f}};
  cached<A, with_outliers<nuq2, 1>, nuq2_values>(m, pool, {.keys = {book, book}, .values = book});
  cached<A, with_outliers<schemes::k4, 1>, with_outliers<schemes::v4, 2>>(m, pool);
  cached<A, with_outliers<schemes::k2, 1>, schemes::v2>(m, pool);
  cached<A, first_in_float<with_outliers<schemes::k4, 1>, 2>, first_in_float<schemes::v4, 1>>(m, pool);
  cached<A, first_in_float<schemes::k2, 1>, schemes::v2>(m, pool);
  by_kinds_of_heads<A>(as_heads(m, 2));
  pooled<A>(m);
  additive<A>(m, y);
  imported<A>();
  outliers<A, schemes::w4_g128>(m, x16, pool);
  (void)packed<A, nf4_tensor>(m, pool);
  multiply<A, as_is>(packed<A, scheme<adalog<4>, per_group<32>>>(m, pool).view(), x, y);
  (void)packed<A, schemes::w4_affine_g<32>>(m, pool);
  multiply<A, as_is>(packed<A, scheme<codebook<4>, per_tensor>>(m, pool).view(), x, y);
  (void)packed<A, schemes::spqr<3>>(m, pool);
  fixed_matrix fixed(m, {12, 8});
  fixed_matrix const same = fixed;
  fixed = same;
  fixed_matrix_view const mapped(same.data(), same.size_bytes(), same.rows(), same.cols(), same.type());
  matmul(mapped, in_fixed(m, {16, 8}), y, on<A>(pool));
  matmul(fixed, in_fixed(m, {16, 8}), y, on<A>(pool));
  dequantize(fixed, m, on<A>(pool));
}

}  // namespace

void operations(symbols::dense& m, symbols::dense_by_rows& rows, tokens_view<bf16 const> x, tokens_view<f16> y) {
  every_operation<isa>(m, rows, x, y);
}
