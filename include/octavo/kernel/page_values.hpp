// SPDX-License-Identifier: MIT
// Values of a cache as attention multiplies them where they are stored: their scales go into the weights, sums are exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/kernel/activations.hpp"
#include "octavo/kernel/attention_rows.hpp"
#include "octavo/kernel/page_tile.hpp"
#include "octavo/kernel/softmax.hpp"
#include "octavo/quant/affine.hpp"
#include "octavo/quant/symmetric.hpp"
#include "octavo/storage/kv_cache.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Pages of a leaf.
inline constexpr index leaf_pages = leaf_keys / page_tokens;

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
  /// Whether bytes of weights are the unsigned side of products, or, less 128, the signed one.
  static constexpr bool unsigned_bytes = detail::is_avx512<A> && detail::has<vnni, A>;
  using weights = std::conditional_t<unsigned_bytes, signed_codes<A, layout>, byte_weights<A, layout, false>>;
  using operand = typename weights::operand;
  using scale_type = typename page_layout::scale_type;
  static constexpr index L = simd::lanes<A>;
  static_assert(
      detail::is_symmetric<typename V::quantizer> || detail::is_affine<typename V::quantizer> || page_layout::minima,
      "Octavo: attention<q8, p8> over a cache multiplies the scales of values into weights that are unsigned bytes, "
      "so scales must not be negative: values by symmetric, affine or affine_min. Without the second template "
      "argument it takes any.");
  /// Channels that surely share parameters, as far as a tile goes.
  static constexpr index together() noexcept {
    if constexpr (detail::is_per_token_group<typename V::granularity>) {
      constexpr index size = V::granularity::size;
      static_assert(
          size % 16 == 0,
          "Octavo: attention<q8, p8> over a cache takes values per_token, or per_token_group<G> with G a multiple "
          "of 16. Without the second template argument it takes any.");
      return size % 64 == 0 ? 64 : size % 32 == 0 ? 32 : 16;
    }
    return 64;
  }
  static constexpr int registers = short_registers<A>;
  /// Registers of a tile that share parameters.
  static constexpr int shared = static_cast<int>(smaller(registers, larger(together() / L, 1)));
  static_assert(shared * L <= together());
  /// Rows of bytes: those of a group, and one of ones behind those of a tile.
  static constexpr index byte_rows = group_rows + 1;

 public:
  using writer = float_writer<A>;
  using weight = float;
  static constexpr index width = registers * L;
  static constexpr int tokens = page_tile_rows<A>;

  explicit page_values(cache_values<V> const& v) noexcept : v_(v) {}

  [[nodiscard]] index scratch() const {
    return product(leaf_pages, groups(), byte_rows, page_tokens * static_cast<index>(sizeof(operand)) / 4 + 3) + 16;
  }
  void use(float* scratch) noexcept {
    index const all = leaf_pages * groups() * byte_rows;
    bytes_ = reinterpret_cast<operand*>(scratch);
    start_ = reinterpret_cast<std::int32_t*>(bytes_ + all * page_tokens);
    factors_ = reinterpret_cast<float*>(start_ + all);
    minima_ = factors_ + all;
  }
  void load_leaf(index head, index first, index n) noexcept {
    head_ = head;
    page_ = first / page_tokens;
    pages_ = ceil_div(n, page_tokens);
  }
  /// The leaf that will be loaded after this one begins with key `first` of `head`; -1: nobody knows.
  void expect(index head, index first) noexcept {
    next_head_ = head;
    next_page_ = first / page_tokens;
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
      index const bytes = v_.layout().bytes();
      if (takes_pages<A> && i == 0 && bytes != 0) {  // the other half; see lines_ahead
        lines_ahead::part(
            pages_ + p, bytes / 2,
            bytes, [&](index at) __attribute__((always_inline)) { return v_.page(head_, page_ + at); })
            .rest();
      }
      page_weights const w(row + p * page_tokens);
      for (index g = 0; g < v_.layout().groups(); ++g) {
        finite = settle_group(w, page + v_.layout().params_at(g), at(p, g, i)) && finite;
      }
      for (index g = v_.layout().groups(); g < groups(); ++g) {  // channels that nobody asks for
        start_[at(p, g, i)] = 0;
        factors_[at(p, g, i)] = minima_[at(p, g, i)] = 0.0f;
      }
    }
    return finite ? sum : __builtin_nanf("");
  }
  [[nodiscard]] index blocks() const noexcept { return ceil_div(v_.head_dim(), width); }

  template <int T>
  [[gnu::noinline]] void multiply(index first, weight const*, index, index b, index low, index high,
                                  float* out) const noexcept {
    using detail::unroll;
    constexpr int R = registers;
    // Of bytes less 128, one row more, of ones, counts what that is of: all sums are integers below 2^24.
    constexpr int rows = unsigned_bytes ? T : T + 1;
    constexpr int lines = static_cast<int>(larger(layout::step_bytes / 64 * width / page_tokens, 1));
    index const panel = b * width / panel_rows * page_layout::panel_bytes;
    index const first_row = b * width % panel_rows;
    index const group = b * width / v_.layout().group();
    index const last = ceil_div(high, page_tokens);
    weights const unpack;
    for (index p = low / page_tokens; p < last; ++p) {
      index const row = at(p, group, first);
      // Row t of the group of register r.
      auto const row_of = [row](int t, int r) __attribute__((always_inline)) {
        return row + r / shared * byte_rows + t;
      };
      if constexpr (!unsigned_bytes) {
        for (int r = 0; r < R; r += shared) {
          for (index j = 0; j < page_tokens; ++j) { bytes_[row_of(T, r) * page_tokens + j] = 1; }
          start_[row_of(T, r)] = 0;
        }
      }
      simd::ints<A> total[static_cast<std::size_t>(rows * R)];
      unroll<rows * R>([&](int i) __attribute__((always_inline)) {
        total[i] = simd::ints<A>(start_[row_of(i / R, i % R)]);
      });
      lines_ahead ahead = first == 0 ? next_keys(b, p) : lines_ahead{bytes_as_lines(), bytes_as_lines()};
      page_sums<weights, lines, rows, R, shared>(unpack, v_.page(head_, page_ + p) + panel + first_row * 4, first_row,
                                                 page_tokens / layout::step, bytes_ + row * page_tokens, page_tokens,
                                                 ahead, total, byte_rows * page_tokens);
      ahead.rest();
      unroll<T * R>([&](int i) __attribute__((always_inline)) {
        index const of = row_of(i / R, i % R);
        auto sum = simd::to_floats<A>(total[i]);
        if constexpr (!unsigned_bytes) {
          sum = simd::fused<A>(simd::to_floats<A>(total[T * R + i % R]), simd::floats<A>(128.0f), sum);
        }
        float* const to = out + i / R * width + i % R * L;
        auto const before = p == low / page_tokens ? simd::floats<A>(0.0f) : simd::load_floats<A>(to);
        auto acc = simd::fused<A>(sum, simd::floats<A>(factors_[of]), before);
        if constexpr (page_layout::minima) { acc = acc + simd::floats<A>(minima_[of]); }
        acc.store_unaligned(to);
      });
    }
  }

 private:
  /// Groups of whole tiles.
  [[nodiscard, gnu::always_inline]] index groups() const noexcept {
    return ceil_div(blocks() * width, v_.layout().group());
  }
  /// Where row i is.
  [[nodiscard, gnu::always_inline]] index at(index p, index g, index i) const noexcept {
    return (p * groups() + g) * byte_rows + i;
  }
  /// What is asked for while block b of page p is multiplied: as much of the keys of the next leaf.
  [[nodiscard, gnu::always_inline]] lines_ahead next_keys(index b, index p) const noexcept {
    index const bytes = v_.places().key_bytes;
    index const share = bytes / blocks();
    index const part = b * pages_ + p;
    if (next_head_ < 0 || share == 0 || (next_page_ + part * share / bytes) * page_tokens >= v_.tokens()) {
      return {bytes_as_lines(), bytes_as_lines()};
    }
    return lines_ahead::part(
        part, share,
        bytes, [&](index i) __attribute__((always_inline)) { return v_.places().keys(next_head_, next_page_ + i); });
  }
  /// Something near to ask for, where nothing is to come.
  [[nodiscard, gnu::always_inline]] std::byte const* bytes_as_lines() const noexcept {
    return reinterpret_cast<std::byte const*>(bytes_);
  }

  static constexpr int registers_of_page = page_tokens / L;
  /// Weights of a page, in registers where that is few of them.
  struct page_weights {
    static constexpr bool near = registers_of_page <= 4;
    float const* from;
    simd::floats<A> w[static_cast<std::size_t>(near ? registers_of_page : 1)];

    [[gnu::always_inline]] explicit page_weights(float const* weights) noexcept : from(weights) {
      if constexpr (near) {
        detail::unroll<registers_of_page>([&](int r) __attribute__((always_inline)) {
          w[r] = simd::load_floats<A>(from + r * L);
        });
      }
    }
    [[nodiscard, gnu::always_inline]] simd::floats<A> load(int r) const noexcept {
      if constexpr (near) { return w[r]; }
      return simd::load_floats<A>(from + r * L);
    }
  };

  /// Bytes, start and factor of 64 weights by the parameters of one group of channels.
  [[nodiscard, gnu::always_inline]] bool settle_group(page_weights const& from, std::byte const* params,
                                                      index row) noexcept {
    simd::floats<A> const zero(0.0f);
    simd::floats<A> scaled[static_cast<std::size_t>(registers_of_page)];
    simd::ints<A> bits(0);
    simd::lanes_of_16<A> added(0.0f);
    detail::unroll<registers_of_page>([&](int r) __attribute__((always_inline)) {
      auto const w = from.load(r);
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
    std::int32_t const most = simd::largest<A>(bits);
    float const largest = __builtin_bit_cast(float, most);
    bool const finite = most < 0x7f800000;
    float const inverse = 255.0f / largest;
    bool const none = !finite || !detail::is_finite(inverse);
    factors_[row] = none ? 0.0f : largest / (255.0f / lattice<typename page_layout::format>.step);
    if constexpr (page_layout::minima) { minima_[row] = added.reduce(simd::sum_of()); }
    operand* const to = bytes_ + row * page_tokens;
    if (none) {
      for (index j = 0; j < page_tokens; ++j) { to[j] = static_cast<operand>(unsigned_bytes ? 0 : -128); }
      start_[row] = 0;
      return finite;
    }
    // 1.5 * 2^23 has its last bit at 1: the sum is rounded, and its low bits are the integer.
    constexpr float magic = 0x1.8p23f;
    simd::ints<A> counted(0);
    detail::unroll<registers_of_page>([&](int r) __attribute__((always_inline)) {
      auto const rounded = simd::fused<A>(scaled[r], simd::floats<A>(inverse), simd::floats<A>(magic));
      auto const code = simd::as_ints<A>(rounded) - simd::ints<A>(__builtin_bit_cast(std::int32_t, magic));
      simd::store_narrow<A>(to + r * L, unsigned_bytes ? code : code - simd::ints<A>(128));  // AVX-512 truncates
      if constexpr (page_layout::zero_points) {
        auto const z =
            simd::load_bytes<A>(params + page_layout::scale_bytes + r * L) - simd::ints<A>(weights::offset);
        if constexpr (unsigned_bytes) {  // one instruction, and codes are below 256
          counted = simd::ints<A>(weights::dot::add(counted, code, z));
        } else {
          counted = counted + simd::multiply<A>(code, z);
        }
      } else {
        counted = counted + code;
      }
    });
    constexpr std::int32_t c0 =
        page_layout::zero_points ? 1 : -lattice<typename page_layout::format>.lowest - weights::offset;
    start_[row] = c0 == 0 ? 0 : -c0 * simd::sum<A>(counted);
    order_quads<A>(to, page_tokens);
    return finite;
  }

 protected:
  cache_values<V> v_;
  index head_ = 0;
  index page_ = 0;  ///< the first of the leaf

 private:
  index pages_ = 0;
  index next_head_ = -1;
  index next_page_ = 0;
  operand* bytes_ = nullptr;
  std::int32_t* start_ = nullptr;
  float* factors_ = nullptr;
  float* minima_ = nullptr;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
