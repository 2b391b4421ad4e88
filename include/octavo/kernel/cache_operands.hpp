// SPDX-License-Identifier: MIT
// Keys and values of a cache as attention multiplies them where they are: exact int32 sums, no page is unpacked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/kernel/activations.hpp"
#include "octavo/kernel/attention_rows.hpp"
#include "octavo/kernel/byte_weights.hpp"
#include "octavo/kernel/minima.hpp"
#include "octavo/kernel/softmax.hpp"
#include "octavo/kernel/tile.hpp"
#include "octavo/storage/kv_cache.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Registers of rows of a tile that reads pages, and its query rows: those of packed weights.
template <class A>
inline constexpr int page_registers = detail::is_avx512<A> ? 4 : simd::lanes<A> >= 8 ? 16 / simd::lanes<A> : 4;
template <class A>
inline constexpr int page_tile_rows = detail::is_scalar<A> ? 1 : page_registers<A> * simd::lanes<A> == 16 &&
        simd::lanes<A> == 4
    ? 2
    : 4;

/// Pages of a leaf.
inline constexpr index leaf_pages = leaf_keys / page_tokens;

/// S = K Q by integers: queries are quantized by Quantizer, a scale for each; keys are those of a cache by scheme K. A score
/// is t = fma(float(exact sum of group g), scale of g, t) over the groups of a key, ascending, from what minima add; then
/// times the scale of the query.
template <class A, class Quantizer, class Q, class K>
class page_keys {
  using layout = typename key_layout<K>::panel_type;
  using weights = byte_weights<A, layout, false>;
  using operand = typename weights::operand;
  static constexpr int registers = page_registers<A>;

 public:
  static constexpr index width = registers * simd::lanes<A>;
  static constexpr int tokens = page_tile_rows<A>;

  page_keys(heads_view<Q const> const& q, cache_keys<K> const& k, float factor) noexcept
      : q_(q), k_(k), factor_(factor), layout_(k.layout().panel()), segments_(layout_, longest_leaf) {}

  /// Floats of scratch, if so many rows are loaded at most.
  [[nodiscard]] index scratch(index rows) const {
    return round_up(ceil_div(product(rows, segments_.count, round_up(stride() * sizeof_operand, 64) + 8), 4) +
                        product(rows, 2), 16);
  }
  void use(float* scratch, index rows) noexcept {
    rows_ = reinterpret_cast<operand*>(scratch);
    start_ = reinterpret_cast<std::int32_t*>(rows_ + rows * segments_.count * stride());
    sums_ = reinterpret_cast<float*>(start_ + rows * segments_.count);
    factors_ = sums_ + rows * segments_.count;
    most_rows_ = rows;
  }
  void load_leaf(index head, index first, index n) noexcept {
    head_ = head;
    page_ = first / page_tokens;
    pages_ = ceil_div(n, page_tokens);
  }
  /// n rows from `first`, which count from 0 here. They stay while leaves come and go.
  void load_rows(query_rows const& rows, index first, index n) noexcept {
    constexpr index L = simd::lanes<A>;
    index const d = layout_.cols;
    for (index i = 0; i < n; ++i) {
      token_source<A, Q> const x{q_.at(rows.head(first + i), rows.query(first + i)), nullptr, d};
      range_tracker<A, Quantizer> range;
      index c = 0;
      for (; c + L <= d; c += L) { range.add(x.load(c)); }
      if (c < d) { range.add(x.load(c, d - c)); }
      auto const p = range.params();
      for (index s = 0; s < segments_.count; ++s) {
        auto const sum = quantize_segment<A, Quantizer>(x, p, segments_.first(layout_, s), segments_.present(layout_, s),
                                                        stride(), 0, nullptr, rows_ + (s * most_rows_ + i) * stride());
        constexpr std::int64_t c0 =
            layout::zero_points ? 1 : -lattice<typename layout::format>.lowest - weights::offset;
        start_[s * most_rows_ + i] = static_cast<std::int32_t>(-c0 * sum);
        sums_[s * most_rows_ + i] = static_cast<float>(sum);
      }
      float const factor = detail::opaque(Quantizer::scale(p) * factor_);
      factors_[i] = factor == 0 ? 0x1p-126f : factor;  // so that -infinity stays what it is
    }
  }
  [[nodiscard, gnu::always_inline]] float factor(index i) const noexcept { return factors_[i]; }

  template <int T>
  void multiply(index first, index b, float* scores) const noexcept {
    index const p = b * width / page_tokens;
    index const first_row = b * width % page_tokens;
    if (segments_.count == 0) {
      std::memset(scores, 0, static_cast<std::size_t>(T * width) * sizeof(float));
      return;
    }
    weight_stream w = packed_stream(layout_, segments_, k_.page(head_, page_ + p));
    // The next page, or the values of this one, which stand behind it: asked for while these are multiplied.
    std::byte const* const next = p + 1 < pages_ ? k_.page(head_, page_ + p + 1)
                                                 : k_.page(head_, page_) + layout_.panel_bytes();
    w.ahead = next + first_row * 4;
    w.ahead_stride = 64;
    w.ahead_step = layout::step_bytes;
    token_block<weights> x{};
    x.data = rows_ + first * stride();
    x.token_stride = stride();
    x.segment_stride = most_rows_ * stride();
    x.start = start_ + first;
    x.start_stride = most_rows_;
    x.sums = sums_ + first;
    begin_sums<weights, registers>(w, x, first_row, T, scores, width);
    tile<weights, T, registers>(w, x, first_row, scores);
  }

 private:
  static constexpr index sizeof_operand = static_cast<index>(sizeof(operand));
  /// Operands of a segment.
  [[nodiscard]] index stride() const noexcept { return segments_.length; }

  heads_view<Q const> q_;
  cache_keys<K> k_;
  float factor_;
  layout layout_;
  segmentation<layout> segments_;
  index head_ = 0;
  index page_ = 0;
  index pages_ = 0;
  index most_rows_ = 0;
  operand* rows_ = nullptr;
  std::int32_t* start_ = nullptr;
  float* sums_ = nullptr;
  float* factors_ = nullptr;
};

/// O = V P by integers: values of a cache by scheme V, each key with a scale of its own (for each group of channels), which
/// is multiplied into its weight before that becomes a byte.
///
/// For each query row, page of 64 keys and group of channels: w = weight * scale of the key, W the largest w, byte =
/// nearest(w * (255 / W)), ties to even; the sum of byte * (code - zero) over the page is exact; then acc = fma(sum, W / 255,
/// acc), and acc += sum of weight * minimum, page after page. Sums of weights themselves are those of the f32 weights.
template <class A, class V>
class page_values {
  using page_layout = value_layout<V>;
  using layout = typename page_layout::panel_type;
  using weights = byte_weights<A, layout, false>;
  using operand = typename weights::operand;
  using scale_type = typename page_layout::scale_type;
  static constexpr index L = simd::lanes<A>;
  /// Channels that surely share parameters, as far as a tile goes.
  static constexpr index together() noexcept {
    if constexpr (detail::is_per_token_group<typename V::granularity>) {
      constexpr index size = V::granularity::size;
      static_assert(size % 16 == 0,
                    "Octavo: attention<q8, p8> over a cache takes values per_token, or per_token_group<G> with G a multiple "
                    "of 16. Without the second template argument it takes any.");
      return size % 64 == 0 ? 64 : size % 32 == 0 ? 32 : 16;
    }
    return 64;
  }
  static constexpr int registers =
      static_cast<int>(smaller(page_registers<A>, larger(together() / L, 1)));
  static_assert(registers * L <= together());
  /// Rows of bytes: those of a group, and one of ones behind those of a tile.
  static constexpr index byte_rows = group_rows + 1;
  static constexpr index rows_stride = page_tokens;

 public:
  using writer = float_writer<A>;
  using weight = float;
  static constexpr index width = registers * L;
  static constexpr int tokens = page_tile_rows<A>;

  explicit page_values(cache_values<V> const& v) noexcept : v_(v) {}

  [[nodiscard]] index scratch() const {
    return product(leaf_pages, v_.layout().groups(), byte_rows, rows_stride * static_cast<index>(sizeof(operand)) / 4 + 3) + 16;
  }
  void use(float* scratch) noexcept {
    index const all = leaf_pages * v_.layout().groups() * byte_rows;
    bytes_ = reinterpret_cast<operand*>(scratch);
    start_ = reinterpret_cast<std::int32_t*>(bytes_ + all * rows_stride);
    factors_ = reinterpret_cast<float*>(start_ + all);
    minima_ = factors_ + all;
  }
  void load_leaf(index head, index first, index n) noexcept {
    head_ = head;
    page_ = first / page_tokens;
    pages_ = ceil_div(n, page_tokens);
  }
  /// Bytes of row i, whose weights cover keys [low, high). NaN if a weight that is not 0 meets a value that is not finite.
  [[nodiscard]] float settle(index i, float* row, index low, index high, float sum) noexcept {
    index const first = low / page_tokens;
    index const last = ceil_div(high, page_tokens);
    for (index j = first * page_tokens; j < low; ++j) { row[j] = 0.0f; }
    for (index j = high; j < last * page_tokens; ++j) { row[j] = 0.0f; }
    bool finite = true;
    for (index p = first; p < last; ++p) {
      std::byte const* const page = v_.page(head_, page_ + p);
      for (index g = 0; g < v_.layout().groups(); ++g) {
        finite = settle_group(row + p * page_tokens, page + v_.layout().params_at(g), at(p, g, i)) && finite;
      }
    }
    return finite ? sum : __builtin_nanf("");
  }
  [[nodiscard]] index blocks() const noexcept { return ceil_div(v_.head_dim(), width); }

  template <int T>
  void multiply(index first, weight const*, index, index b, index low, index high, float* out) const noexcept {
    index const panel = b * width / panel_rows * page_layout::panel_bytes;
    index const first_row = b * width % panel_rows;
    index const group = b * width / v_.layout().group();
    index const last = ceil_div(high, page_tokens);
    std::memset(out, 0, static_cast<std::size_t>(T * width) * sizeof(float));
    for (index p = low / page_tokens; p < last; ++p) {
      weight_stream w{};
      w.codes = v_.page(head_, page_ + p) + panel;
      w.segments = 1;
      w.last_steps = page_tokens / layout::step;
      w.params = reinterpret_cast<std::byte const*>(ones.data());
      w.last_params = w.params;
      w.ahead = next(p, b, panel) + first_row * 4;
      w.ahead_stride = 64;
      w.ahead_step = layout::step_bytes;
      index const row = at(p, group, first);
      token_block<weights> x{};
      x.data = bytes_ + row * rows_stride;
      x.token_stride = rows_stride;
      x.start = start_ + row;
      for (index j = 0; j < rows_stride; ++j) { bytes_[(row + T) * rows_stride + j] = 1; }
      start_[row + T] = 0;
      alignas(64) float sums[static_cast<std::size_t>((T + 1) * width)] = {};
      tile<weights, T + 1, registers>(w, x, first_row, sums);
      add<T>(sums, row, out);
    }
  }

 private:
  /// Where row i is.
  [[nodiscard, gnu::always_inline]] index at(index p, index g, index i) const noexcept {
    return (p * v_.layout().groups() + g) * byte_rows + i;
  }
  /// What is read after block b of page p.
  [[nodiscard, gnu::always_inline]] std::byte const* next(index p, index b, index panel) const noexcept {
    if (p + 1 < pages_) { return v_.page(head_, page_ + p + 1) + panel; }
    if (b + 1 < blocks()) { return v_.page(head_, page_) + (b + 1) * width / panel_rows * page_layout::panel_bytes; }
    return v_.page(head_, page_ + p) + panel;
  }

  /// Sums hold integers below 2^24: bytes are less 128, and the last row counts what that is of.
  template <int T>
  [[gnu::always_inline]] void add(float const* sums, index row, float* out) const noexcept {
    for (index r = 0; r < width; r += L) {
      auto const all = simd::load_floats<A>(sums + T * width + r);
      detail::unroll<T>([&](int t) __attribute__((always_inline)) {
        auto const sum = simd::fused<A>(all, simd::floats<A>(128.0f), simd::load_floats<A>(sums + t * width + r));
        float* const to = out + t * width + r;
        auto acc = simd::fused<A>(sum, simd::floats<A>(factors_[row + t]), simd::load_floats<A>(to));
        if constexpr (page_layout::minima) { acc = acc + simd::floats<A>(minima_[row + t]); }
        acc.store_unaligned(to);
      });
    }
  }

  /// Bytes, start and factor of 64 weights by the parameters of one group of channels.
  [[nodiscard, gnu::always_inline]] bool settle_group(float const* from, std::byte const* params, index row) noexcept {
    constexpr int registers_of_page = page_tokens / L;
    simd::floats<A> const zero(0.0f);
    simd::floats<A> scaled[static_cast<std::size_t>(registers_of_page)];
    simd::ints<A> bits(0);
    lanes_of_16<A> added(0.0f);
    detail::unroll<registers_of_page>([&](int r) __attribute__((always_inline)) {
      auto const w = simd::load_floats<A>(from + r * L);
      auto const s = simd::load_as_floats<A>(reinterpret_cast<scale_type const*>(params) + r * L);
      // Parameters of keys that nobody sees may be anything.
      scaled[r] = simd::native_of<A>::where_less(zero, w, simd::opaque<A>(w * s), zero);
      bits = simd::maximum<A>(bits, simd::bit_and<A>(simd::as_ints<A>(scaled[r]), 0x7fffffffu));
      if constexpr (page_layout::minima) {
        auto const* const minima = reinterpret_cast<scale_type const*>(params + page_layout::scale_bytes);
        auto const m = simd::native_of<A>::where_less(zero, w, simd::load_as_floats<A>(minima + r * L), zero);
        added.of(r) = simd::fused<A>(w, m, added.of(r));
      }
    });
    std::int32_t lanes[static_cast<std::size_t>(L)];
    bits.store_unaligned(lanes);
    std::int32_t most = 0;
    for (std::int32_t const b : lanes) { most = b > most ? b : most; }
    float const largest = __builtin_bit_cast(float, most);
    bool const finite = most < 0x7f800000;
    float inverse = 255.0f / largest;
    bool const none = !finite || !detail::is_finite(inverse);
    if (none) { inverse = 0.0f; }
    factors_[row] = none ? 0.0f : largest / (255.0f / lattice<typename page_layout::format>.step);
    if constexpr (page_layout::minima) {
      minima_[row] = added.reduce([](auto a, auto b) __attribute__((always_inline)) { return a + b; });
    }
    // 1.5 * 2^23 has its last bit at 1: the sum is rounded, and its low bits are the integer.
    constexpr float magic = 0x1.8p23f;
    simd::ints<A> counted(0);
    operand* const to = bytes_ + row * rows_stride;
    detail::unroll<registers_of_page>([&](int r) __attribute__((always_inline)) {
      auto const x = none ? zero : scaled[r];
      auto const rounded = simd::fused<A>(x, simd::floats<A>(inverse), simd::floats<A>(magic));
      auto const code = simd::as_ints<A>(rounded) - simd::ints<A>(__builtin_bit_cast(std::int32_t, magic));
      simd::store_narrow<A>(to + r * L, code - simd::ints<A>(128));
      if constexpr (page_layout::zero_points) {
        auto const z = simd::load_bytes<A>(params + page_layout::scale_bytes + r * L) - simd::ints<A>(weights::offset);
        counted = counted + simd::multiply<A>(code, z);
      } else {
        counted = counted + code;
      }
    });
    constexpr std::int32_t c0 =
        page_layout::zero_points ? 1 : -lattice<typename page_layout::format>.lowest - weights::offset;
    start_[row] = -c0 * simd::sum<A>(counted);
    if constexpr (sizeof(operand) == 2) {  // quads as (k0 k2)(k1 k3), see simd/dot.hpp
      for (index j = 0; j < rows_stride; j += 4) {
        operand const k1 = to[j + 1];
        to[j + 1] = to[j + 2];
        to[j + 2] = k1;
      }
    }
    return finite;
  }

  /// Scales of rows of panels, which have none here.
  alignas(64) static constexpr detail::table<float, panel_rows> ones = [] {
    detail::table<float, panel_rows> t{};
    for (index i = 0; i < panel_rows; ++i) { t[static_cast<std::size_t>(i)] = 1 / lattice<typename V::format>.step; }
    return t;
  }();

  cache_values<V> v_;
  index head_ = 0;
  index page_ = 0;
  index pages_ = 0;
  operand* bytes_ = nullptr;
  std::int32_t* start_ = nullptr;
  float* factors_ = nullptr;
  float* minima_ = nullptr;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
