// SPDX-License-Identifier: MIT
// What with_outliers keeps beside the pages of a cache, as a side term of the products of its codes.
#pragma once

#include <cstddef>
#include <type_traits>

#include "octavo/kernel/attention_rows.hpp"
#include "octavo/simd/lookup.hpp"
#include "octavo/storage/kv_cache.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Scores of Base, which multiplies the codes of keys, and of what they leave of outliers: t = fma(q of its channel,
/// residual, t) from 0, in the order in which they are stored, then fma(t, what a product of q and k counts as, score
/// of Base). Queries of this term are not quantized.
template <class A, class Base, class Q, class K>
class outlier_keys : public Base {
  using layout = key_layout<K>;
  using slots = typename layout::slots;
  static constexpr int L = simd::lanes<A>;
  static constexpr int N = static_cast<int>(K::outliers);

 protected:
  using Base::head_, Base::k_, Base::page_, Base::q_;

 public:
  using Base::Base, Base::width;
  static constexpr bool finds_largest = false;  // scores change once more

  [[nodiscard]] index scratch(index rows) const { return Base::scratch(rows) + product(rows, stride()); }
  void use(float* scratch, index rows) noexcept {
    Base::use(scratch, rows);
    queries_ = scratch + Base::scratch(rows);
  }
  void load_rows(query_rows const& rows, index first, index n) noexcept {
    Base::load_rows(rows, first, n);
    for (index i = 0; i < n; ++i) {
      simd::copy_as_floats<A>(q_.at(rows.head(first + i), rows.query(first + i)), k_.head_dim(),
                              queries_ + i * stride());
    }
  }

  template <int T>
  void multiply(index first, index b, float* scores) const noexcept {
    Base::template multiply<T>(first, b, scores);
    index const token = page_ * page_tokens + b * width;
    if (k_.head_dim() == 0) { return; }
    std::byte const* const page = k_.page(head_, token / page_tokens) + k_.layout().outliers_at();
    simd::ints<A> const last(static_cast<std::int32_t>(k_.head_dim() - 1));  // whatever bytes there are
    for (index r = 0; r < width && token + r < k_.closed(); r += L) {
      index const slot = token % page_tokens + r;
      simd::ints<A> at[static_cast<std::size_t>(N)];
      simd::floats<A> residual[static_cast<std::size_t>(N)];
      detail::unroll<N>([&](int n) __attribute__((always_inline)) {
        at[n] = simd::minimum<A>(simd::load_shorts<A>(page + 2 * (n * page_tokens + slot)), last);
        residual[n] = simd::load_as_floats<A>(reinterpret_cast<f16 const*>(page + slots::channel_bytes) +
                                              n * page_tokens + slot);
      });
      detail::unroll<T>([&](int t) __attribute__((always_inline)) {
        float const* const q = queries_ + (first + t) * stride();
        simd::floats<A> sum(0.0f);
        detail::unroll<N>([&](int n) __attribute__((always_inline)) {
          sum = simd::fused<A>(simd::gather<A>(q, at[n]), residual[n], sum);
        });
        float* const to = scores + t * width + r;
        simd::fused<A>(sum, simd::floats<A>(Base::unit(first + t)), simd::load_floats<A>(to)).store_unaligned(to);
      });
    }
  }

 private:
  [[nodiscard, gnu::always_inline]] index stride() const noexcept { return round_up(k_.head_dim(), 16); }

  float* queries_ = nullptr;
};

/// Outputs of Base, which multiplies the codes of values, and of what they leave of outliers: acc += weight * residual,
/// page by page of a leaf, in each for the outliers in the order in which they are stored, key by key. Weights of this
/// term are f32.
template <class A, class Base, class V>
class outlier_values : public Base {
  using layout = value_layout<V>;
  using slots = typename layout::slots;
  static constexpr int L = simd::lanes<A>;
  static constexpr index N = V::outliers;

 protected:
  using Base::head_, Base::page_, Base::v_;

 public:
  using Base::Base, Base::width;

  /// To rows of [block of channels][row][width], blocks `block_stride` floats apart, from rows of the weights of keys
  /// [low, high). Pre: weights of whole pages are there, 0 or more.
  template <int T>
  [[gnu::noinline]] void add_side_terms(index, typename Base::weight const* rows, index stride, index low, index high,
                                        float* out, index block_stride) const noexcept {
    static_assert((width & (width - 1)) == 0);
    constexpr int bits = __builtin_ctzll(width);
    if (v_.head_dim() == 0) { return; }
    simd::ints<A> const last(static_cast<std::int32_t>(v_.head_dim() - 1));  // whatever bytes there are
    simd::ints<A> const block(static_cast<std::int32_t>(block_stride));
    simd::floats<A> const zero(0.0f);
    alignas(64) std::int32_t at[page_tokens];
    alignas(64) float residuals[page_tokens];
    alignas(64) float products[page_tokens];
    for (index first = low - low % page_tokens; first < high; first += page_tokens) {
      std::byte const* const page = v_.page(head_, page_ + first / page_tokens) + v_.layout().outliers_at();
      for (index n = 0; n < N; ++n) {
        auto const* const from = reinterpret_cast<f16 const*>(page + slots::channel_bytes) + n * page_tokens;
        for (index i = 0; i < page_tokens; i += L) {
          auto const c = simd::minimum<A>(simd::load_shorts<A>(page + 2 * (n * page_tokens + i)), last);
          (simd::multiply<A>(simd::shift_right<bits, A>(c), block) + simd::bit_and<A>(c, width - 1))
              .store_unaligned(at + i);
          simd::load_as_floats<A>(from + i).store_unaligned(residuals + i);
        }
        for (index t = 0; t < T; ++t) {
          for (index i = 0; i < page_tokens; i += L) {
            auto const w = simd::load_floats<A>(rows + t * stride + first + i);
            auto const product = simd::opaque<A>(w * simd::load_floats<A>(residuals + i));
            // Residuals of keys that nobody sees may be anything.
            simd::where_less<A>(zero, w, product, zero).store_unaligned(products + i);
          }
          float* const to = out + t * width;
          for (index i = 0; i < page_tokens; ++i) { to[at[i]] += products[i]; }
        }
      }
    }
  }
};

/// The products of a side of a cache with what is kept beside its codes, if there is any.
template <class A, class S>
struct with_side_terms {
  template <class Codes, class>
  using keys = Codes;
  template <class Codes>
  using values = Codes;
};
template <class A, class S>
  requires detail::has_outliers<S>
struct with_side_terms<A, S> {
  template <class Codes, class Q>
  using keys = outlier_keys<A, Codes, Q, S>;
  template <class Codes>
  using values = outlier_values<A, Codes, S>;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
