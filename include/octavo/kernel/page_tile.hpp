// SPDX-License-Identifier: MIT
// The register tile of pages: a few rows against 64 rows of codes where they are stored, read as one stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/core/round.hpp"
#include "octavo/core/unroll.hpp"
#include "octavo/kernel/byte_weights.hpp"
#include "octavo/kernel/short_tile.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Query rows that a tile takes.
template <class A>
inline constexpr int page_tile_rows = detail::is_scalar<A>  ? 1
                                      : simd::lanes<A> == 4 ? 2
                                                            : 4;

/// Whether a tile takes all 64 rows of a page.
template <class A>
inline constexpr bool takes_pages = short_registers<A>* simd::lanes<A> == panel_rows;

/// Memory that is asked for while a tile works, some lines at each step, so that it comes at the pace of the work.
///
/// A tile that takes whole pages reads them as one stream and asks for the page that comes 8 KB later, into the nearest
/// cache: more requests than one for a line cost as much as its products of 2 or 4 bits. Parameters that a pass wants
/// before all its codes are asked for by the pass before it, as many with each page: those of values while keys are
/// multiplied, those of keys by channel, of the next leaf, while values are (k2.v2, 8 heads, 4096 keys: 71 us; all of
/// the next leaf into the second level 79). Other tiles read a page as several streams; they ask for
/// what the next pass over the leaf reads, into the second level: values while keys are multiplied, and keys of the
/// next leaf while values are.
struct lines_ahead {
  std::byte const* next = nullptr;
  std::byte const* end = nullptr;

  /// `share` bytes, part `i` of a run of pages of `bytes` each; page(p) is where page p of the run is.
  template <class Page>
  [[nodiscard, gnu::always_inline]] static lines_ahead part(index i, index share, index bytes,
                                                            Page const& page) noexcept {
    std::byte const* const from = page(i * share / bytes) + i * share % bytes;
    return {from, from + share};
  }
  /// Part i, of `share` bytes or what is left, of `bytes` from there.
  [[nodiscard, gnu::always_inline]] static lines_ahead part_of(std::byte const* from, index i, index share,
                                                               index bytes) noexcept {
    return {from + smaller(i * share, bytes), from + smaller((i + 1) * share, bytes)};
  }
  /// `bytes` from there.
  [[nodiscard, gnu::always_inline]] static lines_ahead run(std::byte const* from, index bytes) noexcept {
    return {from, from + bytes};
  }
  template <class A>
  [[gnu::always_inline]] void line() noexcept {
    __builtin_prefetch(next, 0, takes_pages<A> ? 3 : 2);
    next += 64;
  }
  /// What is left of it.
  template <class A>
  [[gnu::always_inline]] void rest() noexcept {
    while (next < end) { line<A>(); }
  }
};

/// Whether a cache is more than what surely lies near a core: `pages` of `bytes` each.
[[nodiscard, gnu::always_inline]] inline bool is_far(index pages, index bytes) noexcept {
  constexpr index near = index{16} << 20;
  return pages * bytes > near;
}
/// How many pages later the one is that a tile of whole pages asks for: a cache that is near gives most to requests for
/// what is read 6 to 8 KB later, one that is far up to 14 KB (k4.v4, 8 heads, 32768 keys: two pages of 4.4 KB 790 us,
/// three 711, four 750; k8.v8: one of 8.1 KB 1647, two 1727).
[[nodiscard, gnu::always_inline]] inline index pages_between(index bytes, bool far) noexcept {
  if (bytes == 0) { return 1; }
  return far ? larger(index{14} * 1024 / bytes, 1) : ceil_div(index{8192}, bytes);
}

/// Whether what becomes of the parameters of a leaf asks for its codes, where a tile takes several rows: of 2-bit codes,
/// whose parameters then take longer than products (k2.v2, 32 heads on 8, 32768 keys: 1.57 ms, a page ahead 1.69).
template <class A, class L, int T>
inline constexpr bool params_ask = takes_pages<A>&& L::planes.bits == 2 && T > 1;

/// Codes as the signed side of a product whose other side is unsigned bytes. Only where both are registers of bytes:
/// with vpdpbusd. Elsewhere, and in the class it derives from, codes are unsigned.
template <class A, class L>
struct signed_codes : byte_weights<A, L, false> {
  using base = byte_weights<A, L, false>;
  /// Subtracted from all codes.
  static constexpr int offset =
      lattice<typename L::format>.highest - lattice<typename L::format>.lowest > 127 ? 128 : 0;

  static constexpr int largest_byte = 127;

  template <int U>
  [[nodiscard, gnu::always_inline]] typename base::weight get(typename base::packed const& step,
                                                              typename base::group g) const noexcept {
    simd::ints<A> const codes(base::template get<U>(step, g));
    if constexpr (offset == 0) { return codes; }
    return simd::bit_xor<A>(codes, 0x80808080u);
  }
  template <class Operand>
  [[nodiscard, gnu::always_inline]] static typename base::accumulator add(typename base::accumulator acc,
                                                                          typename base::weight const& w,
                                                                          Operand const& a) noexcept {
    return base::dot::add(acc, a, w);
  }
};

/// By how many codes the weights of quad u of a step may stand above the low bits of their bytes.
template <class Weights>
[[nodiscard]] consteval int height_of(int u) {
  if constexpr (!Weights::raises) {
    return 0;
  } else {
    constexpr int low = Weights::layout::planes.low;
    int height = u;
    while (((1 << low) - 1) << height * low > Weights::largest_byte) { --height; }
    return height;
  }
}

/// total[t * R + r] = exact sums over `steps` steps from `codes` (row 0 of those that are wanted), for T rows of
/// operands
/// `stride` apart; they begin with what is there. Each step asks memory for `Lines` lines. Every `Together` registers have
/// operands of their own, `apart` behind those before.
template <class Weights, int Lines, int T, int R, int Together = R, class Ahead = lines_ahead>
[[gnu::always_inline]] inline void page_sums(Weights const& unpack, std::byte const* codes, index first_row,
                                             index steps, typename Weights::operand const* x, index stride,
                                             Ahead& ahead, simd::ints<typename Weights::arch>* total,
                                             [[maybe_unused]] index apart = 0) noexcept {
  using A = typename Weights::arch;
  using accumulator = typename Weights::accumulator;
  using detail::unroll;
  constexpr int L = simd::lanes<A>;
  constexpr bool bursts = Weights::burst != 0;
  // Few accumulators wait for each other: then each has two chains; or one for each height at which weights stand.
  constexpr int bits = Weights::layout::planes.low;
  constexpr int heights = height_of<Weights>(Weights::units - 1) + 1;
  constexpr bool raised = heights > 1 && T * R * heights <= (L == 16 ? 16 : 8);
  constexpr int most_chains = bursts ? 1 : T * R <= 2 ? 4 : T * R <= 4 ? 2 : 1;
  constexpr int chains = raised ? heights : Weights::units % most_chains == 0 ? most_chains : 1;
  accumulator acc[static_cast<std::size_t>(T * R * chains)];
  // g++ 12 gives registers that begin equal, and loops that surely begin, copies of all accumulators for each step.
  unroll<T * R>([&](int i) __attribute__((always_inline)) {
    if constexpr (bursts) {
      acc[i] = accumulator{};
    } else {
      acc[i] = simd::in_register(accumulator(total[i]));
      unroll<chains - 1>([&](int c) __attribute__((always_inline)) {
        acc[(c + 1) * T * R + i] = simd::in_register(accumulator(simd::ints<A>(0)));
      });
    }
  });
  std::byte const* const end = detail::forgotten(codes + steps * Weights::layout::step_bytes);
  [[maybe_unused]] auto const flush = [&]() __attribute__((always_inline)) {
    unroll<T * R>([&](int i) __attribute__((always_inline)) {
      total[i] = Weights::flush(total[i], acc[i]);
      acc[i] = accumulator{};
    });
  };
  [[maybe_unused]] index until_flush = Weights::burst;
#if defined __clang__  // else what is asked for at each step is asked for at once, before the first
#pragma nounroll
#else
#pragma GCC unroll 1
#endif
  for (; codes != end; codes += Weights::layout::step_bytes) {
    typename Weights::packed packed[static_cast<std::size_t>(R)];
    unroll<R>([&](int r) __attribute__((always_inline)) {
      packed[r] = typename Weights::packed(codes + r * L * 4, first_row + r * L);
      if constexpr (Weights::units > 1 || T >= 4) { packed[r] = packed[r].in_register(); }
    });
    unroll<Lines>([&](int) __attribute__((always_inline)) { ahead.template line<A>(); });
    unroll<Weights::units>([&](auto u) __attribute__((always_inline)) {
      typename Weights::weight weights[static_cast<std::size_t>(R)];
      constexpr int chain = raised ? height_of<Weights>(u()) : u() % chains;
      unroll<R>([&](int r) __attribute__((always_inline)) {
        if constexpr (raised) {
          weights[r] = unpack.template raised<u(), chain * bits>(packed[r]);
        } else {
          weights[r] = unpack.template get<u()>(packed[r], {});
        }
      });
      unroll<T>([&](int t) __attribute__((always_inline)) {
        unroll<R / Together>([&](int g) __attribute__((always_inline)) {
          auto const operand = Weights::load(x + g * apart + t * stride + Weights::unit_operands * u());
          unroll<Together>([&](int i) __attribute__((always_inline)) {
            int const r = g * Together + i;
            auto& sum = acc[chain * T * R + t * R + r];
            sum = Weights::add(sum, weights[r], operand);
          });
        });
      });
    });
    x += Weights::units * Weights::unit_operands;
    if constexpr (bursts) {
      if (--until_flush == 0) {
        until_flush = Weights::burst;
        flush();
      }
    }
  }
  if constexpr (bursts) {
    flush();
  } else {
    unroll<T * R>([&](int i) __attribute__((always_inline)) {
      total[i] = simd::ints<A>(acc[i]);
      unroll<chains - 1>([&](auto c) __attribute__((always_inline)) {
        simd::ints<A> sum(acc[(c() + 1) * T * R + i]);
        if constexpr (raised) { sum = simd::native_of<A>::template shift_right_signed<(c() + 1) * bits>(sum); }
        total[i] = total[i] + sum;
      });
    });
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
