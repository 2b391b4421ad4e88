// SPDX-License-Identifier: MIT
// What the struct of intrinsics of one instruction set must do, beyond what tests/simd/batch.cpp sees of all.
#pragma once

#include "octavo/simd/batch.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"

#include <cstddef>
#include <cstdint>

namespace test {

/// Stores keep the order of lanes and touch no more; a table is looked up within each 128 bits.
template <class Arch>
void check_native() {
  if_arch<Arch>([](auto arch) {
    using A = typename decltype(arch)::type;
    using native = octavo::simd::native_of<A>;
    constexpr int L = native::lanes;
    std::int32_t n[16];
    for (int i = 0; i < 16; ++i) { n[i] = 7 * i - 50; }
    std::int8_t bytes[static_cast<std::size_t>(L) + 1];
    std::uint16_t words[static_cast<std::size_t>(L) + 1];
    bytes[L] = 99;
    words[L] = 99;
    native::store_bytes(bytes, octavo::simd::load_ints<A>(n));
    native::store_words(words, octavo::simd::load_ints<A>(n) + octavo::simd::ints<A>(40000));
    for (int i = 0; i < L; ++i) {
      CHECK(bytes[i] == n[i]);
      CHECK(words[i] == n[i] + 40000);
    }
    CHECK(bytes[L] == 99);
    CHECK(words[L] == 99);

    std::uint8_t table[16];
    std::uint8_t lanes[64];
    std::uint8_t codes[64];
    std::uint8_t out[64];
    for (int i = 0; i < 16; ++i) { table[i] = static_cast<std::uint8_t>(200 - 11 * i); }
    for (int i = 0; i < 64; ++i) {
      lanes[i] = static_cast<std::uint8_t>(3 * i + 1);
      codes[i] = static_cast<std::uint8_t>(i * 5 % 16);
    }
    auto const wanted = octavo::simd::load_ints<A>(codes);
    int wrong = 0;
    native::shuffle(native::load_table(table), wanted).store_unaligned(reinterpret_cast<std::int32_t*>(out));
    for (int i = 0; i < 4 * L; ++i) { wrong += out[i] == table[codes[i]] ? 0 : 1; }
    native::shuffle(octavo::simd::load_ints<A>(lanes), wanted).store_unaligned(reinterpret_cast<std::int32_t*>(out));
    for (int i = 0; i < 4 * L; ++i) { wrong += out[i] == lanes[i / 16 * 16 + codes[i]] ? 0 : 1; }
    CHECK(wrong == 0);
  });
}

}  // namespace test
