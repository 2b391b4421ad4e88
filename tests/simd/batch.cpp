// SPDX-License-Identifier: MIT
#include "octavo/simd/batch.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

/// Floats with everything unpleasant among them, a multiple of 16.
std::vector<float> mixed_floats() {
  constexpr float inf = std::numeric_limits<float>::infinity();
  std::vector<float> xs = {0.0f,          -0.0f,     0.5f,       -0.5f,    1.5f,     2.5f,     inf,      -inf,
                           std::nanf(""), 0x1p-149f, -0x1p-130f, 65504.0f, 65520.0f, 65519.0f, 0x1p-24f, 0x1p-25f};
  test::random next(21);
  for (int i = 0; i < 4096; ++i) { xs.push_back(std::bit_cast<float>(next.bits())); }
  for (int i = 0; i < 4096; ++i) { xs.push_back(next.value() * 100.0f); }
  return xs;
}

template <class A>
std::vector<float> stored(simd::floats<A> v) {
  std::vector<float> r(static_cast<std::size_t>(simd::lanes<A>));
  v.store_unaligned(r.data());
  return r;
}
template <class A>
std::vector<std::int32_t> stored_ints(simd::ints<A> v) {
  std::vector<std::int32_t> r(static_cast<std::size_t>(simd::lanes<A>));
  v.store_unaligned(r.data());
  return r;
}

/// Every code of a 16-bit or 8-bit element type, widened by vectors and one by one.
template <class A, class T>
int wrong_loads() {
  constexpr int L = simd::lanes<A>;
  constexpr int codes = sizeof(T) == 2 ? 0x10000 : 0x100;
  std::vector<T> all(static_cast<std::size_t>(codes));
  for (int c = 0; c < codes; ++c) { all[static_cast<std::size_t>(c)].bits = static_cast<decltype(T::bits)>(c); }
  int wrong = 0;
  for (std::size_t i = 0; i + static_cast<std::size_t>(L) <= all.size(); i += static_cast<std::size_t>(L)) {
    auto const v = stored<A>(simd::load_as_floats<A>(all.data() + i));
    for (std::size_t j = 0; j < v.size(); ++j) {
      wrong += test::same_bits(v[j], static_cast<float>(all[i + j])) ? 0 : 1;
    }
  }
  return wrong;
}

template <class A, class T>
int wrong_stores(std::vector<float> const& xs) {
  auto const L = static_cast<std::size_t>(simd::lanes<A>);
  int wrong = 0;
  for (std::size_t i = 0; i + L <= xs.size(); i += L) {
    std::vector<T> out(L);
    simd::store_from_floats<A>(out.data(), simd::load_floats<A>(xs.data() + i));
    for (std::size_t j = 0; j < L; ++j) {
      wrong += test::same_bits(static_cast<float>(out[j]), static_cast<float>(T(xs[i + j]))) ? 0 : 1;
    }
  }
  return wrong;
}

template <class A, int Bytes>
int wrong_interleaving() {
  constexpr auto n = 4 * static_cast<std::size_t>(simd::lanes<A>);
  std::uint8_t a[n];
  std::uint8_t b[n];
  std::uint8_t low[n];
  std::uint8_t high[n];
  for (std::size_t i = 0; i < n; ++i) {
    a[i] = static_cast<std::uint8_t>(i);
    b[i] = static_cast<std::uint8_t>(i + 100);
  }
  auto const to = [](std::uint8_t* p) { return reinterpret_cast<std::int32_t*>(p); };
  simd::interleave_low<Bytes, A>(simd::load_ints<A>(a), simd::load_ints<A>(b)).store_unaligned(to(low));
  simd::interleave_high<Bytes, A>(simd::load_ints<A>(a), simd::load_ints<A>(b)).store_unaligned(to(high));
  int wrong = 0;
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t const from = i / 16 * 16 + i % 16 / (2 * Bytes) * Bytes + i % Bytes;
    auto const* const source = i / Bytes % 2 == 0 ? a : b;
    wrong += low[i] == source[from] && high[i] == source[from + 8] ? 0 : 1;
  }
  return wrong;
}

}  // namespace

TEST_CASE("loads widen every code of f16, bf16, e8m0, ue4m3 and byte_integer as the scalar conversions do") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_loads<A, f16>() == 0);
    CHECK(wrong_loads<A, bf16>() == 0);
    CHECK(wrong_loads<A, e8m0>() == 0);
    CHECK(wrong_loads<A, ue4m3>() == 0);
    CHECK(wrong_loads<A, byte_integer<0>>() == 0);
    CHECK(wrong_loads<A, byte_integer<-128>>() == 0);
  });
}

TEST_CASE("stores round as the scalar conversions do") {
  auto const xs = mixed_floats();
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_stores<A, f16>(xs) == 0);
    CHECK(wrong_stores<A, bf16>(xs) == 0);
    CHECK(wrong_stores<A, float>(xs) == 0);
  });
}

TEST_CASE("float operations of every instruction set equal the standard library's") {
  auto const xs = mixed_floats();
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    auto const L = static_cast<std::size_t>(simd::lanes<A>);
    int wrong = 0;
    for (std::size_t i = 0; i + 3 * L <= xs.size(); i += L) {
      float const* const a = xs.data() + i;
      float const* const b = a + L;
      float const* const c = b + L;
      auto const x = simd::load_floats<A>(a);
      auto const y = simd::load_floats<A>(b);
      auto const z = simd::load_floats<A>(c);
      auto const fused = stored<A>(simd::fused<A>(x, y, z));
      auto const low = stored<A>(simd::minimum<A>(x, y));
      auto const high = stored<A>(simd::maximum<A>(x, y));
      auto const apart = stored<A>(simd::opaque<A>(x * y) + z);
      auto const quotient = stored<A>(simd::divide<A>(x, y));
      for (std::size_t j = 0; j < L; ++j) {
        float const product = detail::opaque(a[j] * b[j]);
        wrong += test::same_bits(fused[j], has_fma<A> ? std::fma(a[j], b[j], c[j]) : product + c[j]) ? 0 : 1;
        wrong += test::same_bits(low[j], a[j] < b[j] ? a[j] : b[j]) ? 0 : 1;
        wrong += test::same_bits(high[j], a[j] > b[j] ? a[j] : b[j]) ? 0 : 1;
        wrong += test::same_bits(apart[j], product + c[j]) ? 0 : 1;
        wrong += test::same_bits(quotient[j], a[j] / b[j]) ? 0 : 1;
      }
    }
    INFO(arch_name<A>);
    CHECK(wrong == 0);
  });
}

TEST_CASE("bf16 numbers, small numbers and pairs of every instruction set") {
  auto xs = mixed_floats();
  for (float const x : {0x1p-100f, -0x1p-100f, 0x1.fffffep-101f, -0x1.fffffep-101f, -0.0f, std::nanf("")}) {
    xs.insert(xs.begin(), x);
  }
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    auto const L = static_cast<std::size_t>(simd::lanes<A>);
    int wrong = 0;
    for (std::size_t i = 0; i + L <= xs.size(); i += L) {
      auto const x = simd::load_floats<A>(xs.data() + i);
      std::vector<std::uint16_t> bits(L);
      simd::store_narrow<A>(bits.data(), simd::to_bf16<A>(x));
      auto const cut = stored<A>(simd::zero_below<A>(x, 0x1p-100f));
      auto const swapped = stored<A>(simd::swap_pairs<A>(x));
      for (std::size_t j = 0; j < L; ++j) {
        float const v = xs[i + j];
        wrong += bits[j] == detail::to_bf16_bits(v) ? 0 : 1;
        wrong += test::same_bits(cut[j], std::abs(v) < 0x1p-100f ? 0.0f : v) ? 0 : 1;
        wrong += test::same_bits(swapped[j], xs[i + (j ^ 1)]) ? 0 : 1;
      }
    }
    INFO(arch_name<A>);
    CHECK(wrong == 0);
  });
}

TEST_CASE("conversions between floats and integers round to nearest even") {
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    auto const L = static_cast<std::size_t>(simd::lanes<A>);
    int wrong = 0;
    test::random next(22);
    for (int round = 0; round < 2000; ++round) {
      std::vector<float> x(L);
      std::vector<std::int32_t> n(L);
      for (std::size_t j = 0; j < L; ++j) {
        x[j] = static_cast<float>(static_cast<std::int32_t>(next.bits() >> 8) - (1 << 23)) * 0.5f;
        n[j] = static_cast<std::int32_t>(next.bits());
      }
      auto const rounded = stored_ints<A>(simd::to_ints<A>(simd::load_floats<A>(x.data())));
      auto const widened = stored<A>(simd::to_floats<A>(simd::load_ints<A>(n.data())));
      for (std::size_t j = 0; j < L; ++j) {
        wrong += rounded[j] == static_cast<std::int32_t>(std::nearbyint(x[j])) ? 0 : 1;
        wrong += widened[j] == static_cast<float>(n[j]) ? 0 : 1;
      }
    }
    INFO(arch_name<A>);
    CHECK(wrong == 0);
  });
}

TEST_CASE("integer operations of every instruction set") {
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    auto const L = static_cast<std::size_t>(simd::lanes<A>);
    int wrong = 0;
    test::random next(23);
    for (int round = 0; round < 500; ++round) {
      std::vector<std::int32_t> a(L);
      std::vector<std::int32_t> b(L);
      for (std::size_t j = 0; j < L; ++j) {
        a[j] = static_cast<std::int32_t>(next.bits());
        b[j] = static_cast<std::int32_t>(next.bits());
      }
      auto const x = simd::load_ints<A>(a.data());
      auto const y = simd::load_ints<A>(b.data());
      auto const masked = stored_ints<A>(simd::bit_and<A>(x, 0x0f0f0f0fu));
      auto const joined = stored_ints<A>(simd::bit_or<A>(x, y));
      auto const different = stored_ints<A>(simd::bit_xor<A>(x, 0x70707070u));
      auto const chosen = stored_ints<A>(simd::choose_bits<A>(0x00ff0ff0u, x, y));
      auto const right = stored_ints<A>(simd::shift_right<4, A>(x));
      auto const by_count = stored_ints<A>(simd::shift_right<A>(x, 4));
      auto const left = stored_ints<A>(simd::shift_left<20, A>(x));
      auto const product = stored_ints<A>(simd::multiply<A>(x, y));
      auto const low = stored_ints<A>(simd::minimum<A>(x, y));
      auto const high = stored_ints<A>(simd::maximum<A>(x, y));
      auto const quad = stored_ints<A>(simd::broadcast4<A>(a.data() + 1));
      auto const bytes = stored_ints<A>(simd::load_bytes<A>(a.data()));
      std::vector<std::uint8_t> raw(4 * L);
      std::memcpy(raw.data(), a.data(), raw.size());
      for (std::size_t j = 0; j < L; ++j) {
        auto const u = static_cast<std::uint32_t>(a[j]);
        auto const v = static_cast<std::uint32_t>(b[j]);
        wrong += masked[j] == static_cast<std::int32_t>(u & 0x0f0f0f0fu) ? 0 : 1;
        wrong += joined[j] == (a[j] | b[j]) ? 0 : 1;
        wrong += chosen[j] == static_cast<std::int32_t>((u & 0x00ff0ff0u) | (v & 0xff00f00fu)) ? 0 : 1;
        wrong += right[j] == static_cast<std::int32_t>(u >> 4) ? 0 : 1;
        wrong += by_count[j] == right[j] ? 0 : 1;
        wrong += different[j] == static_cast<std::int32_t>(u ^ 0x70707070u) ? 0 : 1;
        wrong += left[j] == static_cast<std::int32_t>(u << 20) ? 0 : 1;
        wrong += product[j] == static_cast<std::int32_t>(u * v) ? 0 : 1;
        wrong += low[j] == (a[j] < b[j] ? a[j] : b[j]) ? 0 : 1;
        wrong += high[j] == (a[j] > b[j] ? a[j] : b[j]) ? 0 : 1;
        wrong += quad[j] == a[1] ? 0 : 1;
        wrong += bytes[j] == raw[j] ? 0 : 1;
      }
    }
    INFO(arch_name<A>);
    CHECK(wrong == 0);
  });
}

TEST_CASE("registers change rows for columns, and choose lane by lane, on every instruction set") {
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    constexpr auto L = static_cast<std::size_t>(simd::lanes<A>);
    INFO(arch_name<A>);
    simd::floats<A> rows[L];
    for (std::size_t i = 0; i < L; ++i) {
      float values[L];
      for (std::size_t j = 0; j < L; ++j) { values[j] = static_cast<float>(100 * i + j); }
      rows[i] = simd::load_floats<A>(values);
    }
    simd::transpose<A>(rows);
    int wrong = 0;
    for (std::size_t i = 0; i < L; ++i) {
      auto const column = stored<A>(rows[i]);
      for (std::size_t j = 0; j < L; ++j) { wrong += column[j] == static_cast<float>(100 * j + i) ? 0 : 1; }
    }
    CHECK(wrong == 0);

    auto const xs = mixed_floats();
    wrong = 0;
    for (std::size_t i = 0; i + 2 * L <= xs.size(); i += L) {
      float const* const a = xs.data() + i;
      float const* const b = a + L;
      auto const x = simd::load_floats<A>(a);
      auto const y = simd::load_floats<A>(b);
      auto const less = stored<A>(simd::where_less<A>(x, y, x, y));
      auto const less_ints = stored_ints<A>(simd::where_less<A>(x, y, simd::as_ints<A>(x), simd::as_ints<A>(y)));
      auto const nan = stored_ints<A>(simd::where_nan<A>(x, simd::ints<A>(7), simd::as_ints<A>(x)));
      auto const size = stored<A>(simd::absolute<A>(x));
      auto const bounded = stored<A>(simd::smaller_size<A>(x + x, 2.0f));
      auto const added = stored_ints<A>(simd::add_where_less<A>(simd::ints<A>(5), 3, x, y));
      auto const middle = stored_ints<A>(simd::swap_middle<A>(simd::as_ints<A>(x)));
      std::uint8_t bytes[L];
      simd::store_unsigned_bytes<A>(bytes, simd::bit_and<A>(simd::as_ints<A>(x), 0xffu));
      alignas(64) float streamed[16];
      simd::stream<A>(streamed, x);
      simd::finish_streams<A>();
      for (std::size_t j = 0; j < L; ++j) {
        auto const bits = std::bit_cast<std::int32_t>(a[j]);
        wrong += test::same_bits(less[j], a[j] < b[j] ? a[j] : b[j]) ? 0 : 1;
        wrong += less_ints[j] == std::bit_cast<std::int32_t>(a[j] < b[j] ? a[j] : b[j]) ? 0 : 1;
        wrong += nan[j] == (std::isnan(a[j]) ? 7 : bits) ? 0 : 1;
        wrong += test::same_bits(size[j], std::fabs(a[j])) ? 0 : 1;
        wrong += test::same_bits(bounded[j], std::fabs(a[j]) < 1.0f ? std::fabs(a[j] + a[j]) : 2.0f) ? 0 : 1;
        wrong += added[j] == (a[j] < b[j] ? 8 : 5) ? 0 : 1;
        wrong += middle[j] == std::bit_cast<std::int32_t>(a[j % 4 == 1 || j % 4 == 2 ? j ^ 3 : j]) ? 0 : 1;
        wrong += bytes[j] == static_cast<std::uint8_t>(bits) ? 0 : 1;
        wrong += test::same_bits(streamed[j], a[j]) ? 0 : 1;
      }
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE("narrow stores and partial loads and stores touch what they should") {
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    constexpr int L = simd::lanes<A>;
    std::int32_t n[16];
    for (int i = 0; i < 16; ++i) { n[i] = i % 2 == 0 ? i * 17 - 128 : 127 - i; }
    std::int8_t bytes[17] = {};
    std::int16_t words[17] = {};
    bytes[L] = 99;
    words[L] = 99;
    simd::store_narrow<A>(bytes, simd::load_ints<A>(n));
    simd::store_narrow<A>(words, simd::load_ints<A>(n));
    int wrong = 0;
    for (int i = 0; i < L; ++i) { wrong += bytes[i] == n[i] && words[i] == n[i] ? 0 : 1; }
    CHECK(wrong == 0);
    CHECK(bytes[L] == 99);
    CHECK(words[L] == 99);
    std::uint16_t halves[33] = {};
    halves[2 * L] = 99;
    for (int i = 0; i < 16; ++i) { n[i] = (i * 2501 - 20000) * 65536 + 40000 * (i % 2); }
    auto const upper = simd::as_floats<A>(simd::load_ints<A>(n));
    auto const lower = simd::as_floats<A>(simd::load_ints<A>(n) + simd::ints<A>(65536));
    simd::store_high_words<A>(halves, upper, lower);
    for (int i = 0; i < L; ++i) {
      int const expected = i * 2501 - 20000;
      wrong += halves[i] == static_cast<std::uint16_t>(expected) ? 0 : 1;
      wrong += halves[L + i] == static_cast<std::uint16_t>(expected + 1) ? 0 : 1;
    }
    CHECK(wrong == 0);
    CHECK(halves[2 * L] == 99);

    float x[16];
    for (int i = 0; i < 16; ++i) { x[i] = static_cast<float>(i) + 0.25f; }
    auto const first = stored<A>(simd::load_first<A>(x, 3));
    CHECK(first[2] == 2.25f);
    CHECK(first[3] == 0.0f);
    float out[4] = {-1, -1, -1, -1};
    simd::store_first<A>(out, simd::load_floats<A>(x), 3);
    CHECK(out[2] == 2.25f);
    CHECK(out[3] == -1.0f);
  });
}

TEST_CASE("elements of two registers in turns") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_interleaving<A, 1>() == 0);
    CHECK(wrong_interleaving<A, 2>() == 0);
    CHECK(wrong_interleaving<A, 4>() == 0);
    CHECK(wrong_interleaving<A, 8>() == 0);
  });
}
