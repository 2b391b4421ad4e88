// SPDX-License-Identifier: MIT
// Walks a format through granularities and activations: compiled, on its path, and equal to the plain product.
#pragma once

#include "octavo/format/integer.hpp"
#include "octavo/kernel/expand.hpp"
#include "octavo/kernel/float_weights.hpp"
#include "octavo/ops/matmul.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/quant/scheme.hpp"
#include "octavo/quant/symmetric.hpp"

#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"
#include "support/plain_matmul.hpp"

#include <type_traits>

namespace test {

/// Weights of scheme W by activations A (a scheme or as_is) of element type X, on one instruction set, over a few
/// shapes.
template <class W, class A, class X, class Arch>
void check_few_shapes() {
  using activation = std::conditional_t<std::is_same_v<A, octavo::as_is>, X, A>;
  struct {
    octavo::index rows, cols, tokens;
  } const shapes[] = {{1, 1, 1}, {65, 45, 1}, {17, 70, 5}, {64, 128, 16}, {130, 33, 19}};
  std::uint64_t seed = 1;
  for (auto const& s : shapes) {
    auto const w = octavo::quantize<W>(matrix<float>(s.rows, s.cols, ++seed), octavo::on<Arch>());
    matrix<X> const x(s.cols, s.tokens, seed + 100);
    matrix<float> y(s.rows, s.tokens);
    octavo::matmul<A>(w, x, y, octavo::on<Arch>());
    INFO(octavo::arch_name<Arch> << ": " << s.rows << " x " << s.cols << ", tokens " << s.tokens);
    CHECK(differences(y, plain_matmul<activation>(w.view(), x)) == 0);
  }
}

/// Quantizer Q with either granularity of rows and every kind of activation, with All in all pairs. `scalar` compiles
/// four times as fast as vectors; its C++ is the same on Arm, where this would take minutes more.
template <class Q, bool All = false>
void check_everywhere() {
  using a8 = octavo::scheme<octavo::symmetric<octavo::int8>, octavo::per_token>;
  using octavo::as_is;
  using octavo::bf16;
  using octavo::scalar;
  using rows = octavo::scheme<Q, octavo::per_row>;
  using groups = octavo::scheme<Q, octavo::per_group<32>>;
  if constexpr (!octavo::detail::is_neon<octavo::default_arch>) {
    check_few_shapes<rows, a8, float, scalar>();
    check_few_shapes<groups, as_is, bf16, scalar>();
    check_few_shapes<rows, as_is, float, scalar>();
    if constexpr (All) {
      check_few_shapes<groups, a8, float, scalar>();
      check_few_shapes<rows, as_is, bf16, scalar>();
      check_few_shapes<groups, as_is, float, scalar>();
    }
  }
}

/// The path of format F with int8 activations.
template <class F>
inline constexpr octavo::path narrowest_path =
    octavo::path_of<octavo::scheme<octavo::symmetric<F>, octavo::per_row>,
                    octavo::scheme<octavo::symmetric<octavo::int8>, octavo::per_token>>;

/// Groups of Q by activations A on the instruction set of this translation unit, if its floats are those of the
/// contract.
template <class Q, class A, class X, class Arch = octavo::default_arch>
void check_on_vectors() {
  if constexpr (octavo::has_fma<Arch>) { check_few_shapes<octavo::scheme<Q, octavo::per_group<32>>, A, X, Arch>(); }
}

/// Format F with the activations of its narrowest path.
template <class F>
void check_narrowest() {
  using Q = octavo::symmetric<F>;
  if constexpr (narrowest_path<F> == octavo::path::int8_dot) {
    check_on_vectors<Q, octavo::scheme<octavo::symmetric<octavo::int8>, octavo::per_token>, float>();
  } else if constexpr (narrowest_path<F> == octavo::path::bf16_dot) {
    check_on_vectors<Q, octavo::as_is, octavo::bf16>();
  } else {
    check_on_vectors<Q, octavo::as_is, float>();
  }
}

/// Values of the codes of F as the vectors of float products unpack them: all in which formats of as many bits differ
/// there.
template <class F, class Arch = octavo::default_arch>
void check_unpacked() {
  using S = octavo::scheme<octavo::symmetric<F>, octavo::per_group<32>>;
  using weights = octavo::kernel::float_weights<Arch, octavo::panel_layout<S>, false>;
  constexpr octavo::index L = octavo::simd::lanes<Arch>;
  auto const w = octavo::quantize<S>(matrix<float>(64, 32, 3), octavo::on<octavo::scalar>());
  auto const view = w.view();
  int wrong = 0;
  for (octavo::index first = 0; first < 64; first += L) {
    octavo::aligned_buffer out(32 * L * static_cast<octavo::index>(sizeof(float)));
    octavo::kernel::expand<weights, 1>(view.panel(0), view.panel(0) + view.layout().params_at(0), first,
                                       32 / octavo::panel_layout<S>::step, out.data());
    auto const* const values = reinterpret_cast<float const*>(out.data());
    for (octavo::index k = 0; k < 32; ++k) {
      for (octavo::index r = 0; r < L; ++r) {
        wrong += same_bits(values[k * L + r], F::decode(view.code_at(first + r, k))) ? 0 : 1;
      }
    }
  }
  CHECK(wrong == 0);
}

/// Format F with the activations of its narrowest path on vectors, and with everything on `scalar`.
template <class F, bool All = false>
void check_format() {
  check_everywhere<octavo::symmetric<F>, All>();
  check_narrowest<F>();
}

}  // namespace test
