// SPDX-License-Identifier: MIT
#include "octavo/kernel/encode.hpp"

#include "octavo/format/integer.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

/// Floats all over the line, every 10 007th of them, and around each border between codes of F.
template <class F>
std::vector<float> hard_floats() {
  std::vector<float> xs;
  for (std::uint64_t bits = 0; bits < 1ull << 32; bits += 10007) {
    xs.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  }
  constexpr float inf = std::numeric_limits<float>::infinity();
  auto const around = [&](float x) {
    for (float const y : {x, -x}) {
      for (float const z : {y, std::nextafter(y, inf), std::nextafter(y, -inf)}) { xs.push_back(z); }
    }
  };
  for (float const v : value_table<F>) {
    for (float const u : value_table<F>) { around(0.5f * (v + u)); }
    around(v * 1.41421356f);
    around(v * 1.18920712f);
  }
  for (float const x : {0.0f, inf, std::nanf(""), 0x1p-149f, 0x1p-126f, std::numeric_limits<float>::max()}) {
    around(x);
  }
  xs.resize((xs.size() + 15) / 16 * 16, -0.0f);
  return xs;
}

/// Codes that are not those of F::encode, by every instruction set.
template <class F>
int wrong_codes() {
  static_assert(kernel::vector_format<F>);
  auto const xs = hard_floats<F>();
  std::vector<code> expected;
  for (float const x : xs) { expected.push_back(F::encode(x)); }
  int wrong = 0;
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    constexpr auto L = static_cast<std::size_t>(simd::lanes<A>);
    constexpr int flip = consecutive_flip < F >> 0 ? consecutive_flip<F> : 0;
    for (std::size_t i = 0; i + L <= xs.size(); i += L) {
      std::int32_t numbers[L];
      kernel::encode_numbers<A, F>(simd::load_floats<A>(xs.data() + i)).store_unaligned(numbers);
      for (std::size_t j = 0; j < L; ++j) {
        wrong += ((numbers[j] - kernel::number_offset<F>)^flip) == expected[i + j] ? 0 : 1;
      }
    }
  });
  return wrong;
}

/// Descending, with a value twice, and as many as a gather needs.
struct odd_book {
  static constexpr std::array<float, 8> values = {3.0f, 1.0f, 1.0f, 0.25f, -0.0f, -2.0f, -2.5f, -100.0f};
};
struct wide_book {
  static constexpr std::array<float, 64> values = [] {
    std::array<float, 64> v{};
    for (std::size_t i = 0; i < 64; ++i) {
      auto const x = static_cast<float>(static_cast<int>(i * 37 % 64) - 32);
      v[i] = x * x * x;
    }
    return v;
  }();
};
/// Not a number in the book: its order is not one, so no vector code.
struct bad_book {
  static constexpr std::array<float, 4> values = {0.0f, __builtin_nanf(""), 1.0f, 2.0f};
};

/// A user's formats: integers like int3, integers whose ties go up, values without structure.
struct my_int3 {
  static constexpr int bits = 3;
  static constexpr float decode(code c) { return sint<3>::decode(c); }
  static constexpr code encode(float x) { return sint<3>::encode(x); }
};
struct ties_up {
  static constexpr int bits = 2;
  static constexpr float decode(code c) { return static_cast<float>(c & 3); }
  static constexpr code encode(float x) { return x >= 2.5f ? 3 : x >= 1.5f ? 2 : x >= 0.5f ? 1 : 0; }
};
struct squares {
  static constexpr int bits = 2;
  static constexpr float decode(code c) { return static_cast<float>((c & 3) * (c & 3)); }
  static constexpr code encode(float x) { return x > 6.5f ? 3 : x > 2.5f ? 2 : x > 0.5f ? 1 : 0; }
};

}  // namespace

TEST_CASE("vectors encode minifloats as their scalar definition does, for every float") {
  CHECK(wrong_codes<e4m3>() == 0);
  CHECK(wrong_codes<e5m2>() == 0);
  CHECK(wrong_codes<e3m4>() == 0);
  CHECK(wrong_codes<e3m2>() == 0);
  CHECK(wrong_codes<e2m3>() == 0);
  CHECK(wrong_codes<e3m0>() == 0);
  CHECK(wrong_codes<e2m1>() == 0);
  CHECK(wrong_codes<e1m2>() == 0);
  CHECK(wrong_codes<minifloat<1, 0, specials::none>>() == 0);
  CHECK(wrong_codes<minifloat<4, 0, specials::none>>() == 0);
  CHECK(wrong_codes<minifloat<1, 6, specials::none>>() == 0);
  CHECK(wrong_codes<minifloat<4, 3, specials::nan, overflow::special>>() == 0);
  CHECK(wrong_codes<minifloat<5, 2, specials::ieee, overflow::special>>() == 0);
}

TEST_CASE("vectors encode codebooks as their scalar definition does, for every float") {
  CHECK(wrong_codes<nf4>() == 0);
  CHECK(wrong_codes<nf3>() == 0);
  CHECK(wrong_codes<nf2>() == 0);
  CHECK(wrong_codes<af4>() == 0);
  CHECK(wrong_codes<bnb_fp4>() == 0);
  CHECK(wrong_codes<iq4_nl>() == 0);
  CHECK(wrong_codes<codebook_format<odd_book>>() == 0);
  CHECK(wrong_codes<codebook_format<wide_book>>() == 0);
}

TEST_CASE("vectors encode integers and logarithms as their scalar definition does, for every float") {
  CHECK(wrong_codes<int8>() == 0);
  CHECK(wrong_codes<int3>() == 0);
  CHECK(wrong_codes<uint5>() == 0);
  CHECK(wrong_codes<octavo::uint<1>>() == 0);
  CHECK(wrong_codes<ternary>() == 0);
  CHECK(wrong_codes<fixed<8, 6>>() == 0);
  CHECK(wrong_codes<my_int3>() == 0);
  CHECK(wrong_codes<log2_format<4>>() == 0);
  CHECK(wrong_codes<log2_format<5, log_zero::extra>>() == 0);
  CHECK(wrong_codes<log_sqrt2_format<6>>() == 0);
  CHECK(wrong_codes<log_sqrt2_format<4, log_zero::last>>() == 0);
}

TEST_CASE("books whose middles are apart are searched by parts of the line, others by halves") {
  STATIC_REQUIRE(kernel::parts_of<nf4>.there);
  STATIC_REQUIRE(kernel::parts_of<nf3>.there);
  STATIC_REQUIRE(kernel::parts_of<iq4_nl>.there);
  STATIC_REQUIRE_FALSE(kernel::parts_of<bnb_fp4>.there);
  STATIC_REQUIRE_FALSE(kernel::parts_of<codebook_format<wide_book>>.there);
}

TEST_CASE("formats whose encoding vectors do not know stay scalar") {
  STATIC_REQUIRE(kernel::encoding_of<ties_up> == kernel::encoding::by_scalars);
  STATIC_REQUIRE(kernel::encoding_of<squares> == kernel::encoding::by_scalars);
  STATIC_REQUIRE(kernel::encoding_of<codebook_format<bad_book>> == kernel::encoding::by_scalars);
  STATIC_REQUIRE(kernel::encoding_of<my_int3> == kernel::encoding::integers);
}
