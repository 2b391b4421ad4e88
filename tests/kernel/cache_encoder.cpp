// SPDX-License-Identifier: MIT
#include "octavo/kernel/cache_encoder.hpp"

#include "octavo/format/integer.hpp"
#include "octavo/format/minifloat.hpp"
#include "octavo/quant/affine.hpp"
#include "octavo/quant/affine_codebook.hpp"
#include "octavo/quant/affine_min.hpp"
#include "octavo/quant/symmetric.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <vector>

using namespace octavo;

namespace {

/// The table of laws that need one.
template <class Q>
detail::book_of<Q> some_book() {
  detail::book_of<Q> book;
  if constexpr (has_book<Q>) {
    static auto const table = [] {
      codebook_params<Q::format::bits> p{};
      for (std::size_t c = 0; c < std::size(p.values); ++c) {
        double const even = 2.0 * static_cast<double>(c) / static_cast<double>(std::size(p.values) - 1) - 1;
        p.values[c] = static_cast<float>(even * std::fabs(even));  // many near 0
      }
      return typename Q::book(p);
    }();
    book.table = &table;
  }
  return book;
}

template <class A, class Q>
void check(std::vector<float> const& x) {
  std::vector<code> expected(x.size());
  std::vector<code> got(x.size());
  auto const n = static_cast<octavo::index>(x.size());
  auto const p = detail::plain_encoder::encode<Q>(x.data(), n, expected.data(), some_book<Q>());
  auto const q = kernel::vector_encoder<A>::template encode<Q>(x.data(), n, got.data(), some_book<Q>());
  INFO(arch_name<A> << ", " << n << " numbers");
  CHECK(test::same_bits(Q::scale(p), Q::scale(q)));
  if (Q::scale(p) == Q::scale(p)) { CHECK(expected == got); }  // of NaN codes do not matter
  if constexpr (has_zero_point<Q>) { CHECK(Q::zero(p) == Q::zero(q)); }
  if constexpr (has_minimum<Q>) { CHECK(test::same_bits(Q::minimum(p), Q::minimum(q))); }
}

/// 16 tokens, each channel with parameters of its own.
template <class A, class Q>
void check_channels(std::vector<float> const& x, octavo::index channels) {
  using T = typename Q::scale_type;
  octavo::index const stride = round_up(channels, 16);
  octavo::index const scale_bytes = round_up(channels * static_cast<octavo::index>(sizeof(T)), 64);
  std::vector<std::byte> expected(static_cast<std::size_t>(2 * scale_bytes + 64));
  auto got = expected;
  std::vector<code> codes(static_cast<std::size_t>(16 * stride));
  auto vector_codes = codes;
  detail::plain_encoder::encode_channels<Q, 16>(x.data(), channels, expected.data(), scale_bytes, codes.data(),
                                                stride, some_book<Q>());
  kernel::vector_encoder<A>::template encode_channels<Q, 16>(x.data(), channels, got.data(), scale_bytes,
                                                             vector_codes.data(), stride, some_book<Q>());
  INFO(arch_name<A> << ", " << channels << " channels");
  int wrong = 0;
  for (octavo::index c = 0; c < channels; ++c) {
    using P = detail::param_arrays<Q>;
    for (octavo::index i = 0; i < 16; ++i) {
      auto const at = static_cast<std::size_t>(i * stride + c);
      float const a = P::value(expected.data(), scale_bytes, c, codes[at], some_book<Q>());
      wrong += test::same_bits(a, P::value(got.data(), scale_bytes, c, vector_codes[at], some_book<Q>())) ? 0 : 1;
      wrong += std::isnan(a) || codes[at] == vector_codes[at] ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
  if (x[0] == x[0]) { CHECK(expected == got); }
}

}  // namespace

TEST_CASE("vector_encoder gives each channel the codes and parameters of the quantizer") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    for (octavo::index const channels : {1, 15, 17, 64}) {
      auto x = test::values(16 * channels, static_cast<std::uint64_t>(channels));
      for (int round = 0; round < 3; ++round) {
        check_channels<A, symmetric<int4, scale_as<f16>>>(x, channels);
        check_channels<A, affine<uint4>>(x, channels);
        check_channels<A, affine_min<uint2, scale_as<f16>>>(x, channels);
        check_channels<A, affine_codebook<codebook<2>, scale_as<f16>>>(x, channels);
        check_channels<A, affine_codebook<codebook<4>>>(x, channels);
        check_channels<A, affine_codebook<nf4, scale_as<bf16>>>(x, channels);
        check_channels<A, symmetric<e2m1, scale_as<e8m0>>>(x, channels);  // by the quantizer
        x[0] = round == 0 ? -0.0f : std::nanf("");
      }
    }
  });
}

TEST_CASE("vector_encoder gives the codes and parameters of the quantizer") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    for (octavo::index const n : {0, 1, 15, 16, 17, 64, 100}) {
      auto x = test::values(n, static_cast<std::uint64_t>(n));
      for (int round = 0; round < 3; ++round) {
        check<A, symmetric<octavo::int8, scale_as<f16>>>(x);
        check<A, symmetric<int4>>(x);
        check<A, affine<uint4, scale_as<f16>>>(x);
        check<A, affine<octavo::uint8>>(x);
        check<A, affine_min<uint2, scale_as<f16>>>(x);
        check<A, affine_codebook<codebook<2>, scale_as<f16>>>(x);
        check<A, affine_codebook<codebook<8>>>(x);
        check<A, affine_codebook<nf4, scale_as<f16>>>(x);
        if (n == 0) { break; }
        x.back() = round == 0 ? 1e30f : std::nanf("");
      }
    }
  });
}

TEST_CASE("vector_encoder takes the sign of the first zero as a minimum") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    std::vector<float> x(35, 1.0f);
    x[20] = -0.0f;
    check<A, affine_min<uint2>>(x);
    x[3] = 0.0f;
    check<A, affine_min<uint2>>(x);
    x[34] = -0.0f;
    x[33] = 3e38f;
    x[1] = -3e38f;  // a range that overflows
    check<A, affine_min<uint2>>(x);
  });
}

TEST_CASE("vector_encoder finds the middle of a range whose extent overflows, and of zeros the first one's sign") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    using Q = affine_codebook<codebook<2>>;
    std::vector<float> x(35, 1.0f);
    x[2] = 3e38f;
    x[1] = -2.9e38f;
    check<A, Q>(x);
    check_channels<A, Q>(std::vector<float>(16 * 3, 2.0f), 3);
    std::fill(x.begin(), x.end(), 0.0f);
    check<A, Q>(x);
    x[0] = -0.0f;
    check<A, Q>(x);
    x.resize(48);
    x[1] = 3e38f;
    x[4] = -3e38f;
    check_channels<A, Q>(x, 3);
  });
}

TEST_CASE("vector_encoder loads elements as floats") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    std::vector<f16> from;
    for (float const v : test::values(35, 2)) { from.push_back(f16(v)); }
    std::vector<float> to(35);
    kernel::vector_encoder<A>::load(from.data(), 35, to.data());
    for (std::size_t i = 0; i < 35; ++i) { CHECK(to[i] == static_cast<float>(from[i])); }
  });
}

namespace {

template <class A, class T>
int wrong_elements(std::vector<float> const& x) {
  std::vector<T> to(x.size() + 1, T(7.0f));
  kernel::vector_encoder<A>::round(x.data(), static_cast<octavo::index>(x.size()), to.data());
  int wrong = test::same_bits(static_cast<float>(to[x.size()]), 7.0f) ? 0 : 1;
  for (std::size_t i = 0; i < x.size(); ++i) {
    T const expected(x[i]);
    wrong += std::memcmp(&to[i], &expected, sizeof(T)) == 0 ? 0 : 1;
  }
  return wrong;
}

}  // namespace

TEST_CASE("vector_encoder rounds floats to the elements nearest to them") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    for (octavo::index const n : {0, 1, 15, 16, 17, 100}) {
      auto x = test::values(n, static_cast<std::uint64_t>(n));
      float const special[] = {0.0f,    -0.0f,      1e-8f,    -6e-8f,    65504.0f,      65520.0f, 1e38f,
                               3.4e38f, 1.0009766f, INFINITY, -INFINITY, std::nanf(""), 2049.0f};
      for (std::size_t i = 0; i < std::min(x.size(), std::size(special)); ++i) { x[i] = special[i]; }
      INFO(arch_name<A> << ", " << n << " numbers");
      CHECK(wrong_elements<A, float>(x) == 0);
      CHECK(wrong_elements<A, f16>(x) == 0);
      CHECK(wrong_elements<A, bf16>(x) == 0);
    }
  });
}
