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

/// S = K Q by integers, keys of a cache by per_channel_group<G>. For each query and group of G keys, query * scale of the
/// channel is quantized by Quantizer; a score is fma(float(exact sum over channels), scale of that, sum of query * minimum),
/// where zero points are part of the exact sum, and the sum with minima has 16 lanes (channel c in lane c % 16, ascending,
/// then halves). Keys whose group is open are floats: query * key has the same 16 lanes. Either is times the factor of the
/// call.
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

 public:
  static constexpr index width = registers * L;
  static constexpr int tokens = page_tile_rows<A>;

  channel_page_keys(heads_view<Q const> const& q, cache_keys<K> const& k, float factor) noexcept
      : q_(q), k_(k), factor_(factor == 0 ? 0x1p-126f : factor) {}

  /// Floats of scratch.
  [[nodiscard]] index scratch(index) const {
    return round_up(ceil_div(product(groups, kept, stride(), sizeof_operand), 4), 16) + (1 + groups) * stride() +
           round_up((3 * groups + 1) * kept + 1, 16);
  }
  void use(float* scratch, index) noexcept {
    rows_ = reinterpret_cast<operand*>(scratch);
    products_ = scratch + round_up(ceil_div(groups * kept * stride() * sizeof_operand, 4), 16);
    zeros_ = reinterpret_cast<std::int32_t*>(products_ + stride());
    start_ = zeros_ + groups * stride();
    factors_ = reinterpret_cast<float*>(start_ + groups * kept);
    minima_ = factors_ + groups * kept;
    query_at_ = reinterpret_cast<std::int32_t*>(minima_ + groups * kept);
    query_at_[kept] = nothing;
  }
  void load_leaf(index head, index first, index) noexcept {
    head_ = head;
    page_ = first / page_tokens;
    query_at_[kept] = nothing;
  }
  /// They are quantized for one group of keys after the other.
  void load_rows(query_rows const& rows, index first, index) noexcept {
    of_ = rows;
    first_ = first;
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
      index const at = first % most_near_rows;
      std::byte const* const page = k_.page(head_, token / page_tokens);
      index const first_row = token % page_tokens;
      load_part(token, page);
      for (int t = 0; t < T; ++t) { load_query(first + t, at + t, token, page); }

      constexpr int lines = static_cast<int>(larger(layout::step_bytes / 64 * width / page_tokens / 2, 1));
      lines_ahead ahead{page, page};
      if (first == 0) { ahead = values_ahead<A, width>(k_.places(), head_, page_, b); }
      // Query t and the group of register r.
      auto const of = [at](int t, int r) __attribute__((always_inline)) { return r / shared * kept + at + t; };
      simd::ints<A> total[static_cast<std::size_t>(T * R)];
      unroll<T * R>([&](int i)
                        __attribute__((always_inline)) { total[i] = simd::ints<A>(start_[of(i / R, i % R)]); });
      page_sums<weights, lines, T, R, shared>(weights(), page + first_row * 4, first_row, stride() / layout::step,
                                              rows_ + at * stride(), stride(), ahead, total, kept * stride());
      ahead.rest();
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
    constexpr std::int64_t c0 =
        page_layout::zero_points ? 1 : -lattice<typename page_layout::format>.lowest - weights::offset;
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

 private:
  float factor_;
  query_rows of_{};
  index first_ = 0;
  operand* rows_ = nullptr;        ///< [group of the tile][place][channel]
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
