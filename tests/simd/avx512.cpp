// SPDX-License-Identifier: MIT
#include "octavo/simd/avx512.hpp"

#include "octavo/simd/batch.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"

using namespace octavo;

TEST_CASE("AVX-512: stores of words and bytes keep the order of lanes") {
  test::if_arch<avx512bw>([](auto arch) {
    using A = typename decltype(arch)::type;
    std::int32_t n[16];
    for (int i = 0; i < 16; ++i) { n[i] = 7 * i - 50; }
    std::int8_t bytes[16];
    std::uint16_t words[16];
    simd::native_of<A>::store_bytes(bytes, simd::load_ints<A>(n));
    simd::native_of<A>::store_words(words, simd::load_ints<A>(n) + simd::ints<A>(40000));
    for (int i = 0; i < 16; ++i) {
      CHECK(bytes[i] == n[i]);
      CHECK(words[i] == n[i] + 40000);
    }
  });
}
