// SPDX-License-Identifier: MIT
// lanes_of_16: sixteen virtual lanes, as many registers as that takes, so that sums have one order everywhere.
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>

#include "octavo/core/unroll.hpp"
#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace simd {

/// Sixteen virtual lanes in whole registers, so that sums have the same order for any length of registers; more than
/// one chain of them where the order does not matter.
template <class A, int Chains = 1>
struct lanes_of_16 {
  static constexpr int registers = 16 / lanes<A>;
  floats<A> part[static_cast<std::size_t>(registers * Chains)];

  lanes_of_16() = default;
  [[gnu::always_inline]] explicit lanes_of_16(float x) noexcept {
    octavo::detail::unroll<registers * Chains>([&](int i) __attribute__((always_inline)) { part[i] = floats<A>(x); });
  }
  /// The register that takes register r of a run.
  [[nodiscard, gnu::always_inline]] floats<A>& of(int r) noexcept { return part[r % (registers * Chains)]; }
  /// op of all chains, then of all lanes: halves of 8, 4, 2, 1.
  template <class Op>
  [[nodiscard, gnu::always_inline]] float reduce(Op const& op) noexcept {
    octavo::detail::unroll<registers*(Chains - 1)>([&](int i) __attribute__((always_inline)) {
      part[i % registers] = op(part[i % registers], part[registers + i]);
    });
    float v[16];
    octavo::detail::unroll<registers>([&](int i) __attribute__((always_inline)) {
      part[i].store_unaligned(v + i * lanes<A>);
    });
    using quad [[gnu::vector_size(16)]] = float;
    quad q[4];
    std::memcpy(q, v, sizeof v);
    quad const four = op(quad(op(q[0], q[2])), quad(op(q[1], q[3])));
    return op(op(four[0], four[2]), op(four[1], four[3]));
  }
};

struct sum_of {
  template <class V>
  [[nodiscard, gnu::always_inline]] V operator()(V const& a, V const& b) const noexcept {
    return a + b;
  }
};

/// The larger one, the second where either is NaN.
template <class A>
struct larger_of {
  template <class V>
  [[nodiscard, gnu::always_inline]] V operator()(V const& a, V const& b) const noexcept {
    if constexpr (std::is_same_v<V, floats<A>>) {
      return maximum<A>(a, b);
    } else {
      return a > b ? a : b;
    }
  }
};
/// The smaller one, the second where either is NaN.
template <class A>
struct smaller_of {
  template <class V>
  [[nodiscard, gnu::always_inline]] V operator()(V const& a, V const& b) const noexcept {
    if constexpr (std::is_same_v<V, floats<A>>) {
      return minimum<A>(a, b);
    } else {
      return a < b ? a : b;
    }
  }
};

/// 16 elements from p, widened.
template <class A, class T>
[[nodiscard, gnu::always_inline]] inline lanes_of_16<A> load16(T const* p) noexcept {
  lanes_of_16<A> r;
  octavo::detail::unroll<lanes_of_16<A>::registers>([&](int i) __attribute__((always_inline)) {
    r.part[i] = load_as_floats<A>(p + i * lanes<A>);
  });
  return r;
}
/// 8 elements from `low`, then 8 from `high`.
template <class A, class T>
[[nodiscard, gnu::always_inline]] inline lanes_of_16<A> load16(T const* low, T const* high) noexcept {
  lanes_of_16<A> r;
  if constexpr (lanes<A> <= 8) {
    constexpr int half = lanes_of_16<A>::registers / 2;
    octavo::detail::unroll<half>([&](int i) __attribute__((always_inline)) {
      r.part[i] = load_as_floats<A>(low + i * lanes<A>);
      r.part[half + i] = load_as_floats<A>(high + i * lanes<A>);
    });
  } else if constexpr (requires { native_of<A>::load_two(low, high); }) {
    r.part[0] = native_of<A>::load_two(low, high);
  } else {
    T both[16];
    for (int i = 0; i < 8; ++i) {
      both[i] = low[i];
      both[8 + i] = high[i];
    }
    r.part[0] = load_as_floats<A>(both);
  }
  return r;
}
template <class A>
[[nodiscard, gnu::always_inline]] inline lanes_of_16<A> add(lanes_of_16<A> a, lanes_of_16<A> const& b) noexcept {
  octavo::detail::unroll<lanes_of_16<A>::registers>([&](int i) __attribute__((always_inline)) {
    a.part[i] = a.part[i] + b.part[i];
  });
  return a;
}
/// a * b + c with one rounding; with two on SSE4.2.
template <class A>
[[nodiscard, gnu::always_inline]] inline lanes_of_16<A> fused(lanes_of_16<A> const& a, lanes_of_16<A> const& b,
                                                              lanes_of_16<A> c) noexcept {
  octavo::detail::unroll<lanes_of_16<A>::registers>([&](int i) __attribute__((always_inline)) {
    c.part[i] = fused<A>(a.part[i], b.part[i], c.part[i]);
  });
  return c;
}
/// The sum of x[i] * y[i] over n: sixteen chains of fused(), element i in chain i % 16, then halves.
template <class A, class X, class Y>
[[nodiscard, gnu::always_inline]] inline float dot_of_16(X const* x, Y const* y, index n) noexcept {
  constexpr index L = lanes<A>;
  lanes_of_16<A> sum(0.0f);
  index i = 0;
  for (; i + 16 <= n; i += 16) { sum = fused<A>(load16<A>(x + i), load16<A>(y + i), sum); }
  for (int r = 0; i < n; i += L, ++r) {  // what is left
    index const left = smaller(n - i, L);
    sum.of(r) = fused<A>(load_first<A>(x + i, left), load_first<A>(y + i, left), sum.of(r));
  }
  return sum.reduce(sum_of());
}

}  // namespace simd
}  // namespace v0
}  // namespace octavo
