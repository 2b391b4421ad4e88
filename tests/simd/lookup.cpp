// SPDX-License-Identifier: MIT
#include "octavo/simd/lookup.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cstring>

using namespace octavo;

namespace {

simd::byte_table random_bytes(std::uint64_t seed) {
  test::random next(seed);
  simd::byte_table t{};
  for (auto& b : t) { b = next.byte(); }
  return t;
}
simd::float_table random_floats(std::uint64_t seed) {
  test::random next(seed);
  simd::float_table t{};
  for (auto& v : t) { v = next.value(); }
  return t;
}

template <class A, int Size>
int wrong_bytes() {
  auto const table = random_bytes(51);
  simd::byte_lookup<A, Size> const lookup(table);
  int wrong = 0;
  for (int first = 0; first < 256; ++first) {
    std::uint8_t codes[64];
    std::uint8_t out[64];
    for (int i = 0; i < 64; ++i) { codes[i] = static_cast<std::uint8_t>((first + i * 5) % Size); }
    lookup(simd::load_ints<A>(codes)).store_unaligned(reinterpret_cast<std::int32_t*>(out));
    for (int i = 0; i < 4 * simd::lanes<A>; ++i) { wrong += out[i] == table[codes[i]] ? 0 : 1; }
  }
  return wrong;
}

}  // namespace

TEST_CASE("byte lookups of 16, 64 and 256 entries") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_bytes<A, 16>() == 0);
    CHECK(wrong_bytes<A, 64>() == 0);
    CHECK(wrong_bytes<A, 256>() == 0);
  });
}

TEST_CASE("float lookups use the low four bits, gathers the low eight, whatever is above") {
  auto const table = random_floats(52);
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    simd::float_lookup<A> const lookup(table);
    test::random next(53);
    int wrong = 0;
    for (int round = 0; round < 200; ++round) {
      std::int32_t codes[16];
      for (auto& c : codes) { c = static_cast<std::int32_t>(next.bits()); }
      float four[16];
      float eight[16];
      lookup(simd::load_ints<A>(codes)).store_unaligned(four);
      simd::gather_floats<A>(table, simd::load_ints<A>(codes)).store_unaligned(eight);
      for (int i = 0; i < simd::lanes<A>; ++i) {
        wrong += test::same_bits(four[i], table[static_cast<std::size_t>(codes[i] & 15)]) ? 0 : 1;
        wrong += test::same_bits(eight[i], table[static_cast<std::size_t>(codes[i] & 255)]) ? 0 : 1;
      }
    }
    INFO(arch_name<A>);
    CHECK(wrong == 0);
  });
}

TEST_CASE("wide float lookups use the low five bits, whatever is above") {
  auto const table = random_floats(54);
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    if constexpr (simd::has_wide_float_lookup<A>) {
      test::random next(55);
      int wrong = 0;
      for (int round = 0; round < 200; ++round) {
        std::int32_t codes[16];
        for (auto& c : codes) { c = static_cast<std::int32_t>(next.bits()); }
        float found[16];
        simd::wide_float_lookup<A> const lookup(table);
        lookup(simd::load_ints<A>(codes)).store_unaligned(found);
        for (int i = 0; i < simd::lanes<A>; ++i) {
          wrong += test::same_bits(found[i], table[static_cast<std::size_t>(codes[i] & 31)]) ? 0 : 1;
        }
      }
      INFO(arch_name<A>);
      CHECK(wrong == 0);
    }
  });
}

TEST_CASE("pair order goes back to quads") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    std::uint8_t pairs[64];
    std::uint8_t quads[64];
    for (int row = 0; row < 16; ++row) {
      for (int k = 0; k < 4; ++k) {
        pairs[row / 4 * 16 + k / 2 * 8 + row % 4 * 2 + k % 2] = static_cast<std::uint8_t>(4 * row + k);
      }
    }
    simd::pairs_to_quads<A>(simd::load_ints<A>(pairs)).store_unaligned(reinterpret_cast<std::int32_t*>(quads));
    int wrong = 0;
    for (int i = 0; i < 4 * simd::lanes<A>; ++i) { wrong += quads[i] == i ? 0 : 1; }
    INFO(arch_name<A>);
    CHECK(wrong == 0);
    simd::quads_to_pairs<A>(simd::load_ints<A>(quads)).store_unaligned(reinterpret_cast<std::int32_t*>(quads));
    CHECK(std::memcmp(pairs, quads, 4 * static_cast<std::size_t>(simd::lanes<A>)) == 0);
  });
}

#if defined(__AVX512BW__)
TEST_CASE("pairs by five bits of a byte, wherever they stand in it") {
  if (!cpu_has<avx512bw>()) { return; }
  using lookup_type = simd::short_pair_lookup<avx512bw>;
  lookup_type::table table{};
  for (std::size_t i = 0; i < 32; ++i) { table[i] = static_cast<std::uint16_t>(0x3f01u * i + 7u); }
  lookup_type const lookup(table);
  int wrong = 0;
  for (int first = 0; first < 256; ++first) {
    std::uint8_t bytes[64];
    for (int i = 0; i < 64; ++i) { bytes[i] = static_cast<std::uint8_t>(first + i * 37); }
    auto const in = simd::load_ints<avx512bw>(bytes);
    auto const check = [&](auto pair, auto shift) {
      std::uint16_t out[32];
      lookup.template get<pair(), shift()>(in).store_unaligned(reinterpret_cast<std::int32_t*>(out));
      for (int i = 0; i < 32; ++i) {
        int const byte = bytes[i / 2 * 4 + 2 * pair() + i % 2];
        int const twice = byte * 0x0101;  // above bit 7 stand bits of the byte again
        wrong += out[i] == table[static_cast<std::size_t>(twice >> shift() & 31)] ? 0 : 1;
      }
    };
    check(detail::constant<0>{}, detail::constant<0>{});
    check(detail::constant<1>{}, detail::constant<0>{});
    check(detail::constant<0>{}, detail::constant<4>{});
    check(detail::constant<1>{}, detail::constant<6>{});
  }
  CHECK(wrong == 0);
}
#endif

#if defined(__AVX512VBMI__) && defined(__AVX512BF16__)
TEST_CASE("pair lookups yield bf16 pairs of each row") {
  if (!cpu_has<avx512vnni>()) { return; }
  auto const low = random_bytes(54);
  auto high = random_bytes(55);
  auto const check = [&](auto const& lookup, int size) {
    int wrong = 0;
    for (int first = 0; first < 256; ++first) {
      std::uint8_t codes[64];
      for (int i = 0; i < 64; ++i) { codes[i] = static_cast<std::uint8_t>((first + i * 7) % size); }
      std::uint16_t out[2][32];
      auto const packed = simd::load_ints<avx512vnni>(codes);
      lookup.template get<0>(packed).store_unaligned(reinterpret_cast<std::int32_t*>(out[0]));
      lookup.template get<1>(packed).store_unaligned(reinterpret_cast<std::int32_t*>(out[1]));
      for (int row = 0; row < 16; ++row) {
        for (int k = 0; k < 4; ++k) {
          int const c = codes[row / 4 * 16 + k / 2 * 8 + row % 4 * 2 + k % 2];
          auto const expected = low[static_cast<std::size_t>(c)] | high[static_cast<std::size_t>(c)] << 8;
          wrong += out[k / 2][2 * row + k % 2] == expected ? 0 : 1;
        }
      }
    }
    return wrong;
  };
  CHECK(check(simd::pair_lookup<avx512vnni, 64, false>(low, high), 64) == 0);
  CHECK(check(simd::pair_lookup<avx512vnni, 256, false>(low, high), 256) == 0);
  auto symmetric_low = low;
  for (std::size_t c = 0; c < 128; ++c) {
    high[c] = static_cast<std::uint8_t>(high[c] & 0x7f);
    high[c + 128] = static_cast<std::uint8_t>(high[c] | 0x80);
    symmetric_low[c + 128] = symmetric_low[c];
  }
  auto const check_symmetric = [&] {
    simd::pair_lookup<avx512vnni, 256, true> const lookup(symmetric_low, high);
    int wrong = 0;
    for (int c = 0; c < 256; ++c) {
      std::uint8_t codes[64];
      std::memset(codes, c, sizeof codes);
      std::uint16_t out[32];
      lookup.template get<0>(simd::load_ints<avx512vnni>(codes))
          .store_unaligned(reinterpret_cast<std::int32_t*>(out));
      auto const expected = symmetric_low[static_cast<std::size_t>(c)] | high[static_cast<std::size_t>(c)] << 8;
      for (std::uint16_t const v : out) { wrong += v == expected ? 0 : 1; }
    }
    return wrong;
  };
  CHECK(check_symmetric() == 0);
}
#endif
