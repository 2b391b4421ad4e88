// SPDX-License-Identifier: MIT
// Keys of a cache as attention multiplies them where they are stored: exact int32 sums of groups.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/kernel/activations.hpp"
#include "octavo/kernel/attention_rows.hpp"
#include "octavo/kernel/page_tile.hpp"
#include "octavo/kernel/tile.hpp"
#include "octavo/storage/kv_cache.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// What is asked for while block b of `Width` keys of a leaf that begins with `page` is multiplied: as much of its
/// values. See lines_ahead.
template <class A, index Width>
[[nodiscard, gnu::always_inline]] inline lines_ahead values_ahead(detail::cache_places const& places, index head,
                                                                  index page, index b) noexcept {
  index const share = places.value_bytes / (page_tokens / Width);
  return lines_ahead::part(
      b, share, larger(places.value_bytes, 1), [&](index i) __attribute__((always_inline)) {
        return places.values(head, page + i);
      });
}

/// Where the pages of a leaf of keys are, and in which order tiles of whole pages ask for them.
template <class A>
struct leaf_of_keys {
  std::byte const* at[static_cast<std::size_t>(2 * (leaf_keys / page_tokens))] = {};  ///< behind the last: values
  index pages = 0;
  index ahead = 1;
  index key_bytes = 0;
  index value_bytes = 0;
  index key_codes = 0;
  index value_codes = 0;

  /// n pages from `page` of `head`, of a cache with so many pages of all heads.
  [[gnu::always_inline]] void load(detail::cache_places const& places, index head, index page, index n,
                                   index all) noexcept {
    pages = n;
    key_bytes = places.key_bytes;
    value_bytes = places.value_bytes;
    key_codes = places.key_codes;
    value_codes = places.value_codes;
    ahead = pages_between(key_bytes, is_far(all, key_bytes + value_bytes));
    places.keys(head, page, n, at);
    places.values(head, page, n, at + n);
  }
  /// What is asked for while page p is multiplied.
  [[nodiscard, gnu::always_inline]] lines_ahead after(index p) const noexcept {
    index const next = p + ahead;
    return next < 2 * pages ? lines_ahead::run(at[next], next < pages ? key_codes : value_codes)
                            : lines_ahead::run(at[p], 0);
  }
  /// Parameters of values of page p, which are what the next pass wants first.
  [[nodiscard, gnu::always_inline]] lines_ahead params_of_values(index p) const noexcept {
    return lines_ahead::run(at[pages + p] + value_codes, value_bytes - value_codes);
  }
};

/// S = K Q by integers: queries are quantized by Quantizer, a scale for each; keys are those of a cache by scheme K. A
/// score is t = fma(float(exact sum of group g), scale of g, t) over the groups of a key, ascending, from what minima
/// add; then times the scale of the query.
template <class A, class Quantizer, class Q, class K>
class page_keys {
  using layout = typename key_layout<K>::panel_type;
  using weights = byte_weights<A, layout, false>;
  using operand = typename weights::operand;
  static constexpr index L = simd::lanes<A>;
  static constexpr int registers = short_registers<A>;

 public:
  static constexpr index width = registers * L;
  static constexpr int tokens = page_tile_rows<A>;
  static constexpr bool finds_largest = true;

  page_keys(heads_view<Q const> const& q, cache_keys<K> const& k, float factor) noexcept
      : q_(q), k_(k), factor_(factor), layout_(k.layout().panel()), segments_(layout_, longest_leaf) {}

  /// Floats of scratch, if so many rows are loaded at most.
  [[nodiscard]] index scratch(index rows) const {
    return round_up(
        ceil_div(product(rows, segments_.count, round_up(stride() * sizeof_operand, 64) + 8), 4) + product(rows, 2),
        16);
  }
  void use(float* scratch, index rows) noexcept {
    rows_ = reinterpret_cast<operand*>(scratch);
    start_ = reinterpret_cast<std::int32_t*>(rows_ + rows * segments_.count * stride());
    sums_ = reinterpret_cast<float*>(start_ + rows * segments_.count);
    factors_ = sums_ + rows * segments_.count;
    most_rows_ = rows;
  }
  /// Another cache of the same shape.
  void read(cache_keys<K> const& k) noexcept { k_ = k; }
  void load_leaf(index head, index first, index n) noexcept {
    head_ = head;
    page_ = first / page_tokens;
    leaf_.load(k_.places(), head, page_, ceil_div(n, page_tokens), k_.heads() * ceil_div(k_.tokens(), page_tokens));
  }
  /// n rows from `first`, which count from 0 here. They stay while leaves come and go.
  void load_rows(query_rows const& rows, index first, index n) noexcept {
    index const d = layout_.cols;
    for (index i = 0; i < n; ++i) {
      token_source<A, Q> const x{q_.at(rows.head(first + i), rows.query(first + i)), nullptr, d};
      auto const p = token_params<Quantizer>(x);
      for (index s = 0; s < segments_.count; ++s) {
        auto const sum =
            quantize_segment<A, Quantizer>(x, p, segments_.first(layout_, s), segments_.present(layout_, s), stride(),
                                           0, nullptr, rows_ + (s * most_rows_ + i) * stride());
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
  /// What a product of row i and a key, as they are, counts as among scores.
  [[nodiscard, gnu::always_inline]] float unit(index i) const noexcept {
    float const u = detail::opaque(factor_ / factors_[i]);
    return detail::is_finite(u) ? u : 0.0f;
  }

  /// Scores of T rows from `first` and the keys of block b; the largest so far of each row and lane is in
  /// largest[row][lane], if it is not null.
  template <int T>
  [[gnu::noinline]] void multiply(index first, index b, float* scores, float* largest = nullptr) const noexcept {
    using detail::unroll;
    constexpr int R = registers;
    index const p = b * width / page_tokens;
    index const first_row = b * width % page_tokens;
    std::byte const* const page = leaf_.at[p];
    constexpr int lines = static_cast<int>(larger(layout::step_bytes / 64 * width / page_tokens, 1));
    lines_ahead ahead{page, page};
    if (first == 0) {
      if constexpr (takes_pages<A>) {
        ahead = leaf_.after(b);
      } else {
        ahead = values_ahead<A, width>(k_.places(), head_, page_, b);
      }
    }
    weights const unpack;
    simd::floats<A> sum[static_cast<std::size_t>(T * R)];
    unroll<T * R>([&](int i) __attribute__((always_inline)) { sum[i] = simd::floats<A>(0.0f); });
    if constexpr (layout::minima) {
      for (index s = 0; s < segments_.count; ++s) {
        add_minima<T>(page + layout_.params_at(s), first_row, sums_ + s * most_rows_ + first, sum);
      }
    }
    for (index s = 0; s < segments_.count; ++s) {
      std::byte const* const params = page + params_at(s);
      token_block<weights> x{};
      x.start = start_ + s * most_rows_ + first;
      simd::ints<A> total[static_cast<std::size_t>(T * R)];
      unroll<T>([&](int t) __attribute__((always_inline)) {
        unroll<R>([&](int r) __attribute__((always_inline)) {
          total[t * R + r] = weights::initial(x, t, 0, params, first_row + r * L);
        });
      });
      page_sums<weights, lines, T, R>(unpack, page + codes_at(s) + first_row * 4, first_row,
                                      segments_.steps(layout_, s), rows_ + (s * most_rows_ + first) * stride(),
                                      stride(), ahead, total);
      unroll<R>([&](int r) __attribute__((always_inline)) {
        auto scale = load_stored_scales<A, layout>(params, nullptr, first_row + r * L);
        if constexpr (weights::scale_factor != 1.0f) { scale = scale * simd::floats<A>(weights::scale_factor); }
        unroll<T>([&](int t) __attribute__((always_inline)) {
          auto& to = sum[t * R + r];
          to = simd::fused<A>(simd::to_floats<A>(total[t * R + r]), scale, to);
        });
      });
    }
    ahead.rest<A>();
    if constexpr (takes_pages<A>) {
      if (first == 0) { leaf_.params_of_values(b).template rest<A>(); }
    }
    unroll<T * R>([&](int i)
                      __attribute__((always_inline)) { sum[i].store_unaligned(scores + i / R * width + i % R * L); });
    if (largest == nullptr) { return; }
    unroll<T>([&](int t) __attribute__((always_inline)) {
      auto most = simd::load_floats<A>(largest + t * L);
      unroll<R>([&](int r) __attribute__((always_inline)) {
        most = simd::maximum<A>(sum[t * R + r], most);  // NaN leaves what was
      });
      most.store_unaligned(largest + t * L);
    });
  }

 private:
  static constexpr index sizeof_operand = static_cast<index>(sizeof(operand));
  /// Operands of a segment, where its codes are, and where its parameters are.
  [[nodiscard, gnu::always_inline]] index stride() const noexcept { return segments_.length; }
  [[nodiscard, gnu::always_inline]] index codes_at(index s) const noexcept {
    return layout::grouped ? layout_.codes_at(s) : s * (segments_.length / layout::step * layout::step_bytes);
  }
  [[nodiscard, gnu::always_inline]] index params_at(index s) const noexcept {
    return layout_.params_at(layout::grouped ? s : 0);
  }
  /// sum[t][r] = fma(sum of the operands of row t, minimum of key r, sum[t][r]).
  template <int T>
  [[gnu::always_inline]] static void add_minima(std::byte const* params, index first_row, float const* sums,
                                                simd::floats<A>* sum) noexcept {
    auto const* const minima = reinterpret_cast<typename layout::scale_type const*>(params + layout::scale_bytes);
    detail::unroll<registers>([&](int r) __attribute__((always_inline)) {
      auto const minimum = simd::load_as_floats<A>(minima + first_row + r * L);
      detail::unroll<T>([&](int t) __attribute__((always_inline)) {
        auto& to = sum[t * registers + r];
        to = simd::fused<A>(simd::floats<A>(sums[t]), minimum, to);
      });
    });
  }

 protected:
  heads_view<Q const> q_;
  cache_keys<K> k_;
  index head_ = 0;
  index page_ = 0;  ///< the first of the leaf

 private:
  float factor_;
  layout layout_;
  segmentation<layout> segments_;
  leaf_of_keys<A> leaf_;
  index most_rows_ = 0;
  operand* rows_ = nullptr;
  std::int32_t* start_ = nullptr;
  float* sums_ = nullptr;
  float* factors_ = nullptr;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
