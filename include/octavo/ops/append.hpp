// SPDX-License-Identifier: MIT
// append(cache, keys, values): tokens of a kv_cache, quantized by vectors.
#pragma once

#include "octavo/kernel/cache_encoder.hpp"
#include "octavo/ops/context.hpp"
#include "octavo/storage/kv_cache.hpp"

namespace octavo {
inline namespace v0 {

/// cache.append(keys, values), to the bit, by vectors: several times as fast. A context (on<arch>()) may say on which
/// instruction set; it runs on the calling thread, which also allocates.
template <class K, class V, class Memory, class Keys, class Values, class... Context, class Default = default_arch>
void append(kv_cache<K, V, Memory>& cache, Keys const& new_keys, Values const& new_values,
            Context const&... context) {
  static_assert((detail::is_context<Context> && ...) && sizeof...(Context) <= 1,
                "Octavo: append takes a cache, keys, values, and at most one context: on<arch>().");
  using arch = typename decltype(detail::context_of<Default>(context...))::arch;
  if constexpr (detail::check_arch<arch>()) {
    cache.template append_by<kernel::vector_encoder<arch>>(new_keys, new_values);
  }
}

}  // namespace v0
}  // namespace octavo
