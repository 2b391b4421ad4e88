// SPDX-License-Identifier: MIT
// Instruction sets as types: xsimd's tags, our wrappers for what xsimd lacks, and what the compiler and CPU have.
#pragma once

#include <type_traits>

#include <xsimd/xsimd.hpp>

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace octavo {
inline namespace v0 {

/// Plain C++, 16 emulated lanes; the reference of every instruction set, on any CPU.
struct scalar {};

/// Wrapper tags in xsimd's style. xsimd's batches serve `Base`; the dot products are in simd/dot.hpp.
template <class Base>
struct vnni : Base {};  ///< vpdpbusd
template <class Base>
struct vbmi : Base {};  ///< vpermb, vpermi2b; and vpshrdd of VBMI2, which no CPU here lacks
template <class Base>
struct dpbf16 : Base {};  ///< vdpbf16ps
template <class Base>
struct amx : Base {};  ///< tdpbsud
template <class Base>
struct dotprod : Base {};  ///< sdot
template <class Base>
struct i8mm : Base {};  ///< usdot

/// SSE4.2, the oldest x86 with kernels. It has no fma: integer sums have the same bits, floats are within their bound.
using sse42 = xsimd::sse4_2;
/// AVX2 with FMA and F16C.
using avx2 = xsimd::fma3<xsimd::avx2>;
/// The same with the VNNI of client CPUs: Alder Lake and later.
using avxvnni = vnni<avx2>;
/// AVX-512 with BW, DQ and VL: Skylake-X.
using avx512bw = xsimd::avx512bw;
/// AVX-512 with VNNI, VBMI and BF16: Zen 4, Sapphire Rapids and later.
using avx512vnni = dpbf16<vbmi<vnni<xsimd::avx512bw>>>;
/// The same with the matrix unit of AMX for bytes, whose sums are as exact: Sapphire Rapids and later.
using avx512amx = amx<avx512vnni>;
/// 64-bit Arm, as every one is; with sdot; with usdot.
using neon64 = xsimd::neon64;
using neon64_dotprod = dotprod<neon64>;
using neon64_i8mm = i8mm<neon64_dotprod>;

namespace detail {

/// No instruction set was asked for and the compiler flags name none.
struct no_arch {};

template <class A>
inline constexpr bool is_scalar = std::is_same_v<A, scalar>;
template <class A>
inline constexpr bool is_avx2 = std::is_base_of_v<avx2, A>;
template <class A>
inline constexpr bool is_avx512 = std::is_base_of_v<avx512bw, A>;
template <class A>
inline constexpr bool is_neon = std::is_base_of_v<neon64, A>;

/// Whether A is wrapped in Feature.
template <template <class> class Feature, class A>
inline constexpr bool has = false;
template <template <class> class Feature, template <class> class Wrapper, class Base>
inline constexpr bool has<Feature, Wrapper<Base>> = has<Feature, Base>;
template <template <class> class Feature, class Base>
inline constexpr bool has<Feature, Feature<Base>> = true;

/// Whether vdpbf16ps beats fma. Cores with a matrix unit do half as many multiply-adds by it as by fma, which has the
/// same bits (the peaks that bench_matmul measures: 118 against 250 GOP/s).
template <class A>
inline constexpr bool fast_pairs = has<dpbf16, A> && !has<amx, A>;

/// The instruction set whose registers and plain arithmetic A uses: simd::native<family<A>>.
template <class A>
using family = std::conditional_t<is_avx512<A>, avx512bw,
                                  std::conditional_t<is_avx2<A>, avx2, std::conditional_t<is_neon<A>, neon64, A>>>;

}  // namespace detail

/// Whether a * b + c is rounded once, and results have the bits of all others that do so.
template <class A>
inline constexpr bool has_fma = !std::is_same_v<A, sse42>;

/// Whether the flags of this translation unit allow kernels for A.
template <class A>
inline constexpr bool arch_compiled = detail::is_scalar<A>;
#if defined(__SSE4_2__)
template <>
inline constexpr bool arch_compiled<sse42> = true;
#endif
#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
template <>
inline constexpr bool arch_compiled<avx2> = true;
#if defined(__AVXVNNI__)
template <>
inline constexpr bool arch_compiled<avxvnni> = true;
#endif
#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
template <>
inline constexpr bool arch_compiled<avx512bw> = true;
#if defined(__AVX512VNNI__) && defined(__AVX512VBMI__) && defined(__AVX512BF16__)
template <>
inline constexpr bool arch_compiled<avx512vnni> = true;
#if (defined(__AMX_INT8__) || defined(__AMXINT8__)) && defined(__linux__)  // clang 14 has the second name
template <>
inline constexpr bool arch_compiled<avx512amx> = true;
#endif
#endif
#endif
#endif
#if defined(__aarch64__)
template <>
inline constexpr bool arch_compiled<neon64> = true;
#if defined(__ARM_FEATURE_DOTPROD)
template <>
inline constexpr bool arch_compiled<neon64_dotprod> = true;
#if defined(__ARM_FEATURE_MATMUL_INT8)
template <>
inline constexpr bool arch_compiled<neon64_i8mm> = true;
#endif
#endif
#endif

namespace detail {
/// The first of Archs with kernels here.
template <class... Archs>
struct first_compiled {
  using type = no_arch;
};
template <class A, class... Rest>
struct first_compiled<A, Rest...>
    : std::conditional_t<arch_compiled<A>, std::type_identity<A>, first_compiled<Rest...>> {};
}  // namespace detail

/// The widest instruction set that the flags of this translation unit allow: an alias, never a tag of its own.
using default_arch = detail::first_compiled<avx512amx, avx512vnni, avx512bw, avxvnni, avx2, sse42, neon64_i8mm,
                                            neon64_dotprod, neon64>::type;

/// The name in benchmark rows.
template <class A>
inline constexpr char const* arch_name = detail::is_scalar<A>                ? "scalar"
                                         : std::is_same_v<A, sse42>          ? "sse42"
                                         : std::is_same_v<A, avx2>           ? "avx2"
                                         : std::is_same_v<A, avxvnni>        ? "avxvnni"
                                         : std::is_same_v<A, avx512bw>       ? "avx512bw"
                                         : std::is_same_v<A, avx512vnni>     ? "avx512vnni"
                                         : std::is_same_v<A, avx512amx>      ? "avx512amx"
                                         : std::is_same_v<A, neon64>         ? "neon64"
                                         : std::is_same_v<A, neon64_dotprod> ? "neon64_dotprod"
                                         : std::is_same_v<A, neon64_i8mm>    ? "neon64_i8mm"
                                                                             : "unknown";

namespace detail {

#if defined(__x86_64__)
/// What clang 14 and g++ 12 have no names for in __builtin_cpu_supports: bits of CPUID leaf 7.
enum class leaf7 { avx_vnni, avx512_bf16, amx_tile, amx_int8 };
template <class A>
[[nodiscard]] inline bool leaf7_has(leaf7 feature) noexcept {
  bool const second = feature == leaf7::avx_vnni || feature == leaf7::avx512_bf16;  // subleaf 1, register eax
  unsigned const bit = feature == leaf7::avx_vnni      ? 4
                       : feature == leaf7::avx512_bf16 ? 5
                       : feature == leaf7::amx_tile    ? 24
                                                       : 25;
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid_count(7, second ? 1 : 0, &eax, &ebx, &ecx, &edx) != 0 && ((second ? eax : edx) >> bit & 1u) != 0;
}
#endif

/// Whether shifts and masks take nothing from the multipliers: Zen has two pipes with them and two beside; Intel's
/// cores for servers have two ports for all that 512 bits wide registers do.
template <class A>
[[nodiscard]] inline bool unpacks_beside_products() noexcept {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_is("amd") != 0;
#else
  return false;
#endif
}

/// Whether Linux lets this process use tile registers: it must be asked once (Documentation/arch/x86/xstate.rst).
template <class A>
[[nodiscard]] inline bool tiles_allowed() noexcept {
#if defined(__x86_64__) && defined(__linux__)
  constexpr int request = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int tile_data = 18;    // XFEATURE_XTILEDATA
  static bool const allowed = ::syscall(SYS_arch_prctl, request, tile_data) == 0;
  return allowed;
#else
  return false;
#endif
}

}  // namespace detail

/// Whether this CPU, and its operating system, run kernels for A.
template <class A>
[[nodiscard]] inline bool cpu_has() noexcept {
  if constexpr (detail::is_scalar<A>) {
    return true;
  } else if constexpr (detail::is_neon<A>) {
#if defined(__aarch64__) && defined(__linux__)
    auto const has1 = getauxval(AT_HWCAP);
    auto const has2 = getauxval(AT_HWCAP2);
    return (!detail::has<dotprod, A> || (has1 >> 20 & 1) != 0) && (!detail::has<i8mm, A> || (has2 >> 13 & 1) != 0);
#elif defined(__aarch64__)
    return arch_compiled<A>;
#else
    return false;
#endif
  } else {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if constexpr (std::is_same_v<A, sse42>) { return __builtin_cpu_supports("sse4.2"); }
    bool const has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if constexpr (detail::is_avx2<A>) {
      return has_avx2 && (!detail::has<vnni, A> || detail::leaf7_has<A>(detail::leaf7::avx_vnni));
    }
    bool const has_avx512 = has_avx2 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                            __builtin_cpu_supports("avx512vl");
    if constexpr (!detail::has<vnni, A>) { return has_avx512; }
    return has_avx512 && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vbmi") &&
           __builtin_cpu_supports("avx512vbmi2") && detail::leaf7_has<A>(detail::leaf7::avx512_bf16) &&
           (!detail::has<amx, A> || (detail::leaf7_has<A>(detail::leaf7::amx_tile) &&
                                     detail::leaf7_has<A>(detail::leaf7::amx_int8) && detail::tiles_allowed<A>()));
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
