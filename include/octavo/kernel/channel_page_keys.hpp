// SPDX-License-Identifier: MIT
// Keys of a cache by channel as attention multiplies them where they are stored: scales of channels go into the query.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/kernel/activations.hpp"
#include "octavo/kernel/attention_tile.hpp"
#include "octavo/kernel/page_keys.hpp"
#include "octavo/kernel/page_tile.hpp"
#include "octavo/simd/lanes_of_16.hpp"
#include "octavo/storage/kv_cache.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// The largest integer of a symmetric law over integers whose numbers of -x are those of x with the other sign; 0: of
/// none.
template <class Q>
inline constexpr float mirrored_limit = [] {
  if constexpr (detail::is_symmetric<Q> && integer_quantizer<Q>) {
    using F = typename Q::format;
    constexpr float high = Q::limit < largest_value<F> ? Q::limit : largest_value<F>;
    return -lowest_value<F> < high || (-lowest_value<F> > high && Q::limit > high) ? 0.0f : high;
  } else {
    return 0.0f;
  }
}();

/// S = K Q by integers, keys of a cache by per_channel_group<G>. For each query and group of G keys, query * scale of
/// the channel is quantized by Quantizer; a score is fma(float(exact sum over channels), scale of that, sum of
/// query * minimum), where zero points are part of the exact sum, and the sum with minima has 16 lanes (channel c in
/// lane c % 16, ascending, then halves). Keys whose group is open are floats: query * key has the same 16 lanes. Either
/// is times the factor of the call.
template <class A, class Quantizer, class Q, class K>
class channel_page_keys {
  using page_layout = key_layout<K>;
  using layout = typename page_layout::panel_type;
  using weights = byte_weights<A, layout, false>;
  using operand = typename weights::operand;
  using scale_type = typename page_layout::scale_type;
  static constexpr index L = simd::lanes<A>;
  static constexpr index G = page_layout::group;
  static constexpr int registers = short_registers<A>;
  /// Registers of a tile that share parameters, and groups of it; keys whose operands are kept together.
  static constexpr int shared = static_cast<int>(smaller(registers, G / L));
  static constexpr int groups = registers / shared;
  static constexpr index part = larger(registers * L, G);
  /// Queries whose operands for a part are kept, as many as come before the next one, and what a tile goes beyond.
  static constexpr index kept = most_near_rows + page_tile_rows<A>;
  static constexpr std::int32_t nothing = -1;
  /// Few queries get their operands for all groups of a leaf at once: their parameters are lanes of one register.
  static constexpr bool loads_leaves = L == 16 && registers * L == page_tokens && sizeof(operand) == 1 &&
                                       detail::is_symmetric<Quantizer> && integer_quantizer<Quantizer> &&
                                       tracks_lanes<Quantizer> && !page_layout::zero_points &&
                                       mirrored_limit<Quantizer> != 0;
  static constexpr index leaf_groups = leaf_keys / page_tokens * groups;
  static constexpr index most_channels = 128;
  /// Where operands of a query and a group may be, and parameters of sixteen groups.
  static constexpr index places = larger(groups * kept, loads_leaves ? leaf_groups* page_tile_rows<A> : 0) + 16;

 public:
  static constexpr index width = registers * L;
  static constexpr int tokens = page_tile_rows<A>;

  channel_page_keys(heads_view<Q const> const& q, cache_keys<K> const& k, float factor) noexcept
      : q_(q), k_(k), factor_(factor == 0 ? 0x1p-126f : factor) {}

  /// Floats of scratch.
  [[nodiscard]] index scratch(index) const {
    return round_up(ceil_div(product(places, stride(), sizeof_operand), 4), 16) + (1 + groups) * stride() +
           round_up(3 * places + kept + 1, 16);
  }
  void use(float* scratch, index) noexcept {
    rows_ = reinterpret_cast<operand*>(scratch);
    products_ = scratch + round_up(ceil_div(places * stride() * sizeof_operand, 4), 16);
    zeros_ = reinterpret_cast<std::int32_t*>(products_ + stride());
    start_ = zeros_ + groups * stride();
    factors_ = reinterpret_cast<float*>(start_ + places);
    minima_ = factors_ + places;
    query_at_ = reinterpret_cast<std::int32_t*>(minima_ + places);
    query_at_[kept] = nothing;
  }
  /// Another cache of the same shape.
  void read(cache_keys<K> const& k) noexcept { k_ = k; }
  void load_leaf(index head, index first, index n) noexcept {
    head_ = head;
    page_ = first / page_tokens;
    leaf_.load(k_.places(), head, page_, ceil_div(n, page_tokens), k_.heads() * ceil_div(k_.tokens(), page_tokens));
    query_at_[kept] = nothing;
  }
  /// They are quantized for one group of keys after the other, or few of them for those of a leaf.
  void load_rows(query_rows const& rows, index first, index n) noexcept {
    of_ = rows;
    first_ = first;
    by_leaf_ = loads_leaves && n <= tokens && k_.head_dim() % 64 == 0 && k_.head_dim() <= most_channels;
    rows_of_leaf_ = n;
    query_at_[kept] = nothing;
  }
  [[nodiscard, gnu::always_inline]] float factor(index) const noexcept { return factor_; }
  /// What a product of a query and a key counts as among scores.
  [[nodiscard, gnu::always_inline]] static constexpr float unit(index) noexcept { return 1.0f; }

  template <int T>
  [[gnu::noinline]] void multiply(index first, index b, float* scores) const noexcept {
    using detail::unroll;
    constexpr int R = registers;
    index const token = page_ * page_tokens + b * width;
    index const closed = smaller(k_.closed() - token, width);
    if (closed > 0) {
      // Where operands of a query are for the first group, and those of the next query and the next group.
      index const at = by_leaf_ ? first * leaf_groups + b * groups : first % most_near_rows;
      index const next_query = by_leaf_ ? leaf_groups : 1;
      index const next_group = by_leaf_ ? 1 : kept;
      std::byte const* const page = leaf_.at[b * width / page_tokens];
      index const first_row = token % page_tokens;
      if (by_leaf_) {
        if constexpr (loads_leaves) { load_queries(b); }
      } else {
        load_part(token, page);
        for (int t = 0; t < T; ++t) { load_query(first + t, at + t, token, page); }
      }

      constexpr bool asked = params_ask<A, layout, T>;
      constexpr int lines = asked ? 2 : static_cast<int>(larger(layout::step_bytes / 64 * width / page_tokens, 1));
      lines_ahead ahead{page, page};
      if (first == 0) {
        if constexpr (takes_pages<A>) {
          ahead = asked && by_leaf_ ? leaf_.params_of_values(b) : leaf_.after(b);
        } else {
          ahead = values_ahead<A, width>(k_.places(), head_, page_, b);
        }
      }
      // Query t and the group of register r.
      auto const of = [=](int t, int r) __attribute__((always_inline)) {
        return r / shared * next_group + at + t * next_query;
      };
      simd::ints<A> total[static_cast<std::size_t>(T * R)];
      unroll<T * R>([&](int i)
                        __attribute__((always_inline)) { total[i] = simd::ints<A>(start_[of(i / R, i % R)]); });
      page_sums<weights, lines, T, R, shared>(weights(), page + first_row * 4, first_row, stride() / layout::step,
                                              rows_ + at * stride(), next_query * stride(), ahead, total,
                                              next_group * stride());
      ahead.template rest<A>();
      if constexpr (takes_pages<A> && !asked) {
        if (first == 0) { leaf_.params_of_values(b).template rest<A>(); }
      }
      unroll<T * R>([&](int i) __attribute__((always_inline)) {
        index const from = of(i / R, i % R);
        auto const score = simd::fused<A>(simd::to_floats<A>(total[i]), simd::floats<A>(factors_[from]),
                                          simd::floats<A>(minima_[from]));
        score.store_unaligned(scores + i / R * width + i % R * L);
      });
    }
    if (closed < width) {
      for (int t = 0; t < T; ++t) { open_scores(first + t, token, larger(closed, 0), scores + t * width); }
    }
  }

 private:
  /// What sums of operands are subtracted times.
  static constexpr std::int64_t c0 =
      page_layout::zero_points ? 1 : -lattice<typename page_layout::format>.lowest - weights::offset;
  static constexpr index sizeof_operand = static_cast<index>(sizeof(operand));
  [[nodiscard, gnu::always_inline]] index stride() const noexcept {
    return round_up(k_.head_dim(), larger(layout::step, 16));
  }
  [[nodiscard, gnu::always_inline]] Q const* query(index i) const noexcept {
    return q_.at(of_.head(first_ + i), of_.query(first_ + i));
  }

  /// Zero points of the groups of the part that `token` is in, and no operands of it yet.
  void load_part(index token, std::byte const* page) const noexcept {
    if (query_at_[kept] == token / part) { return; }
    query_at_[kept] = static_cast<std::int32_t>(token / part);
    for (index i = 0; i < kept; ++i) { query_at_[i] = nothing; }
    if constexpr (page_layout::zero_points) {
      for (index g = 0; g < groups; ++g) {
        std::byte const* const zeros = params_of(token, g, page) + k_.layout().scale_bytes();
        for (index c = 0; c < k_.head_dim(); c += L) {
          auto const zero = simd::load_bytes<A>(zeros + c) - simd::ints<A>(weights::offset);
          zero.store_unaligned(zeros_ + g * stride() + c);
        }
      }
    }
  }
  /// Those of group g of the tile that begins with `token`.
  [[nodiscard, gnu::always_inline]] std::byte const* params_of(index token, index g,
                                                               std::byte const* page) const noexcept {
    return page + k_.layout().params_at(token % page_tokens / G + g);
  }
  /// Operands of query i for the groups of a tile, at place `at`. Of open groups, they may be anything.
  [[gnu::always_inline]] void load_query(index i, index at, index token, std::byte const* page) const noexcept {
    if (query_at_[at] == i) { return; }
    query_at_[at] = static_cast<std::int32_t>(i);
    for (index g = 0; g < groups; ++g) {
      load_row(i, g * kept + at, zeros_ + g * stride(), params_of(token, g, page));
    }
  }
  /// Sixteen groups of T queries on their way to operands: registers of what becomes a lane for each of them.
  template <int T>
  struct loading {
    alignas(64) float sizes[static_cast<std::size_t>(T)][most_channels];    ///< of the numbers of a query
    alignas(64) float numbers[static_cast<std::size_t>(T)][most_channels];  ///< they themselves
    std::uint64_t negative[static_cast<std::size_t>(T)][static_cast<std::size_t>(most_channels / 64)];
    alignas(64) std::int32_t sums[static_cast<std::size_t>(T)][16 * 16];  ///< the largest products, then of operands
    alignas(64) float minima[static_cast<std::size_t>(T)][16 * 16];
    static constexpr bool keeps = T == 1;
    alignas(64) float products[static_cast<std::size_t>(keeps ? 16 : 1)][most_channels];  ///< of sizes and scales
    alignas(64) float scales[static_cast<std::size_t>(T)][16];
    alignas(64) float inverses[static_cast<std::size_t>(T)][16];
    [[gnu::always_inline]] loading() noexcept {}  // NOLINT: what is not written is not read
  };
  /// Operands of all queries for the groups of the leaf, from page b on.
  void load_queries(index b) const noexcept {
    if (query_at_[kept] != nothing) { return; }
    query_at_[kept] = 0;
    index const keys = smaller(k_.closed() - page_ * page_tokens, leaf_.pages * page_tokens);
    index const end = ceil_div(keys, G);
    for (index g = b * groups; g < end; g += 16) {
      index i = 0;
      for (; i + tokens <= rows_of_leaf_; i += tokens) { load_groups<tokens>(i, g, smaller(end - g, 16)); }
      for (; i < rows_of_leaf_; ++i) { load_groups<1>(i, g, smaller(end - g, 16)); }
    }
  }
  /// As load_row of T queries from query i for each of n groups from group g of the leaf: the same numbers, in the same
  /// order. Sizes of products are quantized, and the signs of the query are put to bytes, many at once. Queries share
  /// what becomes of parameters, and products are not kept between the halves then: a store costs more.
  template <int T>
  [[gnu::noinline]] void load_groups(index i, index g, index n) const noexcept {
    using native = simd::native_of<A>;
    using ints = simd::ints<A>;
    using floats = simd::floats<A>;
    loading<T> s;
    auto const fold = [](auto const* lanes, auto const& op) __attribute__((always_inline)) {
      using V = std::conditional_t<std::is_same_v<decltype(lanes), float const*>, floats, ints>;
      V all[16];
      detail::unroll<16>([&](int j) __attribute__((always_inline)) { all[j] = V::load_unaligned(lanes + j * L); });
      return native::fold(all, op);
    };
    index const d = k_.head_dim();
    auto const params = [&](index j) __attribute__((always_inline)) {
      index const token = (g + j) * G;
      return leaf_.at[token / page_tokens] + k_.layout().params_at(token % page_tokens / G);
    };
    index const minima_at = k_.layout().scale_bytes();
    for (index t = 0; t < T; ++t) {
      Q const* const q = query(i + t);
      for (index c = 0; c < d; c += L) {
        auto const x = simd::load_as_floats<A>(q + c);
        x.store_unaligned(s.numbers[t] + c);
        simd::absolute<A>(x).store_unaligned(s.sizes[t] + c);
        std::uint64_t const signs = std::uint64_t{native::signs(x)} << c % 64;
        s.negative[t][c / 64] = c % 64 == 0 ? signs : s.negative[t][c / 64] | signs;
      }
    }
    bool const asks = params_ask<A, layout, 2> && i == 0 && rows_of_leaf_ > 1;
    constexpr int lines = static_cast<int>(G * 4 * L * layout::planes.bits / (8 * 64));
    for (index j = 0; j < 16; ++j) {
      ints most[static_cast<std::size_t>(T)];
      floats minimum[static_cast<std::size_t>(T)];
      detail::unroll<T>([&](int t) __attribute__((always_inline)) {
        most[t] = ints(0);
        minimum[t] = floats(0.0f);
      });
      if (j < n) {
        std::byte const* const from = params(j);
        index const codes = leaf_.key_codes / groups;
        auto ahead = lines_ahead::run(leaf_.at[(g + j) / groups] + (g + j) % groups * codes, codes);
        auto const* const scales = reinterpret_cast<scale_type const*>(from);
        auto const* const minima = reinterpret_cast<scale_type const*>(from + minima_at);
        for (index first = 0; first < d; first += 4 * L) {
          if (asks) {
            detail::unroll<lines>([&](int) __attribute__((always_inline)) { ahead.template line<A>(); });
          }
          detail::unroll<4>([&](int r) __attribute__((always_inline)) {
            index const c = first + r * L;
            auto const scale = simd::load_as_floats<A>(scales + c);
            detail::unroll<T>([&](int t) __attribute__((always_inline)) {
              auto const product = simd::opaque<A>(simd::load_floats<A>(s.sizes[t] + c) * scale);
              if constexpr (s.keeps) { product.store_unaligned(s.products[j] + c); }
              most[t] = native::maximum_unsigned(most[t], simd::as_ints<A>(product));
            });
            if constexpr (page_layout::minima) {
              auto const m = simd::load_as_floats<A>(minima + c);
              detail::unroll<T>([&](int t) __attribute__((always_inline)) {
                minimum[t] = simd::fused<A>(simd::load_floats<A>(s.numbers[t] + c), m, minimum[t]);
              });
            }
          });
        }
      }
      detail::unroll<T>([&](int t) __attribute__((always_inline)) {
        most[t].store_unaligned(s.sums[t] + j * L);
        minimum[t].store_unaligned(s.minima[t] + j * L);
      });
    }
    bool plain = true;
    detail::unroll<T>([&](int t) __attribute__((always_inline)) {
      index const at = (i + t) * leaf_groups + g;
      auto const bits = fold(
          s.sums[t], [](ints a, ints b) __attribute__((always_inline)) { return native::maximum_unsigned(a, b); });
      plain = plain && !native::reaches(bits, 0x7f800000u);
      range_tracker<A, Quantizer> range;
      range.add(simd::as_floats<A>(bits));
      lane_params<A, Quantizer> const p = range.lanes();
      p.scale.store_unaligned(s.scales[t]);
      p.inverse.store_unaligned(s.inverses[t]);
      simd::opaque<A>(p.scale * floats(weights::scale_factor)).store_unaligned(factors_ + at);
      fold(s.minima[t], simd::sum_of()).store_unaligned(minima_ + at);
    });
    if (!plain) {  // not finite, or a scale below 0
      for (index j = 0; j < n * T; ++j) {
        load_row(i + j % T, (i + j % T) * leaf_groups + g + j / T, nullptr, params(j / T));
      }
      return;
    }
    constexpr float limit = mirrored_limit<Quantizer>;
    for (index j = 0; j < n; ++j) {
      auto const* const scales = reinterpret_cast<scale_type const*>(params(j));
      [[maybe_unused]] ints total[static_cast<std::size_t>(T)];
      detail::unroll<T>([&](int t) __attribute__((always_inline)) { total[t] = ints(0); });
      for (index c = 0; c < d; c += 4 * L) {
        [[maybe_unused]] floats scale[4];
        if constexpr (!s.keeps) {
          detail::unroll<4>([&](int r) __attribute__((always_inline)) {
            scale[r] = simd::load_as_floats<A>(scales + c + r * L);
          });
        }
        detail::unroll<T>([&](int t) __attribute__((always_inline)) {
          lane_params<A, Quantizer> const of{floats(s.scales[t][j]), floats(s.inverses[t][j])};
          ints x[4];
          detail::unroll<4>([&](int r) __attribute__((always_inline)) {
            floats product;
            if constexpr (s.keeps) {
              product = simd::load_floats<A>(s.products[j] + c + r * L);
            } else {
              product = simd::opaque<A>(simd::load_floats<A>(s.sizes[t] + c + r * L) * scale[r]);
            }
            auto size = scaled_lanes<A, Quantizer>(product, of);
            if constexpr (limit < 127) { size = simd::minimum<A>(size, floats(limit)); }
            x[r] = simd::to_ints<A>(size);
          });
          // pack_signed saturates, so that 127 bounds itself.
          auto const bytes = native::negate_bytes(native::pack_signed(x[0], x[1], x[2], x[3]), s.negative[t][c / 64]);
          operand* const to = rows_ + ((i + t) * leaf_groups + g + j) * stride();
          bytes.store_unaligned(reinterpret_cast<std::int32_t*>(to + c));
          if constexpr (c0 != 0) { total[t] = total[t] + native::sum_of_quads(bytes); }
        });
      }
      if constexpr (c0 != 0) {
        detail::unroll<T>([&](int t) __attribute__((always_inline)) { total[t].store_unaligned(s.sums[t] + j * L); });
      }
    }
    detail::unroll<T>([&](int t) __attribute__((always_inline)) {
      ints start(0);
      if constexpr (c0 != 0) {
        start = ints(0) - simd::multiply<A>(fold(s.sums[t], simd::sum_of()), ints(static_cast<std::int32_t>(c0)));
      }
      // What is written behind the last group is not read, or written again.
      start.store_unaligned(start_ + (i + t) * leaf_groups + g);
    });
  }
  void load_row(index i, index at, std::int32_t const* zeros, std::byte const* params) const noexcept {
    index const d = k_.head_dim();
    Q const* const q = query(i);
    auto const* const scales = reinterpret_cast<scale_type const*>(params);
    auto const* const minima = reinterpret_cast<scale_type const*>(params + k_.layout().scale_bytes());
    float* const products = products_;
    range_tracker<A, Quantizer> range;
    simd::lanes_of_16<A> constant(0.0f);
    auto const take = [&](simd::floats<A> x, index c, int r) __attribute__((always_inline)) {
      auto const product = simd::opaque<A>(x * simd::load_as_floats<A>(scales + c));
      product.store_unaligned(products + c);
      range.add(product);
      if constexpr (page_layout::minima) {
        constant.of(r) = simd::fused<A>(x, simd::load_as_floats<A>(minima + c), constant.of(r));
      }
    };
    index c = 0;
    for (; c + 16 <= d; c += 16) {
      detail::unroll<constant.registers>([&](int r) __attribute__((always_inline)) {
        take(simd::load_as_floats<A>(q + c + r * L), c + r * L, r);
      });
    }
    for (int r = 0; c < d; c += L, ++r) { take(simd::load_first<A>(q + c, smaller(d - c, L)), c, r); }
    auto const p = range.params();
    auto const sum =
        quantize_segment<A, Quantizer>(token_source<A, float>{products, nullptr, d}, p, 0, d, stride(), 0,
                                       page_layout::zero_points ? zeros : nullptr, rows_ + at * stride());
    start_[at] = static_cast<std::int32_t>(-c0 * sum);
    factors_[at] = detail::opaque(Quantizer::scale(p) * weights::scale_factor);
    minima_[at] = page_layout::minima ? constant.reduce(simd::sum_of()) : 0.0f;
  }
  /// Scores of keys token + begin ... token + width - 1, which are floats; 0 behind the last.
  void open_scores(index i, index token, index begin, float* scores) const noexcept {
    for (index j = begin; j < width; ++j) {
      bool const is = token + j < k_.tokens();
      scores[j] = is ? simd::dot_of_16<A>(query(i), k_.open(head_, token + j), k_.head_dim()) : 0.0f;
    }
  }

 protected:
  heads_view<Q const> q_;
  cache_keys<K> k_;
  index head_ = 0;
  index page_ = 0;  ///< the first of the leaf
  leaf_of_keys<A> leaf_;

 private:
  float factor_;
  query_rows of_{};
  index first_ = 0;
  operand* rows_ = nullptr;  ///< [group of the tile][place][channel]
  bool by_leaf_ = false;     ///< operands are [query][group of the leaf][channel] then
  index rows_of_leaf_ = 0;
  float* products_ = nullptr;      ///< [channel], of a query and the scales of the group
  std::int32_t* zeros_ = nullptr;  ///< [group of the tile][channel]
  std::int32_t* start_ = nullptr;  ///< [group of the tile][place], as the rest
  float* factors_ = nullptr;
  float* minima_ = nullptr;
  std::int32_t* query_at_ = nullptr;  ///< whose operands are there; behind all, for which part
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
