// SPDX-License-Identifier: MIT
#include "octavo/kernel/activations.hpp"

#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"
#include "support/user_quantizer.hpp"

#include <cmath>
#include <limits>
#include <vector>

using namespace octavo;

namespace {

std::vector<float> token(std::size_t n, std::uint64_t seed, float factor = 1.0f) {
  test::random next(seed);
  std::vector<float> x(n);
  for (float& v : x) { v = next.value() * factor; }
  return x;
}

/// Bytes, padding and sum of a segment against the scalar quantizer.
template <class A, class Q, class Byte>
int wrong_segment(std::vector<float> const& x, octavo::index first, octavo::index present, octavo::index length) {
  using F = typename Q::format;
  auto const p = Q::calibrate(x);
  int zero = -kernel::operand_shift<F>;
  if constexpr (has_zero_point<Q>) { zero += Q::zero(p); }
  std::vector<Byte> out(static_cast<std::size_t>(length));
  kernel::token_source<A, float> const source{x.data(), nullptr, static_cast<octavo::index>(x.size())};
  auto const sum = kernel::quantize_segment<A, Q>(source, p, first, present, length, zero, nullptr, out.data());
  if (sizeof(Byte) == 2) {
    for (std::size_t i = 0; i + 4 <= out.size(); i += 4) { std::swap(out[i + 1], out[i + 2]); }
  }
  int wrong = 0;
  std::int64_t expected_sum = 0;
  for (octavo::index k = 0; k < length; ++k) {
    int expected = zero;
    if (k < present) {
      float const v = F::decode(Q::encode(x[static_cast<std::size_t>(first + k)], p));
      expected = static_cast<int>(v / lattice<F>.step) - kernel::operand_shift<F>;
    }
    expected_sum += expected - zero;
    wrong += out[static_cast<std::size_t>(k)] == expected ? 0 : 1;
  }
  return wrong + (sum == expected_sum ? 0 : 1);
}

/// Operands of the float paths: values, rounded to bf16 (exact for these), which have no -0; zeros behind them.
template <class A, class Q, bool Rounded = false>
int wrong_values(std::vector<float> const& x, octavo::index present) {
  using layout = panel_layout<scheme<symmetric<e4m3>, per_row>>;
  using writer = kernel::operand_writer<kernel::float_weights<A, layout, false>, Rounded, false>;
  auto const p = Q::calibrate(x);
  std::vector<float> out(64, -1.0f);
  kernel::token_source<A, float> const source{x.data(), nullptr, static_cast<octavo::index>(x.size())};
  kernel::quantize_segment<writer, Q>(source, p, 3, present, 64, out.data());
  int wrong = 0;
  for (octavo::index k = 0; k < 64; ++k) {
    float expected = 0;
    if (k < present) {
      expected = Q::format::decode(Q::encode(x[static_cast<std::size_t>(3 + k)], p)) -
                 static_cast<float>(kernel::zero_of<Q>(p));
      if (Rounded && expected == 0) { expected = 0.0f; }
    }
    wrong += test::same_bits(out[static_cast<std::size_t>(k)], expected) ? 0 : 1;
  }
  return wrong;
}

template <class A, class Q>
bool same_params(std::vector<float> const& x) {
  kernel::range_tracker<A, Q> range;
  kernel::token_source<A, float> const source{x.data(), nullptr, static_cast<octavo::index>(x.size())};
  octavo::index k = 0;
  for (; k + simd::lanes<A> <= source.features; k += simd::lanes<A>) { range.add(source.load(k)); }
  if (k < source.features) { range.add(source.load(k, source.features - k)); }
  auto const p = range.params();
  auto const q = Q::calibrate(x);
  return test::same_bits(Q::scale(p), Q::scale(q)) && test::same_bits(p.inverse, q.inverse) &&
         kernel::zero_of<Q>(p) == kernel::zero_of<Q>(q);
}

}  // namespace

TEST_CASE("a token is quantized as the scalar quantizer does it, by every instruction set") {
  auto const x = token(100, 91);
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    for (octavo::index const present : {1, 7, 16, 33, 64}) {
      CHECK(wrong_segment<A, symmetric<int8>, std::int8_t>(x, 3, present, 64) == 0);
      CHECK(wrong_segment<A, symmetric<int8>, std::int16_t>(x, 3, present, 64) == 0);
      CHECK(wrong_segment<A, symmetric<int8, full>, std::int8_t>(x, 36, present, 64) == 0);
      CHECK(wrong_segment<A, affine<uint8>, std::int8_t>(x, 0, present, 64) == 0);
      CHECK(wrong_segment<A, affine<uint8>, std::int16_t>(x, 0, present, 64) == 0);
      CHECK(wrong_segment<A, symmetric<e2m1>, std::int8_t>(x, 0, present, 64) == 0);
      CHECK(wrong_segment<A, symmetric<e2m3>, std::int16_t>(x, 1, present, 64) == 0);
      CHECK(wrong_segment<A, symmetric<fixed<8, 6>, scale_as<e8m0>>, std::int8_t>(x, 2, present, 64) == 0);
      CHECK(wrong_segment<A, signed_max<octavo::iq4_nl>, std::int8_t>(x, 0, present, 64) == 0);
      CHECK(wrong_segment<A, test::coarse_int8, std::int8_t>(x, 0, present, 64) == 0);
    }
  });
}

TEST_CASE("operands of float paths are the values of the scalar quantizer, by every instruction set") {
  auto const x = token(100, 98);
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    for (octavo::index const present : {1, 7, 16, 33, 64}) {
      CHECK(wrong_values<A, symmetric<e4m3>>(x, present) == 0);
      CHECK(wrong_values<A, symmetric<nf4, scale_as<bf16>>>(x, present) == 0);
      CHECK(wrong_values<A, affine<uint8>>(x, present) == 0);
      CHECK(wrong_values<A, absmean<fixed<6, 2>>>(x, present) == 0);
    }
  });
}

TEST_CASE("operands of minifloats are the values of the scalar quantizer for ties, zeros and what is not finite") {
  // The largest is the fourth: by a scale of 1 all halves of a step are there, small ones and denormals too.
  for (float const extreme : {448.0f, 57344.0f, 1e-38f, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    std::vector<float> x(67);
    for (std::size_t i = 0; i < x.size(); ++i) {
      float const size = static_cast<float>(i % 32 + 33) / 64.0f * std::ldexp(1.0f, static_cast<int>(i % 21) - 12);
      x[i] = i % 9 == 0 ? (i % 2 == 0 ? 0.0f : -0.0f) : i % 2 == 0 ? size : -size;
      if (extreme < 1) { x[i] *= 1e-37f; }
    }
    x[3] = extreme;
    test::for_archs([&](auto arch) {
      using A = typename decltype(arch)::type;
      INFO(arch_name<A> << ", " << extreme);
      CHECK(wrong_values<A, symmetric<e4m3>>(x, 64) == 0);
      CHECK(wrong_values<A, symmetric<e4m3>, true>(x, 64) == 0);
      CHECK(wrong_values<A, symmetric<e5m2>, true>(x, 64) == 0);
      CHECK(wrong_values<A, symmetric<e5m2, full>, true>(x, 64) == 0);
      CHECK(wrong_values<A, symmetric<e3m2, scale_as<e8m0>>>(x, 64) == 0);
    });
  }
}

TEST_CASE("ties and extremes are quantized as the scalar quantizer does it") {
  std::vector<float> x;
  for (int i = -254; i <= 254; ++i) { x.push_back(static_cast<float>(i) * 0.5f); }  // scale 1: halves are ties
  auto const n = static_cast<octavo::index>(x.size());
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(wrong_segment<A, symmetric<int8>, std::int8_t>(x, 0, n, 512) == 0);
    CHECK(wrong_segment<A, affine<uint8>, std::int8_t>(x, 0, n, 512) == 0);
  });
}

TEST_CASE("ranges give the parameters of calibrate, NaN and infinity included") {
  constexpr float inf = std::numeric_limits<float>::infinity();
  std::vector<std::vector<float>> tokens = {token(1, 92),  token(15, 93),         token(16, 94),
                                            token(77, 95), token(40, 96, 1e-38f), std::vector<float>(20, 0.0f)};
  for (float const bad : {inf, -inf, std::nanf(""), -std::nanf("")}) {
    for (std::size_t const at : {std::size_t{0}, std::size_t{20}, std::size_t{36}}) {
      tokens.push_back(token(37, 97));
      tokens.back()[at] = bad;
    }
  }
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    int wrong = 0;
    for (auto const& x : tokens) {
      wrong += same_params<A, symmetric<int8>>(x) ? 0 : 1;
      wrong += same_params<A, affine<uint8>>(x) ? 0 : 1;
      wrong += same_params<A, symmetric<int4, scale_as<f16>>>(x) ? 0 : 1;
    }
    INFO(arch_name<A>);
    CHECK(wrong == 0);
  });
}

TEST_CASE("column scales multiply the features, column zeros weigh the sum") {
  std::vector<float> const x = {1, -2, 3, -4, 5};
  std::vector<float> const column = {2, 0.5f, 1, 1, 0.25f};
  std::int32_t const zeros[5] = {1, 0, -3, 2, 0};
  kernel::token_source<scalar, float> const source{x.data(), column.data(), 5};
  CHECK(source[0] == 2.0f);
  CHECK(source[4] == 1.25f);
  symmetric<int8>::params const unit{1.0f, 1.0f};
  std::int8_t out[8];
  auto const sum = kernel::quantize_segment<scalar, symmetric<int8>>(source, unit, 0, 5, 8, 0, zeros, out);
  CHECK(out[0] == 2);
  CHECK(out[1] == -1);
  CHECK(out[4] == 1);  // 1.25
  CHECK(out[7] == 0);
  CHECK(sum == 1 * 2 - 3 * 3 + 2 * -4);
}

TEST_CASE("operands of bf16 dot products are rounded, and 0 where products could be denormal") {
  CHECK(kernel::dot_operand_bits(1.00390625f) == 0x3f80);
  CHECK(kernel::dot_operand_bits(0x1p-100f) == bf16(0x1p-100f).bits);
  CHECK(kernel::dot_operand_bits(-0x1p-100f) == bf16(-0x1p-100f).bits);
  CHECK(kernel::dot_operand_bits(std::nextafter(0x1p-100f, 0.0f)) == 0);
  CHECK(kernel::dot_operand_bits(-0x1p-101f) == 0);
  CHECK(kernel::dot_operand_bits(std::nanf("")) > 0x7f80);
}
