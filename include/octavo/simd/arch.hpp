// SPDX-License-Identifier: MIT
// Instruction sets as types: xsimd's tags, our wrappers for what xsimd lacks, and what the compiler and CPU have.
#pragma once

#include <type_traits>

#include <xsimd/xsimd.hpp>

namespace octavo {
inline namespace v0 {

/// Plain C++, 16 emulated lanes; the reference of every instruction set, on any CPU.
struct scalar {};

/// Wrapper tags in xsimd's style. xsimd's batches serve `Base`; the dot products are in simd/dot.hpp.
template <class Base>
struct vnni : Base {};  ///< vpdpbusd
template <class Base>
struct vbmi : Base {};  ///< vpermb, vpermi2b
template <class Base>
struct dpbf16 : Base {};  ///< vdpbf16ps

/// AVX2 with FMA and F16C.
using avx2 = xsimd::fma3<xsimd::avx2>;
/// AVX-512 with VNNI, VBMI and BF16: Zen 4, Sapphire Rapids and later.
using avx512vnni = dpbf16<vbmi<vnni<xsimd::avx512bw>>>;

namespace detail {

template <class A>
inline constexpr bool is_scalar = std::is_same_v<A, scalar>;
template <class A>
inline constexpr bool is_avx2 = std::is_same_v<A, avx2>;
template <class A>
inline constexpr bool is_avx512 = std::is_base_of_v<xsimd::avx512bw, A>;
template <class A>
inline constexpr bool has_dpbf16 = false;
template <class B>
inline constexpr bool has_dpbf16<dpbf16<B>> = true;

/// No instruction set was asked for and the compiler flags name none.
struct no_arch {};

}  // namespace detail

/// Whether the flags of this translation unit allow kernels for A.
template <class A>
inline constexpr bool arch_compiled = detail::is_scalar<A>;
#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
template <>
inline constexpr bool arch_compiled<avx2> = true;
#endif
#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && defined(__AVX512VNNI__) && \
    defined(__AVX512VBMI__) && defined(__AVX512BF16__)
template <>
inline constexpr bool arch_compiled<avx512vnni> = true;
/// The widest instruction set that the flags of this translation unit allow: an alias, never a tag of its own.
using default_arch = avx512vnni;
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
using default_arch = avx2;
#else
using default_arch = detail::no_arch;
#endif

/// The name in benchmark rows.
template <class A>
inline constexpr char const* arch_name = detail::is_scalar<A>            ? "scalar"
                                         : detail::is_avx2<A>            ? "avx2"
                                         : std::is_same_v<A, avx512vnni> ? "avx512vnni"
                                                                         : "unknown";

/// Whether this CPU, and its operating system, run kernels for A.
template <class A>
[[nodiscard]] inline bool cpu_has() noexcept {
  if constexpr (detail::is_scalar<A>) {
    return true;
  } else {
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool const has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if constexpr (detail::is_avx2<A>) { return has_avx2; }
    return has_avx2 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni") &&
           __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
  }
}

namespace detail {

/// The sentence for a translation unit without flags, or with too few.
template <class A>
consteval bool check_arch() {
  static_assert(!std::is_same_v<A, no_arch>,
                "Octavo: this translation unit is compiled for no instruction set that Octavo has kernels for. Add "
                "-march=native (or -mavx2 -mfma -mf16c), or ask for plain C++ with octavo::on<octavo::scalar>().");
  static_assert(
      std::is_same_v<A, no_arch> || arch_compiled<A>,
      "Octavo: the flags of this translation unit do not allow the instruction set named in on<arch>(). Add "
      "its -m flags, or compile this call in a translation unit of its own.");
  return arch_compiled<A>;
}

}  // namespace detail
}  // namespace v0
}  // namespace octavo
