// SPDX-License-Identifier: MIT
// The register tile of every path: tokens x rows, one accumulator each per segment, then scaled into sums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "octavo/core/unroll.hpp"
#include "octavo/kernel/minima.hpp"
#include "octavo/kernel/scales.hpp"
#include "octavo/kernel/segments.hpp"
#include "octavo/simd/batch.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Bytes that several streams ask for ahead of themselves, together: on Zen 5, 4 KiB for each of two are 10 to 15 per
/// cent faster than 1 KiB for each of four, for groups of 32 to 128.
inline constexpr index stream_distance = 8192;

/// Accumulators that come from a run of the same segment before, or go to the next: T x R registers, or null.
struct carry {
  void const* in = nullptr;
  void* out = nullptr;
};

/// sums[t][row] = fma(acc, scale, sums[t][row]) over segments, ascending, where acc is the chain over k of the path:
/// exact integers, or one float fma after the other.
///
/// T tokens x R registers of rows from `first_row`; sums are [token][panel][row] and stay in the first level cache, so
/// registers hold accumulators only and tiles can be large. Scaling is spread: a token's accumulators
/// of one segment are scaled just before its first products of the next, which keeps the multipliers busy (4 x 4
/// tiles of int4 in groups of 128 gain 4 per cent of the peak). A single segment may be read in several runs, which
/// carry accumulators; a run that carries them out leaves the sums alone.
///
/// P panels at once, `panel_stride` bytes apart, are for few tokens: memory gives more to several streams than to one.
/// They are asked for into the first level, 7 per cent faster than into the second. Of weights with minima, `next_sums`
/// are those of the P panels behind, if any: they begin meanwhile, since memory would rest while they do (8 per cent of
/// q4_1's time).
template <class Weights, int T, int R, int P = 1>
[[gnu::noinline]] void tile(weight_stream const& stream, token_block<Weights> const& block, index first_row,
                            float* sums, carry carried = {}, float* next_sums = nullptr) noexcept {
  using A = typename Weights::arch;
  using accumulator = typename Weights::accumulator;
  using sum = typename Weights::sum;
  using detail::unroll;
  constexpr int L = simd::lanes<A>;
  constexpr int U = Weights::units;
  constexpr index step_bytes = Weights::step_bytes;
  // Cache lines of these rows in a step.
  [[maybe_unused]] constexpr int lines =
      static_cast<int>(ceil_div(Weights::layout::step_bytes * R * L, 64 * panel_rows));
  constexpr bool bursts = Weights::burst != 0;
  constexpr bool expands = Weights::is_expanded;
  constexpr bool by_eights = unpacks_by_eights<Weights>;
  // Registers of rows that meet an operand together.
  constexpr int pair = by_eights && T > 1 && R % 2 == 0 && detail::is_avx512<A> ? 2 : 1;
  constexpr auto accumulators = static_cast<std::size_t>(P * T * R);
  constexpr auto registers = static_cast<std::size_t>(R);
  constexpr bool carries = expands && !Weights::layout::grouped;
  // Steps that are counted together: what counts and moves pointers takes slots from the multipliers.
  constexpr index together = expands ? units_together : 1;
  // Whether a burst holds a segment. Accumulators then begin at 0, and what they should begin with is added at its end.
  constexpr bool one_burst = [] {
    if constexpr (bursts && Weights::layout::grouped) {
      return typename Weights::layout{0, 0}.padded_group() <= index{Weights::burst} * U * Weights::unit_operands;
    }
    return false;
  }();
  constexpr bool widens = bursts && !one_burst;

  // Copies, whose fields no store of a register may change.
  weight_stream const w = stream.copy();
  token_block<Weights> const x = block.copy();
  if (w.segments <= 0) { return; }
  Weights const unpack;
  accumulator acc[accumulators];
  // Where bursts of a narrower accumulator end: in memory, since they are needed seldom and registers are few.
  alignas(64) std::int32_t wide[widens ? accumulators * static_cast<std::size_t>(L) : 1];
  [[maybe_unused]] std::int32_t* wide_of = wide;
  if constexpr (widens) { wide_of = detail::opaque(wide_of); }
  // Accumulators are passed by value: an array whose address a closure holds would not live in registers.
  auto const flushed = [=](int i, accumulator const& from) __attribute__((always_inline)) {
    if constexpr (widens) {
      return Weights::flush(simd::load_ints<A>(wide_of + i * L), from);
    } else {
      return Weights::flush({}, from);
    }
  };
  simd::floats<A> scales[registers];

  auto const sum_of = [&](int p, int t, int r) __attribute__((always_inline)) {
    return sums + ((t * P + p) * R + r) * L;
  };
  // Accumulator i, going on from `total`.
  auto const restarted = [=](int i, sum const& total) __attribute__((always_inline)) {
    if constexpr (widens) {
      total.store_unaligned(wide_of + i * L);
      return accumulator{};
    } else {
      return accumulator(total);
    }
  };
  auto const begin = [&](int p, int t, index s, std::byte const* params) __attribute__((always_inline)) {
    unroll<R>([&](int r) __attribute__((always_inline)) {
      int const i = (p * T + t) * R + r;
      if constexpr (one_burst) {
        acc[i] = accumulator{};
      } else {
        acc[i] = restarted(i, Weights::initial(x, t, s, params + p * w.panel_stride, first_row + r * L));
      }
    });
  };
  auto const load_panel_scales = [&](int p, index s) __attribute__((always_inline)) {
    unroll<R>([&](int r) __attribute__((always_inline)) {
      scales[r] = load_scales<Weights>(w, s, p * w.panel_stride, first_row + r * L);
    });
  };
  auto const scale = [&](int p, int t, [[maybe_unused]] index s) __attribute__((always_inline)) {
    unroll<R>([&](int r) __attribute__((always_inline)) {
      int const i = (p * T + t) * R + r;
      sum total;
      if constexpr (one_burst) {
        std::byte const* const params = w.params_of(s) + p * w.panel_stride;
        total = Weights::flush(Weights::initial(x, t, s, params, first_row + r * L), acc[i]);
      } else {
        total = flushed(i, acc[i]);
      }
      auto const before = simd::load_floats<A>(sum_of(p, t, r));
      simd::fused<A>(Weights::finish(total), scales[r], before).store_unaligned(sum_of(p, t, r));
    });
  };

  std::byte const* ahead = w.ahead;
  [[maybe_unused]] index begun = 0;  // segments whose minima next_sums have
  if (carries && carried.in != nullptr) {
    unroll<T * R>([&](int i) __attribute__((always_inline)) {
      acc[i] = restarted(i, sum::load_unaligned(static_cast<typename sum::value_type const*>(carried.in) + i * L));
    });
  } else {
    unroll<P>([&](int p) __attribute__((always_inline)) {
      unroll<T>([&](int t) __attribute__((always_inline)) { begin(p, t, 0, w.params_of(0)); });
    });
  }
  for (index s = 0; s < w.segments; ++s) {
    sums = detail::forgotten(sums);  // or g++ keeps a second copy of all sums on the stack
    std::byte const* codes = w.codes + s * w.segment_bytes + (expands ? 0 : first_row * 4);
    std::byte const* const params = w.params_of(s);
    auto const* const a = x.data + s * x.segment_stride;
    // Three tokens share a pointer: so many fit the addressing modes.
    constexpr int pointers = (T + 2) / 3;
    typename Weights::operand const* tokens[static_cast<std::size_t>(pointers)];
    unroll<pointers>([&](int i) __attribute__((always_inline)) { tokens[i] = a + 3 * i * x.token_stride; });
    [[maybe_unused]] auto const* next_tokens = a + T * x.token_stride;
    typename Weights::group groups[static_cast<std::size_t>(P * R)];
    unroll<P * R>([&](int i) __attribute__((always_inline)) {
      std::byte const* const own = params + i / R * w.panel_stride;
      if constexpr (by_eights) {
        Weights::make_tables(own, first_row + i % R * L, groups[i]);
      } else {
        groups[i] = Weights::load_group(own, first_row + i % R * L);
      }
    });

    if constexpr (P == 1 && !expands && Weights::layout::grouped) {
      ask_for_params<typename Weights::layout>(params);
      if (s != 0) { ahead += w.ahead_group; }
    }
    if constexpr (P > 1) {
      if constexpr (Weights::layout::grouped) {
        // Lines of parameters, by which no step passes.
        constexpr int lines_of = static_cast<int>(Weights::layout::param_bytes / 64);
        unroll<P * lines_of>([&](int i) __attribute__((always_inline)) {
          __builtin_prefetch(params + i % P * w.panel_stride + stream_distance / P + i / P * 64);
        });
      }
      if constexpr (Weights::layout::minima) {
        if (next_sums != nullptr) {
          begun = begin_segment<Weights, T, R, P>(w, x, P * w.panel_stride, s, begun, next_sums);
        }
      } else if constexpr (Weights::layout::two_level) {
        // The next panels begin with what groups share: a line for each group.
        unroll<P>([&](int p) __attribute__((always_inline)) {
          __builtin_prefetch(w.shared + (P + p) * w.panel_stride + s * 64, 0, 2);
        });
      }
    }

    [[maybe_unused]] index until_flush = Weights::burst;
    // Step J of those that are counted together. Before the first products of token t in panel p: before_token(p, t).
    auto const step = [&](auto j, auto const& before_panel, auto const& before_token) __attribute__((always_inline)) {
      constexpr index J = j();
      // Before the products that would not fit: a burst that ends with its segment is flushed once.
      if constexpr (widens && (J == 0 || Weights::burst % together != 0)) {
        if (until_flush <= 0) {
          until_flush = Weights::burst;
          unroll<P * T * R>([&](int i) __attribute__((always_inline)) { acc[i] = restarted(i, flushed(i, acc[i])); });
        }
      }
      if constexpr (widens) { --until_flush; }
      unroll<P>([&](int p) __attribute__((always_inline)) {
        std::byte const* const here = codes + p * w.panel_stride + J * step_bytes;
        typename Weights::weight weights[registers];
        [[maybe_unused]] typename Weights::packed packed[registers];
        if constexpr (expands) {
          unroll<R>([&](int r) __attribute__((always_inline)) { weights[r] = Weights::load_weight(here, r); });
          if constexpr (J == 0) { __builtin_prefetch(ahead, 0, 2); }
        } else {
          unroll<R>([&](int r) __attribute__((always_inline)) {
            packed[r] = typename Weights::packed(here + r * L * 4, first_row + r * L);
          });
          unroll<lines>([&](int l) __attribute__((always_inline)) {
            if constexpr (P == 1) {
              __builtin_prefetch(ahead + l * w.ahead_stride);
            } else {
              __builtin_prefetch(here + stream_distance / P + l * 64);
            }
          });
        }
        before_panel(p);
        auto const operand = [&](int u, int t) __attribute__((always_inline)) {
          return Weights::load(tokens[t / 3] + t % 3 * x.token_stride + Weights::unit_operands * (J * U + u));
        };
        if constexpr (by_eights) {
          unroll<T>([&](int t) __attribute__((always_inline)) { before_token(p, t); });
          // Tables are read where they are: before the loop they would be loaded to be spilled.
          auto const* const tables = detail::forgotten(static_cast<typename Weights::group const*>(groups));
          unroll<R / pair>([&](int both) __attribute__((always_inline)) {
            unroll<U / 8>([&](auto e) __attribute__((always_inline)) {
              typename Weights::weight all[static_cast<std::size_t>(pair * 8)];
              unroll<pair>([&](int r) __attribute__((always_inline)) {
                int const own = both * pair + r;
                unpack.template get_eight<e()>(packed[own], tables[p * R + own], all + r * 8);
              });
              unroll<8>([&](int u) __attribute__((always_inline)) {
                unroll<T>([&](int t) __attribute__((always_inline)) {
                  auto const a_t = operand(8 * e() + u, t);
                  unroll<pair>([&](int r) __attribute__((always_inline)) {
                    int const i = (p * T + t) * R + both * pair + r;
                    acc[i] = Weights::add(acc[i], all[r * 8 + u], a_t);
                  });
                });
              });
            });
          });
        } else {
          unroll<U>([&](auto u) __attribute__((always_inline)) {
            if constexpr (!expands) {
              unroll<R>([&](int r) __attribute__((always_inline)) {
                weights[r] = unpack.template get<u()>(packed[r], groups[p * R + r]);
              });
            }
            unroll<T>([&](int t) __attribute__((always_inline)) {
              if constexpr (u == 0) { before_token(p, t); }
              auto const a_t = operand(u(), t);
              unroll<R>([&](int r) __attribute__((always_inline)) {
                int const i = (p * T + t) * R + r;
                acc[i] = Weights::add(acc[i], weights[r], a_t);
              });
            });
          });
        }
      });
      if constexpr (P == 1 && J == 0) { ahead += w.ahead_step; }
      if constexpr (P == 1 && !expands) {
        __builtin_prefetch(next_tokens);
        next_tokens += T * U * Weights::unit_operands;
      }
    };
    auto const advance = [&](index n) __attribute__((always_inline)) {
      codes += n * step_bytes;
      unroll<pointers>([&](int i) __attribute__((always_inline)) { tokens[i] += n * U * Weights::unit_operands; });
    };
    auto const nothing = [](auto...) __attribute__((always_inline)){};
    constexpr detail::constant<index{0}> first{};

    index steps = s + 1 < w.segments ? w.steps : w.last_steps;
    // A second instance of the step is most of the compile time: not for segments of 32 768 k, nor for long steps, nor
    // for few tokens, which wait for memory.
    if constexpr (!Weights::layout::grouped || U >= 8 || P > 1 || T < 3) {
      if (s != 0) {
        unroll<P>([&](int p) __attribute__((always_inline)) {
          load_panel_scales(p, s - 1);
          unroll<T>([&](int t) __attribute__((always_inline)) {
            scale(p, t, s - 1);
            begin(p, t, s, params);
          });
        });
      }
    } else if (s != 0) {
      step(
          first, [&](int p) __attribute__((always_inline)) { load_panel_scales(p, s - 1); },
          [&](int p, int t) __attribute__((always_inline)) {
            scale(p, t, s - 1);
            begin(p, t, s, params);
          });
      unroll<static_cast<int>(together) - 1>([&](auto j) __attribute__((always_inline)) {
        step(detail::constant<index{j() + 1}>{}, nothing, nothing);
      });
      advance(together);
      steps -= together;
    }
    for (; steps > 0; steps -= together) {
      unroll<static_cast<int>(together)>([&](auto j) __attribute__((always_inline)) {
        step(detail::constant<index{j()}>{}, nothing, nothing);
      });
      advance(together);
    }
  }

  if constexpr (carries) {
    if (carried.out != nullptr) {
      unroll<T * R>([&](int i) __attribute__((always_inline)) {
        flushed(i, acc[i]).store_unaligned(static_cast<typename sum::value_type*>(carried.out) + i * L);
      });
      return;
    }
  }
  unroll<P>([&](int p) __attribute__((always_inline)) {
    load_panel_scales(p, w.segments - 1);
    unroll<T>([&](int t) __attribute__((always_inline)) { scale(p, t, w.segments - 1); });
  });
}

/// The same sums for short groups and many tokens: the weights of one segment stay in registers, unpacked once,
/// and the tokens pass by. The scaling of one token then overlaps the products of the next, where a tile would
/// scale all its accumulators at the same time. Q units of every segment, R registers of rows, T tokens at a time.
template <class Weights, int Q, int R, int T>
[[gnu::noinline]] void stationary_tile(weight_stream const& w, token_block<Weights> const& x, index tokens,
                                       index first_row, float* sums, index sums_stride) noexcept {
  using A = typename Weights::arch;
  using detail::unroll;
  constexpr int L = simd::lanes<A>;
  constexpr int U = Weights::units;
  static_assert(Q % U == 0 && Weights::burst == 0);

  Weights const unpack;
  for (index s = 0; s < w.segments; ++s) {
    std::byte const* const codes = w.codes + s * w.segment_bytes + first_row * 4;
    std::byte const* const params = w.params_of(s);
    typename Weights::weight weights[static_cast<std::size_t>(Q * R)];
    simd::floats<A> scales[static_cast<std::size_t>(R)];
    unroll<R>([&](int r) __attribute__((always_inline)) {
      unroll<Q / U>([&](int i) __attribute__((always_inline)) {
        std::byte const* const here = codes + i * Weights::step_bytes + r * L * 4;
        typename Weights::packed const packed(here, first_row + r * L);
        for (index b = 0; b < Weights::step_bytes; b += Weights::layout::word_bytes) {
          __builtin_prefetch(here + w.segment_bytes + b);
        }
        unroll<U>([&](auto u) __attribute__((always_inline)) {
          weights[(i * U + u) * R + r] = unpack.template get<u()>(packed, {});
        });
      });
      scales[r] = load_scales<Weights>(w, s, 0, first_row + r * L);
    });
    auto const* a = x.data + s * x.segment_stride;
    float* sum = sums;
    index t = 0;
    auto const pass = [&](auto count) __attribute__((always_inline)) {
      constexpr int N = count();
      typename Weights::accumulator acc[static_cast<std::size_t>(N * R)];
      unroll<N>([&](int j) __attribute__((always_inline)) {
        unroll<R>([&](int r) __attribute__((always_inline)) {
          acc[j * R + r] = Weights::initial(x, t + j, s, params, first_row + r * L);
        });
      });
      unroll<Q>([&](int q) __attribute__((always_inline)) {
        unroll<N>([&](int j) __attribute__((always_inline)) {
          auto const operand = Weights::load(a + j * x.token_stride + Weights::unit_operands * q);
          unroll<R>([&](int r) __attribute__((always_inline)) {
            acc[j * R + r] = Weights::add(acc[j * R + r], weights[q * R + r], operand);
          });
        });
      });
      unroll<N>([&](int j) __attribute__((always_inline)) {
        unroll<R>([&](int r) __attribute__((always_inline)) {
          float* const p = sum + j * sums_stride + r * L;
          auto const total = Weights::finish(Weights::flush({}, acc[j * R + r]));
          simd::fused<A>(total, scales[r], simd::load_floats<A>(p)).store_unaligned(p);
        });
      });
      a += N * x.token_stride;
      sum += N * sums_stride;
      t += N;
    };
    while (t + T <= tokens) { pass(detail::constant<T>{}); }
    while (t < tokens) { pass(detail::constant<1>{}); }
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
