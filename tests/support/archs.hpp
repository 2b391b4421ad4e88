// SPDX-License-Identifier: MIT
// Runs a test for each instruction set that was compiled in and that this CPU has.
#pragma once

#include "octavo/simd/arch.hpp"

#include <type_traits>

namespace test {

template <class A, class F>
void if_arch(F const& f) {
  if constexpr (octavo::arch_compiled<A>) {
    if (octavo::cpu_has<A>()) { f(std::type_identity<A>{}); }
  }
}

/// f(std::type_identity<arch>{}) for every vector instruction set at hand.
template <class F>
void for_vector_archs(F const& f) {
  if_arch<octavo::avx2>(f);
  if_arch<octavo::avx512vnni>(f);
  if_arch<octavo::neon64_dotprod>(f);
}

/// The same with octavo::scalar first: those whose kernels differ most. The tests of simd/ and the hashes run on every
/// one. Where OCTAVO_TESTED_SCALAR is defined, another build of the same tests is said to have run octavo::scalar.
template <class F>
void for_archs(F const& f) {
#if !defined(OCTAVO_TESTED_SCALAR)
  if_arch<octavo::scalar>(f);
#endif
  for_vector_archs(f);
}

/// Every instruction set that there is.
template <class F>
void for_every_arch(F const& f) {
  for_archs(f);
  if_arch<octavo::sse42>(f);
  if_arch<octavo::avxvnni>(f);
  if_arch<octavo::avx512bw>(f);
  if_arch<octavo::avx512amx>(f);
  if_arch<octavo::neon64>(f);
  if_arch<octavo::neon64_i8mm>(f);
}

}  // namespace test
