// SPDX-License-Identifier: MIT
// What the program asks of each instruction set.
#pragma once

#include <octavo/octavo.hpp>

/// An executor on three threads, defined in main.cpp: what is compiled for an instruction set starts none itself.
struct threads {
  static void run(octavo::index n, void (*call)(void const* task, octavo::index i), void const* task);

  template <class Task>
  void operator()(octavo::index n, Task const& task) const {
    run(
        n, [](void const* t, octavo::index i) { (*static_cast<Task const*>(t))(i); }, &task);
  }
  [[nodiscard]] [[gnu::always_inline]] static constexpr int concurrency() noexcept { return 3; }
};

/// Packs weights and multiplies them: the integer path to y, the path of bf16 to z.
struct products {
  template <class A>
  void operator()(A, octavo::matrix_view<float> weights, octavo::tokens_view<float const> x,
                  octavo::tokens_view<float> y, octavo::tokens_view<float> z) const;
};
