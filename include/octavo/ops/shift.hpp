// SPDX-License-Identifier: MIT
// shift(cache, first, n, table): tokens leave a cache, and those behind them stand n positions earlier.
#pragma once

#include "octavo/core/buffer.hpp"
#include "octavo/kernel/cache_encoder.hpp"
#include "octavo/kernel/rope.hpp"
#include "octavo/ops/context.hpp"
#include "octavo/storage/kv_cache.hpp"
#include "octavo/storage/rope_table.hpp"

namespace octavo {
inline namespace v0 {

/// cache.drop(first, n), for keys that the table has turned to their positions: those behind are turned back by n
/// positions and encoded anew, so that each stands at its place in the cache. Values move bit for bit.
///
/// - Keys of float lose 3 * 2^-24 (|a| + |b|) in each shift; quantized keys are quantized once more, so shift by many
///   tokens at once, not by one. Keys without positions (turned when they are read, ALiBi) need drop alone, which loses
///   nothing.
/// - Keys by channel go by whole groups: first and n are multiples of their residual and of 64.
/// - Runs on the calling thread; a context (on<arch>()) may say on which instruction set: the bits are the same.
/// - Errors: n beyond the table, tokens that are not there: the one error handler; the cache stays as it was.
template <class K, class V, class Memory, class... Context, class Default = default_arch>
void shift(kv_cache<K, V, Memory>& cache, index first, index n, rope_table const& table, Context const&... context) {
  static_assert((detail::is_context<Context> && ...) && sizeof...(Context) <= 1,
                "Octavo: shift takes a cache, tokens, a rope_table, and at most one context: on<arch>().");
  using arch = typename decltype(detail::context_of<Default>(context...))::arch;
  if constexpr (detail::check_arch<arch>()) {
    if (n >= table.positions()) {
      detail::fail_extents("shift", "positions to go back are", n, "the table has", table.positions(),
                           "Make the table longer.");
    }
    if (table.dims() > cache.shape().head_dim) {
      detail::fail_extents("shift", "the table turns channels", table.dims(), "a head has", cache.shape().head_dim,
                           "A head must have at least as many.");
    }
    aligned_buffer room(product(larger(table.dims(), 1), 2, sizeof(float)));
    auto* const cosines = reinterpret_cast<float*>(room.data());
    float* const sines = cosines + table.dims();
    if (first >= 0 && n > 0) { cache.own(first); }
    cache.drop(first, n);
    if (n == 0 || table.dims() == 0) { return; }
    bool const halves = table.pairs() == rope_pairs::halves;
    // The cosine of position 0 is the magnitude, which keys have already.
    float const magnitude = table.cosines(0)[0];
    for (index i = 0; i < (halves ? table.dims() / 2 : table.dims()); ++i) {
      cosines[i] = table.cosines(n)[i] / magnitude;
      sines[i] = -table.sines(n)[i] / magnitude;
    }
    cache.template change_keys<kernel::vector_encoder<arch>>(first, [&](float* x) {
      if (halves) {
        kernel::turn_halves<arch>(x, x, table.dims() / 2, cosines, sines);
      } else {
        kernel::turn_neighbours<arch>(x, x, table.dims(), cosines, sines);
      }
    });
  }
}

/// Attention sinks (StreamingLLM, Xiao et al. 2023): a cache keeps its first tokens and the last ones, at the positions
/// where they stand in it; an endless text has no position beyond sinks + window.
struct streaming_window {
  index sinks = 4;
  index window = 1020;
  /// Tokens that leave at once: rarely many, since each time all keys are encoded anew. At most the window.
  index step = 256;

  /// Tokens that may come before make_room: a longer chunk is cut there, so that bits do not depend on chunks.
  template <class Cache>
  [[nodiscard, gnu::always_inline]] index room(Cache const& cache) const noexcept {
    return larger(sinks + window - cache.tokens(), 0);
  }
};

/// When the cache is full, the oldest tokens behind the sinks leave. Returns how many: they are what the positions of
/// the window fall behind the text.
template <class K, class V, class Memory, class... Context, class Default = default_arch>
index make_room(kv_cache<K, V, Memory>& cache, streaming_window const& w, rope_table const& table,
                Context const&... context) {
  if (w.sinks < 0 || w.step < 1 || w.step > w.window) {
    detail::fail_extents("streaming_window", "tokens that leave at once are", w.step, "the window has", w.window,
                         "Pass at least 1, at most the window, and no negative number of sinks.");
  }
  if (w.room(cache) > 0) { return 0; }
  shift(cache, w.sinks, w.step, table, context...);
  return w.step;
}

}  // namespace v0
}  // namespace octavo
