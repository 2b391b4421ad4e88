// SPDX-License-Identifier: MIT
// Values of a cache, multiplied where they are stored: their scales go into the weights, sums are exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/kernel/activations.hpp"
#include "octavo/kernel/attention_rows.hpp"
#include "octavo/kernel/page_bytes.hpp"
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

/// O = V P by integers: values of a cache by scheme V, each key with a scale of its own (for each group of channels),
/// which is multiplied into its weight before that becomes a byte.
///
/// For each query row, page of 64 keys and group of channels: w = weight * scale of the key, W the largest w, byte =
/// nearest(w * (255 / W)), ties to even; the sum of byte * (code - zero) over the page is exact; then acc = fma(sum, W
/// / 255, acc), and acc += sum of weight * minimum, page after page. Sums of weights themselves are those of the f32
/// weights.
template <class A, class V>
class page_values {
  using page_layout = value_layout<V>;
  using layout = typename page_layout::panel_type;
  using settler = page_bytes<A, V>;
  static constexpr bool unsigned_bytes = settler::unsigned_bytes;
  using weights = typename settler::weights;
  using operand = typename weights::operand;
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
    return product(byte_rows, leaf_pages * groups(), page_tokens * static_cast<index>(sizeof(operand)) / 4) +
           product(byte_rows, leaf_pages * groups() + 16, 3) + product(leaf_pages * groups() + leaf_pages, 16);
  }
  void use(float* scratch) noexcept {
    groups_ = groups();
    auto const& at = v_.places();
    far_ = is_far(v_.heads() * ceil_div(v_.tokens(), page_tokens), at.key_bytes + at.value_bytes);
    ahead_ = pages_between(at.key_bytes, far_);  // as many pages as keys do
    key_share_ = round_up(ceil_div(at.key_codes, larger(blocks(), 1)), 64);
    value_share_ = round_up(ceil_div(at.value_codes, larger(blocks(), 1)), 64);
    param_share_ = round_up(ceil_div(at.key_bytes - at.key_codes, larger(blocks(), 1)), 64);
    index const all = leaf_pages * groups_ * byte_rows;
    auto& to = settled_;
    to.bytes = reinterpret_cast<operand*>(scratch);
    to.start = reinterpret_cast<std::int32_t*>(to.bytes + all * page_tokens);
    to.factors = reinterpret_cast<float*>(to.start + byte_rows * row_params());
    to.minima = to.factors + byte_rows * row_params();
    inverses_ = to.minima + byte_rows * row_params();
  }
  /// Another cache of the same shape.
  void read(cache_values<V> const& v) noexcept { v_ = v; }
  void load_leaf(index head, index first, index n) noexcept {
    head_ = head;
    page_ = first / page_tokens;
    pages_ = ceil_div(n, page_tokens);
    v_.places().values(head, page_, pages_, at_);
  }
  /// The leaf that will be loaded after this one begins with key `first` of `head`; -1: nobody knows.
  void expect(index head, index first) noexcept {
    next_head_ = first < v_.tokens() ? head : -1;
    next_page_ = first / page_tokens;
    next_pages_ = 0;
    if (next_head_ >= 0) {
      next_pages_ = smaller(ceil_div(v_.tokens(), page_tokens) - next_page_, leaf_pages);
      v_.places().keys(head, next_page_, next_pages_, next_keys_);
    }
  }
  /// Bytes of row i, whose weights cover keys [low, high). NaN if a weight that is not 0 meets a value that is not
  /// finite.
  [[nodiscard]] float settle(index i, float* row, index low, index high, float sum) noexcept {
    index const first = low / page_tokens;
    index const last = ceil_div(high, page_tokens);
    for (index j = first * page_tokens; j < low; ++j) { row[j] = 0.0f; }
    for (index j = high; j < last * page_tokens; ++j) { row[j] = 0.0f; }
    bool finite = true;
    if constexpr (settler::settles_together) {
      if (v_.layout().groups() == groups_) { return settle_row(i, row, first, last) ? sum : __builtin_nanf(""); }
    }
    for (index p = first; p < last; ++p) {
      page_weights<A> const w(row + p * page_tokens);
      for (index g = 0; g < v_.layout().groups(); ++g) {
        finite = settled_.settle(w, params_of(p, g), at(p, g, i), param_at(p, g, i)) && finite;
      }
      for (index g = v_.layout().groups(); g < groups_; ++g) {  // channels that nobody asks for
        settled_.start[param_at(p, g, i)] = 0;
        settled_.factors[param_at(p, g, i)] = settled_.minima[param_at(p, g, i)] = 0.0f;
      }
    }
    return finite ? sum : __builtin_nanf("");
  }
  [[nodiscard]] index blocks() const noexcept { return ceil_div(v_.head_dim(), width); }

  template <int T>
  [[gnu::noinline]] void multiply(index first, weight const*, index, index b, index low, index high,
                                  float* out) const noexcept {
    index const begin = low / page_tokens;
    for (index p = begin; p < ceil_div(high, page_tokens); ++p) {
      multiply_page<T>(b, p, p == begin, out, leaf_place{*this, first, p}, first == 0);
    }
  }
  /// All blocks of channels, `stride` floats apart: of tiles that take whole pages, which are then one stream.
  template <int T>
  [[gnu::noinline]] void multiply_all(index first, index low, index high, float* out, index stride) const noexcept
      requires(takes_pages<A>) {
    index const begin = low / page_tokens;
    for (index p = begin; p < ceil_div(high, page_tokens); ++p) {
      for (index b = 0; b < blocks(); ++b) {
        multiply_page<T>(b, p, p == begin, out + b * stride, leaf_place{*this, first, p}, first == 0);
      }
    }
  }

  /// Whether weigh_and_multiply may be called.
  [[nodiscard, gnu::always_inline]] bool weighs() const noexcept { return v_.layout().groups() == groups_; }
  /// All of it for T rows: scores (W apart, those of a page `apart` from the page before) of pages [begin, end) become
  /// weights (`room` for those of a leaf), bytes, and products at out[t * W]; blocks of channels are `stride` apart.
  /// sums[t] is the sum of weights, or NaN, as of settle. Rows share what becomes of parameters.
  ///
  /// All that is alike is done for a whole leaf after each other, since a core that waits for the inverse of a largest
  /// weight has no room for other pages (k4.v4, 4096 keys: 61 us for 8 heads, 69 page after page). Where memory is what
  /// it waits for, pages after each other keep that busy (32768 keys: 860 us, and 790).
  template <int T>
  void weigh_and_multiply(index first, float const* scores, index apart, index begin, index end,
                          score_scale const* scales, weight* room, float* sums, float* out,
                          index stride) const noexcept requires(takes_pages<A>&& settler::settles_together) {
    if (far_ && !params_ask<A, layout, T>) {
      weigh_pages<T, 1>(first, scores, apart, begin, end, scales, room, sums, out, stride);
    } else {
      weigh_pages<T, static_cast<int>(leaf_pages)>(first, scores, apart, begin, end, scales, room, sums, out, stride);
    }
  }

  /// The same, `Pages` after each other.
  template <int T, int Pages>
  [[gnu::noinline]] void weigh_pages(index first, float const* scores, index apart, index begin, index end,
                                     score_scale const* scales, weight* room, float* sums, float* out,
                                     index stride) const noexcept {
    constexpr auto rows = static_cast<std::size_t>(T);
    simd::lanes_of_16<A> weight_sums[rows];
    bool finite[rows];
    detail::unroll<T>([&](int t) __attribute__((always_inline)) {
      weight_sums[t] = simd::lanes_of_16<A>(0.0f);
      finite[t] = true;
    });
    for (index p = begin; p < end; p += Pages) {
      index const n = Pages == 1 ? 1 : smaller(end - p, Pages);
      detail::unroll<T>([&](int t) __attribute__((always_inline)) {
        float const shift = scales[t].largest == minus_infinity ? 0.0f : -scales[t].largest;
        for (index i = 0; i < n; ++i) {
          page_weights<A>::weigh(scores + (p + i) * apart + t * width, scales[t].factor, shift,
                                 weight_sums[t].part[0], room + (i * T + t) * page_tokens);
        }
      });
      settle_pages<T>(room, p, n, finite, first == 0);
      for (index i = 0; i < n; ++i) {
        page_place<T> const place{i * groups_};
        for (index b = 0; b < blocks(); ++b) {
          multiply_page<T>(b, p + i, p + i == begin, out + b * stride, place, first == 0);
        }
      }
    }
    detail::unroll<T>([&](int t) __attribute__((always_inline)) {
      float const sum = weight_sums[t].reduce(simd::sum_of());
      sums[t] = finite[t] ? sum : __builtin_nanf("");
    });
  }

 private:
  /// Where rows of a group that is settled for a whole leaf are: those of one row, group after group.
  struct leaf_place {
    page_values const& of;
    index first;
    index p;
    [[nodiscard, gnu::always_inline]] index row(index t, index g) const noexcept { return of.at(p, g, first + t); }
    [[nodiscard, gnu::always_inline]] index param(index t, index g) const noexcept {
      return of.param_at(p, g, first + t);
    }
    [[nodiscard, gnu::always_inline]] index row_stride() const noexcept { return 1; }
    [[nodiscard, gnu::always_inline]] index group_stride() const noexcept { return byte_rows; }
  };
  /// Where T rows are of which some groups settle together.
  template <int T>
  struct page_place {
    static constexpr int groups = 4 / T;
    static constexpr index lanes = settler::template lanes_of<T * groups>;
    static_assert(lanes * 4 == settler::settled_lanes);
    index first;  ///< group of all pages
    [[nodiscard, gnu::always_inline]] index row(index t, index g) const noexcept { return (first + g) * T + t; }
    [[nodiscard, gnu::always_inline]] index param(index t, index g) const noexcept {
      return (first + g) * (settler::settled_lanes / groups) + t * lanes;
    }
    [[nodiscard, gnu::always_inline]] static index row_stride() noexcept { return 1; }
    [[nodiscard, gnu::always_inline]] static index group_stride() noexcept { return T; }
  };

  /// Channels of block b and keys of page p: what `out` holds of pages before, unless it is the first, and theirs.
  template <int T, class Place>
  [[gnu::always_inline]] void multiply_page(index b, index p, bool is_first, float* out, Place const& place,
                                            bool asks) const noexcept {
    using detail::unroll;
    constexpr int R = registers;
    // Of bytes less 128, one row more, of ones, counts what that is of: all sums are integers below 2^24.
    constexpr int rows = unsigned_bytes ? T : T + 1;
    constexpr bool asked = params_ask<A, layout, T> && std::is_same_v<Place, page_place<T>>;
    constexpr int lines = asked ? 2 : static_cast<int>(larger(layout::step_bytes / 64 * width / page_tokens, 1));
    index const panel = b * width / panel_rows * page_layout::panel_bytes;
    index const first_row = b * width % panel_rows;
    index const group = group_of(b);
    weights const unpack;
    settler const here = settled_;  // what is stored may be anywhere
    operand* const bytes = here.bytes + place.row(0, group) * page_tokens;
    // Parameters of row t and the group of register r.
    auto const params_of = [&](int t, int r) __attribute__((always_inline)) {
      return place.param(t, group + r / shared);
    };
    if constexpr (!unsigned_bytes) {
      for (int r = 0; r < R; r += shared) {
        operand* const ones = here.bytes + place.row(T, group + r / shared) * page_tokens;
        for (index j = 0; j < page_tokens; ++j) { ones[j] = 1; }
        here.start[params_of(T, r)] = 0;
      }
    }
    simd::ints<A> total[static_cast<std::size_t>(rows * R)];
    unroll<rows * R>([&](int i) __attribute__((always_inline)) {
      total[i] = simd::ints<A>(here.start[params_of(i / R, i % R)]);
    });
    lines_ahead ahead{bytes_as_lines(), bytes_as_lines()};
    if (asks) { ahead = asked ? next_params(b, p) : next_keys(b, p); }
    page_sums<weights, lines, rows, R, shared>(unpack, at_[p] + panel + first_row * 4, first_row,
                                               page_tokens / layout::step, bytes, place.row_stride() * page_tokens,
                                               ahead, total, place.group_stride() * page_tokens);
    ahead.template rest<A>();
    if constexpr (takes_pages<A> && !asked) {
      if (asks) { next_params(b, p).template rest<A>(); }
    }
    unroll<T * R>([&](int i) __attribute__((always_inline)) {
      index const of = params_of(i / R, i % R);
      auto sum = simd::to_floats<A>(total[i]);
      if constexpr (!unsigned_bytes) {
        sum = simd::fused<A>(simd::to_floats<A>(total[T * R + i % R]), simd::floats<A>(128.0f), sum);
      }
      float* const to = out + i / R * width + i % R * L;
      auto const before = is_first ? simd::floats<A>(0.0f) : simd::load_floats<A>(to);
      auto acc = simd::fused<A>(sum, simd::floats<A>(here.factors[of]), before);
      if constexpr (page_layout::minima) { acc = acc + simd::floats<A>(here.minima[of]); }
      acc.store_unaligned(to);
    });
  }
  /// Groups of whole tiles.
  [[nodiscard, gnu::always_inline]] index groups() const noexcept {
    return ceil_div(blocks() * width, v_.layout().group());
  }
  /// Where row i is.
  [[nodiscard, gnu::always_inline]] index at(index p, index g, index i) const noexcept {
    return (p * groups_ + g) * byte_rows + i;
  }
  /// Where its start, factor and minimum are: those of a row stand together, and 16 may be written at once.
  [[nodiscard, gnu::always_inline]] index row_params() const noexcept { return leaf_pages * groups_ + 16; }
  [[nodiscard, gnu::always_inline]] index param_at(index p, index g, index i) const noexcept {
    return i * row_params() + p * groups_ + g;
  }
  /// What is asked for while block b of page p is multiplied (see lines_ahead): its part of the codes that are read 8 KB
  /// later, at last of the first keys of the next leaf; or as much of all keys of the next leaf.
  [[nodiscard, gnu::always_inline]] lines_ahead next_keys(index b, index p) const noexcept {
    if constexpr (takes_pages<A>) {
      index const next = p + ahead_;
      if (next < pages_) { return lines_ahead::part_of(at_[next], b, value_share_, v_.places().value_codes); }
      if (next - pages_ >= next_pages_) { return {bytes_as_lines(), bytes_as_lines()}; }
      return lines_ahead::part_of(next_keys_[next - pages_], b, key_share_, v_.places().key_codes);
    }
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
  /// Parameters of keys by channel, which are what is wanted first of the next leaf: the part of block b.
  [[nodiscard, gnu::always_inline]] lines_ahead next_params(index b, index p) const noexcept {
    if (p >= next_pages_) { return {bytes_as_lines(), bytes_as_lines()}; }
    auto const& at = v_.places();
    return lines_ahead::part_of(next_keys_[p] + at.key_codes, b, param_share_, at.key_bytes - at.key_codes);
  }
  /// Something near to ask for, where nothing is to come.
  [[nodiscard, gnu::always_inline]] std::byte const* bytes_as_lines() const noexcept {
    return reinterpret_cast<std::byte const*>(settled_.bytes);
  }

  /// The first group of block b.
  [[nodiscard, gnu::always_inline]] index group_of(index b) const noexcept {
    if constexpr (detail::is_per_token_group<typename V::granularity>) { return b * width / V::granularity::size; }
    return 0;
  }
  /// Weights of T rows and n pages from page p ([page][row][key]) as bytes; what is not finite is said by row.
  template <int T>
  [[gnu::always_inline]] void settle_pages(float const* weights_of, index p, index n, bool* finite,
                                           bool asks) const noexcept requires(settler::settles_together) {
    constexpr int G = page_place<T>::groups;
    index const params_at = v_.layout().params_at(0);
    // f(place, weights, parameters, rows) of some groups after each other.
    auto const each = [&](auto const& f) __attribute__((always_inline)) {
      index i = 0;
      index g = 0;
      index const groups = n * groups_;
      for (index k = 0; k < groups; k += G) {
        float const* w[static_cast<std::size_t>(G)];
        std::byte const* params[static_cast<std::size_t>(G)];
        index rows[static_cast<std::size_t>(G)];
        detail::unroll<G>([&](int j) __attribute__((always_inline)) {
          w[j] = weights_of + i * T * page_tokens;
          params[j] = at_[p + i] + params_at + g * page_layout::params_type::bytes;
          rows[j] = (i * groups_ + g) * T;
          if (k + j + 1 < groups && ++g == groups_) {  // the last one perhaps more than once
            g = 0;
            ++i;
          }
        });
        f(k / G * settler::settled_lanes, w, params, rows);
      }
    };
    // Codes of these groups, half of them in each pass.
    auto const ask = [&](index at, index half) __attribute__((always_inline)) {
      if constexpr (params_ask<A, layout, T>) {
        if (!asks) { return; }
        index const k = at / settler::settled_lanes * G;
        index const codes = v_.places().value_codes / groups_;
        std::byte const* const from = at_[p + k / groups_] + k % groups_ * codes;
        lines_ahead::run(from + half * (codes * G / 2), codes * G / 2).template rest<A>();
      }
    };
    bool plain = true;
    each([&](index at, auto const& w, auto const& params, auto const&) __attribute__((always_inline)) {
      ask(at, 0);
      plain = settled_.template measure<T, G>(w, params, inverses_ + at, at) && plain;
    });
    if (plain) {
      each([&](index at, auto const& w, auto const& params, auto const& rows) __attribute__((always_inline)) {
        ask(at, 1);
        settled_.template put<T, G>(w, params, inverses_ + at, rows, 1, at);
      });
      return;
    }
    each([&](index at, auto const& w, auto const& params, auto const& rows) __attribute__((always_inline)) {
      for (int i = 0; i < G * T; ++i) {
        bool& so_far = finite[i % T];
        so_far = settle_alone(w[i / T] + i % T * page_tokens, params[i / T], rows[i / T] + i % T,
                              at + i * page_place<T>::lanes) &&
                 so_far;
      }
    });
  }
  /// Parameters of group g of page p.
  [[nodiscard, gnu::always_inline]] std::byte const* params_of(index p, index g) const noexcept {
    return at_[p] + v_.layout().params_at(g);
  }
  [[nodiscard, gnu::noinline]] bool settle_alone(float const* some, std::byte const* params, index row,
                                                 index at) const noexcept {
    return settled_.settle(page_weights<A>(some), params, row, at);
  }
  /// As settle, of all groups of pages [first, last), sixteen at a time.
  [[nodiscard, gnu::noinline]] bool settle_row(index i, float* row, index first, index last) noexcept {
    constexpr index most = 16;
    alignas(64) std::int32_t start[most * 4];
    alignas(64) float factors[most * 4];
    alignas(64) float minima[most * 4];
    alignas(64) float inverses[most * 4];
    settler const near{settled_.bytes, start, factors, minima};
    bool finite = true;
    for (index k = first * groups_; k < last * groups_; k += most) {
      index const n = smaller(last * groups_ - k, most);
      std::byte const* params[most];
      float const* w[most];
      index places[most];
      bool plain = true;
      for (index j = 0; j < most; ++j) {
        index const of = k + smaller(j, n - 1);
        places[j] = of * byte_rows + i;
        w[j] = row + of / groups_ * page_tokens;
        params[j] = params_of(of / groups_, of % groups_);
      }
      for (index j = 0; j < n; j += 4) {
        float const* const some[4] = {w[j], w[j + 1], w[j + 2], w[j + 3]};
        std::byte const* const of[4] = {params[j], params[j + 1], params[j + 2], params[j + 3]};
        plain = near.template measure<1, 4>(some, of, inverses + j * 4, j * 4) && plain;
      }
      for (index j = 0; j < n && plain; j += 4) {
        float const* const some[4] = {w[j], w[j + 1], w[j + 2], w[j + 3]};
        std::byte const* const of[4] = {params[j], params[j + 1], params[j + 2], params[j + 3]};
        index const to[4] = {places[j], places[j + 1], places[j + 2], places[j + 3]};
        near.template put<1, 4>(some, of, inverses + j * 4, to, 0, j * 4);
      }
      for (index j = 0; j < n; ++j) {
        if (!plain) { finite = near.settle(page_weights<A>(w[j]), params[j], places[j], j * 4) && finite; }
        index const to = i * row_params() + k + j;
        settled_.start[to] = start[j * 4];
        settled_.factors[to] = factors[j * 4];
        if constexpr (page_layout::minima) { settled_.minima[to] = minima[j * 4]; }
      }
    }
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
  index next_pages_ = 0;
  index groups_ = 0;
  index ahead_ = 1;
  bool far_ = false;
  index key_share_ = 0;
  index value_share_ = 0;
  index param_share_ = 0;
  std::byte const* at_[static_cast<std::size_t>(leaf_pages)] = {};         ///< pages of the leaf
  std::byte const* next_keys_[static_cast<std::size_t>(leaf_pages)] = {};  ///< of the next one
  settler settled_ = {};
  float* inverses_ = nullptr;  ///< 255 / largest weight, as factors of pages that are on their way
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
