// SPDX-License-Identifier: MIT
// Exact sums of panels of bytes and up to 16 tokens: on the matrix unit where there is one, else the register tile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "octavo/kernel/short_tile.hpp"
#include "octavo/kernel/tile_shape.hpp"
#include "octavo/simd/matrix_unit.hpp"

namespace octavo {
inline namespace v0 {
namespace kernel {

/// Tokens that byte_products takes at most.
template <class A>
inline constexpr int product_tokens = detail::has<amx, A> ? simd::matrix_block : 6;

/// Quads of k as byte_products wants them, with zeros at the end: even, and on a matrix unit whole steps.
template <class A>
[[nodiscard, gnu::always_inline]] constexpr index product_quads(index quads) noexcept {
  return detail::has<amx, A> && quads > simd::matrix_quads ? round_up(quads, simd::matrix_quads) : round_up(quads, 2);
}

/// What a matrix unit is configured for, from product to product: that takes as long as the product of 16 tokens with
/// 64 keys of 128 channels. Released at the end. Nothing elsewhere.
template <class A>
class product_session {
 public:
  [[gnu::always_inline]] product_session() noexcept = default;
  product_session(product_session const&) = delete;
  product_session& operator=(product_session const&) = delete;
  [[gnu::always_inline]] ~product_session() {
    if constexpr (detail::has<amx, A>) {
      if (tokens_ != 0) { simd::matrix_unit<A>::release(); }
    }
  }
  [[gnu::always_inline]] void configure(int tokens, int quads) noexcept {
    if (tokens == tokens_ && quads == quads_) { return; }
    simd::matrix_unit<A>::configure(tokens, 0, quads, true);
    tokens_ = tokens;
    quads_ = quads;
  }

 private:
  int tokens_ = 0;
  int quads_ = 0;
};

/// short_tile on the matrix unit, for 1 to 16 tokens. Pre: quads are product_quads, above 0.
template <class A, bool Swapped>
[[gnu::noinline]] void matrix_bytes(product_session<A>& session, std::byte const* panel, index quads, void const* x,
                                    index stride, index tokens, std::int32_t const* start, std::int32_t* to,
                                    bool more) noexcept {
  using unit = simd::matrix_unit<A>;
  constexpr int L = simd::lanes<A>;
  index const step = smaller(quads, simd::matrix_quads);
  session.configure(static_cast<int>(tokens), static_cast<int>(step));
  unit::clear(true);
  auto const* a = static_cast<std::int8_t const*>(x);
  for (index q = 0; q < quads; q += step) {
    unit::template multiply_panel<Swapped>(a, stride, panel);
    a += 4 * step;
    panel += 256 * step;
  }
  alignas(64) std::int32_t sums[simd::matrix_block * 64];
  std::int32_t* const out = more ? sums : to;
  unit::store_panel(out);
  if (more) {
    for (index i = 0; i < tokens * 64; i += L) {
      (simd::load_ints<A>(to + i) + simd::load_ints<A>(out + i)).store_unaligned(to + i);
    }
    return;
  }
  if (start == nullptr) { return; }
  for (index t = 0; t < tokens; ++t) {
    simd::ints<A> const begin(start[t]);
    detail::unroll<64 / L>([&](int r) __attribute__((always_inline)) {
      std::int32_t* const at = out + t * 64 + r * L;
      (simd::load_ints<A>(at) + begin).store_unaligned(at);
    });
  }
}

/// What short_tile computes of bytes and 64 rows, for T tokens; `session` may be null. Either `start` or `more`.
template <class A, int T, bool Swapped, class End = as_sums<simd::ints<A>>>
[[gnu::always_inline]] inline void byte_products([[maybe_unused]] product_session<A>* session, std::byte const* panel,
                                                 index quads, void const* x, index stride, std::int32_t const* start,
                                                 std::int32_t* out, bool more = false, End end = {}) noexcept {
  constexpr int R = simd::panel_registers<A>;
  if constexpr (T <= 6) {
    short_tile<byte_product<A, Swapped>, T, R>(panel, quads, static_cast<std::int8_t const*>(x), stride, start, out,
                                               more, end);
  } else {
    if (quads > 0 && detail::tiles_allowed<A>()) {
      product_session<A> own;
      matrix_bytes<A, Swapped>(session == nullptr ? own : *session, panel, quads, x, stride, T, start, out, more);
      if constexpr (!std::is_same_v<End, as_sums<simd::ints<A>>>) {
        for (int t = 0; t < T; ++t) {
          std::int32_t* const at = out + t * 64;
          simd::ints<A> sums[static_cast<std::size_t>(R)];
          detail::unroll<R>([&](int r) __attribute__((always_inline)) {
            sums[r] = simd::load_ints<A>(at + r * simd::lanes<A>);
          });
          end.template put<R>(t, sums, at);
        }
      }
    } else {
      for_tiles<6>(T, [&](auto size, index t) {
        byte_products<A, size(), Swapped>(session, panel, quads, static_cast<std::int8_t const*>(x) + t * stride,
                                          stride, start == nullptr ? nullptr : start + t, out + t * 64, more,
                                          end.from(t));
      });
    }
  }
}

}  // namespace kernel
}  // namespace v0
}  // namespace octavo
