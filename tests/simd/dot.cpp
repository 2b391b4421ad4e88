// SPDX-License-Identifier: MIT
#include "octavo/simd/dot.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <cstring>
#include <vector>

using namespace octavo;

namespace {

/// `quads` quads of weights and activations through dot<A, Highest>, as kernels use it: a burst, then a flush.
template <class A, int Highest>
std::vector<std::int32_t> run(std::vector<std::uint8_t> const& w, std::vector<std::int8_t> const& a,
                              std::size_t quads) {
  using dot = simd::dot<A, Highest>;
  constexpr auto row_bytes = static_cast<std::size_t>(4 * simd::lanes<A>);
  simd::ints<A> sum(5);
  typename dot::accumulator acc{};
  if constexpr (dot::burst == 0) { acc = sum; }
  int in_burst = 0;
  for (std::size_t q = 0; q < quads; ++q) {
    typename dot::activation quad[4];
    for (std::size_t j = 0; j < 4; ++j) { quad[j] = a[4 * q + j]; }
    if (sizeof(quad[0]) == 2) { std::swap(quad[1], quad[2]); }  // (k0 k2)(k1 k3)
    auto const weight = dot::prepare(simd::load_ints<A>(w.data() + q * 64 % (w.size() - row_bytes + 1)));
    acc = dot::add(acc, weight, dot::load(quad));
    if constexpr (dot::burst != 0) {
      if (++in_burst == dot::burst) {
        sum = dot::flush(sum, acc);
        acc = typename dot::accumulator{};
        in_burst = 0;
      }
    }
  }
  if constexpr (dot::burst != 0) {
    sum = dot::flush(sum, acc);
  } else {
    sum = simd::ints<A>(acc);
  }
  std::vector<std::int32_t> out(static_cast<std::size_t>(simd::lanes<A>));
  sum.store_unaligned(out.data());
  return out;
}

/// The same, by the definition.
std::int32_t plain(std::vector<std::uint8_t> const& w, std::vector<std::int8_t> const& a, std::size_t quads,
                   std::size_t lane, std::size_t row_bytes, int offset) {
  std::int64_t sum = 5;
  for (std::size_t q = 0; q < quads; ++q) {
    std::size_t const at = q * 64 % (w.size() - row_bytes + 1) + 4 * lane;
    for (std::size_t j = 0; j < 4; ++j) { sum += std::int64_t{w[at + j] - offset} * a[4 * q + j]; }
  }
  return static_cast<std::int32_t>(sum);
}

template <int Highest>
void check_highest() {
  enum kind { all_low, all_high, mixed, random };
  for (int const k : {all_low, all_high, mixed, random}) {
    test::random next(static_cast<std::uint64_t>(31 + k));
    std::size_t const quads = 4000;
    std::vector<std::uint8_t> w(64 * 64 + 64);
    std::vector<std::int8_t> a(4 * quads);
    for (auto& b : w) {
      b = static_cast<std::uint8_t>(k <= all_high ? Highest
                                    : k == mixed  ? (next.bits() % 2 == 0 ? 0 : Highest)
                                                  : next.below(Highest + 1));
    }
    for (auto& b : a) {
      b = static_cast<std::int8_t>(k == all_low    ? -128
                                   : k == all_high ? 127
                                   : k == mixed    ? (next.bits() % 2 == 0 ? -128 : 127)
                                                   : next.below(256) - 128);
    }
    test::for_every_arch([&](auto arch) {
      using A = typename decltype(arch)::type;
      auto const sums = run<A, Highest>(w, a, quads);
      int wrong = 0;
      for (std::size_t lane = 0; lane < sums.size(); ++lane) {
        wrong += sums[lane] == plain(w, a, quads, lane, 4 * sums.size(), simd::dot<A, Highest>::offset) ? 0 : 1;
      }
      INFO(arch_name<A> << ", highest weight " << Highest << ", values " << k);
      CHECK(wrong == 0);
    });
  }
}

}  // namespace

TEST_CASE("dot products are exact on every instruction set, in long bursts of extremes") {
  check_highest<255>();
  check_highest<128>();
  check_highest<127>();
  check_highest<24>();
  check_highest<15>();
  check_highest<3>();
}

TEST_CASE("products of pairs of signed words, extremes among them, wrap as integers do") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    test::random next(61);
    int wrong = 0;
    for (int round = 0; round < 500; ++round) {
      std::int16_t w[32];
      std::int16_t a[32];
      std::int32_t acc[16];
      for (int i = 0; i < 32; ++i) {
        w[i] = static_cast<std::int16_t>(round < 2 ? -32768 : next.below(65536) - 32768);
        a[i] = static_cast<std::int16_t>(round == 0 ? -32768 : round == 1 ? 32767 : next.below(65536) - 32768);
      }
      for (auto& x : acc) { x = static_cast<std::int32_t>(next.bits()); }
      std::int32_t out[16];
      simd::dot_words<A>(simd::load_ints<A>(acc), simd::load_ints<A>(w), simd::load_ints<A>(a)).store_unaligned(out);
      for (int i = 0; i < simd::lanes<A>; ++i) {
        std::int64_t const exact =
            std::int64_t{acc[i]} + std::int64_t{w[2 * i]} * a[2 * i] + std::int64_t{w[2 * i + 1]} * a[2 * i + 1];
        wrong += out[i] == static_cast<std::int32_t>(static_cast<std::uint32_t>(exact)) ? 0 : 1;
      }
    }
    CHECK(wrong == 0);
  });
}

#if defined(__AVX512BF16__)
TEST_CASE("this CPU's vdpbf16ps is two fma, the odd element of a pair first") {
  if (!cpu_has<avx512vnni>()) { return; }
  using A = avx512vnni;
  test::random next(41);
  // Exponents such that neither operands, products nor sums are denormal.
  auto const number = [&] {
    auto const sign = next.bits() & 0x8000u;
    auto const e = static_cast<std::uint32_t>(127 - 20 + next.below(41));
    return static_cast<std::uint16_t>(sign | e << 7 | (next.bits() & 0x7fu));
  };
  int wrong = 0;
  int differs_from_other_order = 0;
  float acc[16] = {};
  for (int step = 0; step < 70000; ++step) {  // 1.1 million lanes
    std::uint16_t w[32];
    std::uint16_t x[32];
    for (int i = 0; i < 32; ++i) {
      w[i] = number();
      x[i] = number();
    }
    if (step % 8 == 0) {
      for (float& v : acc) { v = next.value() * 0x1p10f; }
    }
    float out[16];
    simd::dot_bf16<A>(simd::load_floats<A>(acc), simd::load_ints<A>(w), simd::load_ints<A>(x)).store_unaligned(out);
    for (int i = 0; i < 16; ++i) {
      float const w0 = detail::from_bf16_bits(w[2 * i]);
      float const w1 = detail::from_bf16_bits(w[2 * i + 1]);
      float const x0 = detail::from_bf16_bits(x[2 * i]);
      float const x1 = detail::from_bf16_bits(x[2 * i + 1]);
      wrong += test::same_bits(out[i], std::fma(w0, x0, std::fma(w1, x1, acc[i]))) ? 0 : 1;
      differs_from_other_order += test::same_bits(out[i], std::fma(w1, x1, std::fma(w0, x0, acc[i]))) ? 0 : 1;
      acc[i] = out[i];
    }
  }
  CHECK(wrong == 0);
  CHECK(differs_from_other_order > 1000);  // the order matters, so the test can tell
}
#endif
