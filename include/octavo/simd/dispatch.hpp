// SPDX-License-Identifier: MIT
// One binary, several instruction sets: dispatch<arch_list<...>>(f)(args...) calls f for the first that this CPU has.
#pragma once

#include <cstddef>
#include <cstdio>
#include <utility>

#include "octavo/core/error.hpp"
#include "octavo/simd/arch.hpp"

namespace octavo {
inline namespace v0 {

/// Instruction sets, the one to be preferred first. octavo_add_isa_sources() (cmake/multi_isa.cmake) compiles a source
/// once for each and tells their names: `arch_list<OCTAVO_ISAS>`.
template <class... Archs>
struct arch_list {
  static constexpr std::size_t size = sizeof...(Archs);
};

namespace detail {

template <class List>
struct dispatcher;
template <class... Archs>
struct dispatcher<arch_list<Archs...>> {
  static_assert(sizeof...(Archs) > 0, "Octavo: arch_list is empty. Name the instruction sets that were compiled.");

  /// Place of the first instruction set that this CPU has; asked once.
  [[nodiscard]] static std::size_t chosen() {
    static std::size_t const place = [] {
      std::size_t first = 0;
      (void)((cpu_has<Archs>() ? true : (++first, false)) || ...);
      return first;
    }();
    return place;
  }
  [[nodiscard]] static char const* name() {
    constexpr char const* names[] = {arch_name<Archs>..., "none"};
    return names[chosen()];
  }
  [[noreturn]] static void fail_none() {
    char text[512];
    int length = std::snprintf(text, sizeof text, "dispatch: this CPU runs none of");
    auto const add = [&](char const* name) {
      if (length > 0 && length < 400) {
        length += std::snprintf(text + length, sizeof text - static_cast<std::size_t>(length), " %s", name);
      }
    };
    (add(arch_name<Archs>), ...);
    if (length > 0) {
      std::snprintf(text + length, sizeof text - static_cast<std::size_t>(length),
                    ". Compile for octavo::scalar as well, and put it last in the arch_list.");
    }
    fail(text);
  }
};

}  // namespace detail

/// Calls f(arch{}, args...), where f's call operator is defined and instantiated in translation units of its own, one
/// for each instruction set, each with its own flags:
///
///     // layer.hpp                                      // layer.cpp, compiled once for each instruction set
///     struct layer {                                    template <class A>
///       template <class A>                              void layer::operator()(A, weights const& w, ...) const {
///       void operator()(A, weights const& w, ...) const;  octavo::matmul<a8>(w, x, y, octavo::on<A>());
///     };                                                }
///                                                       template void layer::operator()(OCTAVO_ISA, ...) const;
///     // main.cpp, compiled for any CPU
///     octavo::dispatch<octavo::arch_list<OCTAVO_ISAS>>(layer{})(w, x, y);
///
/// What it is called with must not depend on the instruction set: views, matrices and schemes do not.
/// Fails as every operation does (core/error.hpp) when this CPU has none of the list.
template <class List, class F>
class dispatched;
template <class... Archs, class F>
class dispatched<arch_list<Archs...>, F> {
 public:
  explicit dispatched(F f) : f_(std::move(f)) {}

  template <class... Args>
  decltype(auto) operator()(Args&&... args) const {
    return call<Archs...>(detail::dispatcher<arch_list<Archs...>>::chosen(), static_cast<Args&&>(args)...);
  }

 private:
  template <class A, class... Rest, class... Args>
  decltype(auto) call(std::size_t place, Args&&... args) const {
    if (place == 0) { return f_(A{}, static_cast<Args&&>(args)...); }
    if constexpr (sizeof...(Rest) == 0) {
      detail::dispatcher<arch_list<Archs...>>::fail_none();
    } else {
      return call<Rest...>(place - 1, static_cast<Args&&>(args)...);
    }
  }

  F f_;
};

template <class List, class F>
[[nodiscard]] dispatched<List, F> dispatch(F f) {
  return dispatched<List, F>(std::move(f));
}

/// The name of the instruction set that dispatch<List> chooses on this CPU; "none" if there is none.
template <class List>
[[nodiscard]] char const* dispatched_name() {
  return detail::dispatcher<List>::name();
}

}  // namespace v0
}  // namespace octavo
