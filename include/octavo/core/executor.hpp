// SPDX-License-Identifier: MIT
// An executor is any callable execute(n, task) that runs task(0) ... task(n - 1) and returns when all are done.
#pragma once

#include <concepts>

#include "octavo/core/index.hpp"

namespace octavo {
inline namespace v0 {

namespace detail {
struct any_task {
  [[gnu::always_inline]] void operator()(index) const noexcept {}
};
}  // namespace detail

/// `execute(n, task)` calls `task(i)` once for each i in [0, n), in any order, on any threads, and returns when
/// all have returned. Tasks are noexcept and write to disjoint places. An optional `concurrency()` says how many
/// may run at the same time. Octavo creates no threads of its own.
template <class E>
concept executor = requires(E& e, index n, detail::any_task const& task) {
  e(n, task);
};

/// Runs tasks one after the other on the calling thread.
struct serial {
  template <class Task>
  [[gnu::always_inline]] void operator()(index n, Task const& task) const {
    for (index i = 0; i < n; ++i) { task(i); }
  }
  [[nodiscard, gnu::always_inline]] static constexpr int concurrency() noexcept { return 1; }
};

}  // namespace v0
}  // namespace octavo
