// SPDX-License-Identifier: MIT
// on(executor): where an operation runs, which is instruction set x executor x scratch memory.
#pragma once

#include <memory_resource>
#include <type_traits>

#include "octavo/core/buffer.hpp"
#include "octavo/core/executor.hpp"
#include "octavo/simd/arch.hpp"

namespace octavo {
inline namespace v0 {

/// Instruction set, executor and scratch memory of one call. Made by on(); refers to the executor, owns nothing.
template <class Arch, executor Executor>
class context {
 public:
  using arch = Arch;

  explicit context(Executor& e) noexcept : executor_(&e) {}

  /// Scratch comes from `memory`, on the calling thread only. The default is the default resource; a
  /// monotonic_buffer_resource over a buffer makes calls free of allocation.
  [[nodiscard]] context scratch(std::pmr::memory_resource& memory) const noexcept {
    context copy = *this;
    copy.memory_ = &memory;
    return copy;
  }
  [[nodiscard]] std::pmr::memory_resource* memory() const noexcept {
    return memory_ != nullptr ? memory_ : std::pmr::get_default_resource();
  }
  template <class Task>
  void execute(index n, Task const& task) const {
    (*executor_)(n, task);
  }
  /// How many tasks to cut work into: one for a serial executor, else a few for each thread.
  [[nodiscard]] index pieces(index work) const {
    index wanted = 16;
    if constexpr (requires { executor_->concurrency(); }) {
      auto const threads = static_cast<index>(executor_->concurrency());
      wanted = threads <= 1 ? 1 : threads * 4;
    }
    return work < wanted ? work : wanted;
  }

 private:
  Executor* executor_;
  std::pmr::memory_resource* memory_ = nullptr;
};

namespace detail {
template <class T>
inline constexpr bool is_context = false;
template <class A, class E>
inline constexpr bool is_context<context<A, E>> = true;
inline constexpr serial the_serial_executor{};
}  // namespace detail

/// `matmul<a8>(w, x, y, on(pool))`: the caller's threads. `on<octavo::avx2>(pool)`: and that instruction set.
template <class Arch = default_arch, executor E>
[[nodiscard]] context<Arch, E> on(E& e) noexcept {
  return context<Arch, E>(e);
}
/// `on<octavo::scalar>()`: that instruction set, on the calling thread.
template <class Arch = default_arch>
[[nodiscard]] context<Arch, serial const> on() noexcept {
  return context<Arch, serial const>(detail::the_serial_executor);
}

namespace detail {

/// The first option that is a context, or the first that is none.
template <bool Context, class First, class... Rest>
[[gnu::always_inline]] inline auto pick(First const& first, Rest const&... rest) {
  if constexpr (is_context<First> == Context) {
    return first;
  } else {
    return pick<Context>(rest...);
  }
}
/// The context among the options, or the default one.
template <class Default, class... Options>
[[gnu::always_inline]] inline auto context_of(Options const&... options) {
  if constexpr ((is_context<Options> || ...)) {
    return pick<true>(options...);
  } else {
    return on<Default>();
  }
}

/// One 64-byte aligned allocation, cut into parts. A puts the instruction set into all names.
template <class A>
class scratch_block {
 public:
  [[gnu::noinline]] scratch_block(std::pmr::memory_resource* memory, index size)
      : memory_(memory), size_(static_cast<std::size_t>(size)) {
    if (seldom(memory_ != nullptr)) {
      data_ = static_cast<std::byte*>(memory_->allocate(size_, static_cast<std::size_t>(alignment)));
    }
    next_ = data_;
  }
  scratch_block(scratch_block const&) = delete;
  scratch_block& operator=(scratch_block const&) = delete;
  [[gnu::noinline]] ~scratch_block() {
    if (seldom(memory_ != nullptr)) { memory_->deallocate(data_, size_, static_cast<std::size_t>(alignment)); }
  }

  /// Pre: the block has room for them, so that nothing here overflows.
  template <class T>
  [[nodiscard]] T* take(index count) noexcept {
    auto* const p = reinterpret_cast<T*>(next_);
    next_ += ceil_div(count * static_cast<index>(sizeof(T)), alignment) * alignment;
    return p;
  }
  /// What take<T>(count) uses up.
  template <class T>
  [[nodiscard]] static index bytes(index count) {
    return round_up(product(count, sizeof(T)), alignment);
  }

 private:
  /// g++ guesses at -O2 that a resource is a std::pmr::monotonic_buffer_resource and compiles the functions of that
  /// class here, which have no instruction set in their names. It does not where a call seems improbable.
  [[nodiscard, gnu::always_inline]] static bool seldom(bool always) noexcept {
    return __builtin_expect_with_probability(always, false, 1.0);
  }

  std::pmr::memory_resource* memory_;
  std::size_t size_;
  std::byte* data_ = nullptr;
  std::byte* next_;
};

}  // namespace detail
}  // namespace v0
}  // namespace octavo
