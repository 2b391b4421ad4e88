// SPDX-License-Identifier: MIT
// V and P of attention as 8-bit floats: products by bf16 pairs where there is an instruction for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/kernel/dense_operands.hpp"
#include "octavo/kernel/encode.hpp"
#include "octavo/quant/symmetric.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// The value of F nearest to a number without a sign, ties to even. Pre: it is at most largest_value<F>; NaN stays.
template <class A, class F>
[[nodiscard, gnu::always_inline]] inline simd::floats<A> round_size_to(simd::floats<A> size) noexcept {
  static_assert(encoding_of<F> == encoding::minifloat);
  using ints = simd::ints<A>;
  auto const power =
      simd::maximum<A>(simd::bit_and<A>(simd::as_ints<A>(size), 0x7f800000u), ints((128 - F::bias) << 23));
  auto const magic = simd::as_floats<A>(power + ints((23 - F::mantissa_bits) << 23));
  return simd::opaque<A>(size + magic) - magic;
}
/// The same of numbers with signs.
template <class A, class F>
[[nodiscard, gnu::always_inline]] inline simd::floats<A> round_to(simd::floats<A> x) noexcept {
  auto const sign = simd::bit_and<A>(simd::as_ints<A>(x), 0x80000000u);
  auto const rounded = round_size_to<A, F>(simd::absolute<A>(x));
  return simd::as_floats<A>(simd::bit_or<A>(simd::as_ints<A>(rounded), sign));
}

/// Weights as values of F relative to its largest: nearest to 448 p for e4m3. They are bf16, or floats whose pairs are
/// swapped, so that a chain of fma has the order of dot_bf16.
template <class A, class F, class Operand>
struct minifloat_writer {
  using weight = Operand;
  static constexpr int planes = 1;
  static constexpr float unit = largest_value<F>;
  static constexpr weight nothing = 0;

  /// As float_writer::write; the sum is that of the rounded weights.
  template <index Width, class Blocks>
  [[nodiscard, gnu::always_inline]] static float write(float const* scores, index stride, Blocks const& blocks,
                                                       float factor, float largest, bool, Operand* weights) noexcept {
    static_assert(std::is_same_v<Operand, float> || Width % (2 * simd::lanes<A>) == 0);
    simd::floats<A> before(0.0f);  // of an even register, until the odd one is there
    return sum_of_weights<A, Width>(
        scores, stride, blocks, factor, largest, [&](simd::floats<A> x, index j) __attribute__((always_inline)) {
          auto const at_most_1 = simd::exp2<3, A>(simd::minimum<A>(simd::floats<A>(0.0f), x));  // NaN stays
          auto const p = round_size_to<A, F>(at_most_1 * simd::floats<A>(unit));
          if constexpr (std::is_same_v<Operand, float>) {
            simd::swap_pairs<A>(p).store_unaligned(weights + j);
          } else if (j / simd::lanes<A> % 2 == 0) {
            before = p;
          } else {
            simd::store_high_words<A>(weights + j - simd::lanes<A>, before, p);
          }
          return p;
        });
  }
};

/// dot_bf16 of pairs: the products of two neighbours in each lane.
template <class A>
struct pair_product {
  using arch = A;
  using operand = std::uint16_t;
  using weight = simd::ints<A>;
  using accumulator = simd::floats<A>;
  using sum = simd::floats<A>;
  static constexpr index step = 2;

  [[nodiscard, gnu::always_inline]] static weight load(operand const* p) noexcept {
    std::int32_t both;
    std::memcpy(&both, p, sizeof both);
    return weight(both);
  }
  [[nodiscard, gnu::always_inline]] static accumulator add(accumulator acc, weight const& w,
                                                           weight const& a) noexcept {
    return simd::dot_bf16<A>(acc, w, a);
  }
};

/// O = V P by values of F: V with a scale for each channel of a leaf, its largest value / that of F; P relative to the
/// largest score of the leaf. Sums over a leaf are one chain of f32 fma over keys, of each pair the second first. (The
/// two levels of SageAttention 2 are the leaf and the merge of leaves, both f32.)
template <class A, class F, class V>
class minifloat_values : public copied_values<A, V> {
  using base = copied_values<A, V>;
  using panels = dense_panels<A>;
  using base::bad_;
  using base::finite_;
  using base::keys_;
  using base::leaf_;
  using base::v_;
  static constexpr bool pairs = detail::fast_pairs<A>;
  static constexpr int L = simd::lanes<A>;

 public:
  using writer = minifloat_writer<A, F, std::conditional_t<pairs, std::uint16_t, float>>;
  using weight = typename writer::weight;
  using base::width;

  using base::base;

  [[nodiscard]] index scratch() const { return base::scratch() + round_up(v_.head_dim(), width); }
  void use(float* scratch) noexcept {
    base::use(scratch);
    scales_ = scratch + base::scratch();
  }
  void load_leaf(index head, index first, index n) noexcept {
    base::load_leaf(head, first, n);
    for (index b = 0; b < base::blocks(); ++b) { quantize(b); }
  }
  [[nodiscard]] float settle(index, weight const* weights, index low, index high, float sum) const noexcept {
    if (finite_) { return sum; }
    for (index j = low; j < smaller(high, keys_); ++j) {
      if (bad_[j] && !(weights[pairs ? j : j ^ 1] == 0)) { return __builtin_nanf(""); }
    }
    return sum;
  }
  template <int T>
  void multiply(index, weight const* weights, index stride, index b, index low, index high, float* out,
                bool more = false, bool last = true) const noexcept {
    index const all = panels::filled(keys_);
    index const end = smaller(panels::filled(high), all);
    float const* const block = leaf_ + b * all * width;
    if constexpr (pairs) {
      short_tile<pair_product<A>, T, panels::registers>(reinterpret_cast<std::byte const*>(block + low / 2 * width),
                                                        round_up(end - low, 4) / 2, weights + low, stride, nullptr,
                                                        out, more);
    } else {
      panels::template multiply<T>(block + low * width, end - low, weights + low, stride, out, more);
    }
    if (!last) { return; }
    for (index i = 0; i < T * width; i += L) {
      auto const scale = simd::load_floats<A>(scales_ + b * width + i % width);
      simd::fused<A>(simd::load_floats<A>(out + i), scale, simd::floats<A>(0.0f)).store_unaligned(out + i);
    }
  }

 private:
  /// A block of channels: floats become values of F, then pairs of bf16, or swapped.
  void quantize(index b) noexcept {
    index const all = panels::filled(keys_);
    float* const block = leaf_ + b * all * width;
    for (index r = 0; r < width; r += L) {
      simd::ints<A> most(0);
      for (index k = 0; k < all; ++k) {
        auto const x = simd::as_ints<A>(simd::load_floats<A>(block + k * width + r));
        most = simd::maximum<A>(most, simd::bit_and<A>(x, 0x7fffffffu));
      }
      float absmax[static_cast<std::size_t>(L)];
      float inverse[static_cast<std::size_t>(L)];
      simd::as_floats<A>(most).store_unaligned(absmax);
      for (index i = 0; i < L; ++i) {
        auto const p = symmetric<F>::from_absmax(absmax[i]);
        scales_[b * width + r + i] = p.scale;
        inverse[i] = p.inverse;
      }
      auto const factor = simd::load_floats<A>(inverse);
      auto const value = [&](index k) __attribute__((always_inline)) {
        auto const x = simd::load_floats<A>(block + k * width + r) * factor;
        return round_to<A, F>(clamp<A>(x, -largest_value<F>, largest_value<F>));
      };
      for (index k = 0; k < all; k += 2) {
        auto const even = value(k);
        auto const odd = value(k + 1);
        if constexpr (pairs) {  // where the floats of the first half were
          auto const low = simd::shift_right<16, A>(simd::as_ints<A>(even));
          simd::as_floats<A>(simd::bit_or<A>(low, simd::bit_and<A>(simd::as_ints<A>(odd), 0xffff0000u)))
              .store_unaligned(block + k / 2 * width + r);
        } else {
          odd.store_unaligned(block + k * width + r);
          even.store_unaligned(block + (k + 1) * width + r);
        }
      }
      if (pairs && all % 4 != 0) { simd::floats<A>(0.0f).store_unaligned(block + all / 2 * width + r); }
    }
  }

  float* scales_ = nullptr;
};

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
