// SPDX-License-Identifier: MIT
// Sums of bytes and of floats against sums one by one.
#include "octavo/kernel/short_tile.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/byte_sums.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <cstdint>
#include <vector>

using namespace octavo;

namespace {

template <class A, int T, bool Swapped>
int wrong_sums(octavo::index quads) {
  return test::wrong_byte_sums<T, Swapped>(
      quads, [](std::byte const* panel, octavo::index n, std::uint8_t const* x, octavo::index stride,
                std::int32_t const* start, std::int32_t* out) {
        using product = kernel::byte_product<A, Swapped>;
        kernel::short_tile<product, T, simd::panel_registers<A>>(panel, n, reinterpret_cast<std::int8_t const*>(x),
                                                                 stride, start, out);
      });
}

}  // namespace

TEST_CASE("a tile of bytes is the exact sum, whichever side is signed") {
  test::if_arch<avx512vnni>([](auto arch) {
    using A = typename decltype(arch)::type;
    CHECK(wrong_sums<A, 6, false>(32) == 0);
    CHECK(wrong_sums<A, 6, true>(2) == 0);
    CHECK(wrong_sums<A, 1, true>(128) == 0);
    CHECK(wrong_sums<A, 5, false>(6) == 0);
    CHECK(wrong_sums<A, 3, false>(0) == 0);
  });
}

TEST_CASE("a tile of floats is one chain of fma, ascending") {
  test::for_archs([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    constexpr octavo::index k = 34;
    constexpr int L = simd::lanes<A>;
    auto const block = test::values(k * 2 * L, 1);
    auto const x = test::values(3 * 40, 2);
    std::vector<float> out(3 * 2 * L);
    kernel::short_tile<kernel::float_product<A>, 3, 2>(reinterpret_cast<std::byte const*>(block.data()), k, x.data(),
                                                       40, nullptr, out.data());
    int wrong = 0;
    for (octavo::index t = 0; t < 3; ++t) {
      for (octavo::index r = 0; r < 2 * L; ++r) {
        float sum = 0;
        for (octavo::index i = 0; i < k; ++i) {
          sum =
              std::fma(block[static_cast<std::size_t>(i * 2 * L + r)], x[static_cast<std::size_t>(t * 40 + i)], sum);
        }
        wrong += out[static_cast<std::size_t>(t * 2 * L + r)] == sum ? 0 : 1;
      }
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE("a tile of elements reads them where they are, any number of steps, and goes on") {
  test::for_archs([](auto arch) {
    using A = typename decltype(arch)::type;
    constexpr int L = simd::lanes<A>;
    constexpr octavo::index step = 2 * L + 3;
    for (octavo::index const k : {0, 1, 2, 7, 34}) {
      std::vector<f16> elements;
      for (float const x : test::values(k * step + 2 * L, 1)) { elements.push_back(f16(x)); }
      auto const x = test::values(3 * 40, 2);
      auto const before = test::values(3 * 2 * L, 3);
      std::vector<float> out = before;
      std::vector<float> more = before;
      kernel::element_tile<A, 3, 2>(elements.data(), step, k, x.data(), 40, out.data(), false);
      kernel::element_tile<A, 3, 2>(elements.data(), step, k, x.data(), 40, more.data(), true);
      int wrong = 0;
      for (octavo::index t = 0; t < 3; ++t) {
        for (octavo::index r = 0; r < 2 * L; ++r) {
          auto const at = static_cast<std::size_t>(t * 2 * L + r);
          float sums[] = {0.0f, before[at]};
          for (octavo::index i = 0; i < k; ++i) {
            auto const w = static_cast<float>(elements[static_cast<std::size_t>(i * step + r)]);
            float const a = x[static_cast<std::size_t>(t * 40 + i)];
            for (float& sum : sums) { sum = has_fma<A> ? std::fma(w, a, sum) : detail::opaque(w * a) + sum; }
          }
          wrong += test::same_bits(out[at], sums[0]) ? 0 : 1;
          wrong += test::same_bits(more[at], sums[1]) ? 0 : 1;
        }
      }
      INFO(arch_name<A> << ": " << k << " steps");
      CHECK(wrong == 0);
    }
  });
}
