// SPDX-License-Identifier: MIT
// The first tokens of a cache that are floats, in place of the products of codes, which know nothing of them.
#pragma once

#include <cstddef>

#include "octavo/kernel/attention_rows.hpp"
#include "octavo/kernel/attention_tile.hpp"
#include "octavo/kernel/page_outliers.hpp"
#include "octavo/simd/lanes_of_16.hpp"
#include "octavo/storage/kv_cache.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Scores of Base, but for those of first tokens: query * key by 16 lanes, neither of them quantized, as what a product
/// of q and k counts as there.
template <class A, class Base, class Q>
class first_keys : public Base {
  using Base::head_, Base::k_, Base::page_, Base::q_;

 public:
  using Base::Base, Base::width;
  static constexpr bool finds_largest = false;  // scores change once more

  void load_rows(query_rows const& rows, index first, index n) noexcept {
    Base::load_rows(rows, first, n);
    rows_ = rows;
    first_row_ = first;
  }

  template <int T>
  void multiply(index first, index b, float* scores) const noexcept {
    Base::template multiply<T>(first, b, scores);
    index const token = page_ * page_tokens + b * width;
    for (index j = token; j < smaller(token + width, k_.firsts()); ++j) {
      for (index t = 0; t < T; ++t) {
        index const row = first_row_ + first + t;
        float const product =
            simd::dot_of_16<A>(q_.at(rows_.head(row), rows_.query(row)), k_.first_token(head_, j), k_.head_dim());
        scores[t * width + j - token] = detail::opaque(product * Base::unit(first + t));
      }
    }
  }

 private:
  query_rows rows_{};
  index first_row_ = 0;
};

/// Outputs of Base, which sees weights of 0 for first tokens, and acc = fma(weight, value, acc) for each of those, in
/// order, behind the pages of the first leaf. Weights of these are f32.
template <class A, class Base, index N>
class first_values : public Base {
  static constexpr int L = simd::lanes<A>;
  using Base::head_, Base::page_, Base::v_;

 public:
  using Base::Base, Base::width;

  void load_leaf(index head, index first, index n) noexcept {
    Base::load_leaf(head, first, n);
    firsts_ = first == 0 ? smaller(v_.firsts(), n) : 0;
    for (index j = 0; j < firsts_; ++j) {
      float const* const v = v_.first_token(head, j);
      finite_[j] = true;
      for (index c = 0; c < v_.head_dim(); ++c) { finite_[j] = finite_[j] && detail::is_finite(v[c]); }
    }
  }
  [[nodiscard]] float settle(index i, float* row, index low, index high, float sum) noexcept {
    bool finite = true;
    for (index j = 0; j < firsts_; ++j) {
      float& kept = kept_[i * N + j];
      kept = j >= low && j < high ? row[j] : 0.0f;
      row[j] = 0;
      finite = finite && (finite_[j] || kept == 0);
    }
    float const settled = Base::settle(i, row, low, high, sum);
    return finite ? settled : __builtin_nanf("");
  }
  /// As outlier_values, then of first tokens.
  template <int T>
  void add_side_terms(index first, typename Base::weight const* rows, index stride, index low, index high, float* out,
                      index block_stride) const noexcept {
    if constexpr (has_side_terms<Base>) {
      Base::template add_side_terms<T>(first, rows, stride, low, high, out, block_stride);
    }
    for (index t = 0; t < T; ++t) {
      for (index j = 0; j < firsts_; ++j) {
        float const w = kept_[(first + t) * N + j];
        if (w == 0) { continue; }  // its value may be anything
        float const* const v = v_.first_token(head_, j);
        for (index c = 0; c < v_.head_dim(); c += L) {
          float* const to = out + c / width * block_stride + t * width + c % width;
          auto const x = simd::load_first<A>(v + c, smaller(v_.head_dim() - c, L));
          simd::fused<A>(simd::floats<A>(w), x, simd::load_floats<A>(to)).store_unaligned(to);
        }
      }
    }
  }

 private:
  index firsts_ = 0;  ///< of the leaf
  bool finite_[static_cast<std::size_t>(N)] = {};
  float kept_[static_cast<std::size_t>(group_rows * N)] = {};  ///< weights [row of the group][token]
};

template <class A, class S>
  requires(detail::first_of<S> > 0)
struct with_side_terms<A, S> {
  using coded = with_side_terms<A, typename S::coded>;
  template <class Codes, class Q>
  using keys = first_keys<A, typename coded::template keys<Codes, Q>, Q>;
  template <class Codes>
  using values = first_values<A, typename coded::template values<Codes>, detail::first_of<S>>;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
