// SPDX-License-Identifier: MIT
#include "octavo/ops/prepared_tokens.hpp"

#include "octavo/ops/activation.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/executors.hpp"
#include "support/matrix.hpp"

#include <memory_resource>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

/// What fill() wrote in `tasks` tasks: operands, token after token, as doubles; then what else there is of each token.
struct written {
  std::vector<double> operands;
  std::vector<double> others;
};
template <class A, class S, class Act, class X>
written prepared(quantized_matrix<S> const& w, ops::tokens_of<X> const& x, octavo::index tasks) {
  ops::prepared_tokens<A, S, Act, X> tokens(w.view(), x);
  detail::scratch_block<A> scratch(std::pmr::new_delete_resource(), tokens.scratch_bytes(tasks) + alignment);
  test::odd_first const pool;
  tokens.fill(on<A>(pool), scratch, tasks);
  written all;
  for (octavo::index t = 0; t < x.tokens(); ++t) {
    auto const block = tokens.block(t);
    for (octavo::index s = 0; s < tokens.segments().count; ++s) {
      for (octavo::index k = 0; k < tokens.segments().length; ++k) {
        all.operands.push_back(static_cast<double>(block.data[s * block.segment_stride + k]));
      }
      if (block.start != nullptr) { all.others.push_back(static_cast<double>(block.start[s * block.start_stride])); }
      if (block.sums != nullptr) { all.others.push_back(static_cast<double>(block.sums[s * x.tokens()])); }
    }
    if constexpr (detail::is_scheme<Act>) { all.others.push_back(static_cast<double>(tokens.scale(t))); }
    if (path_of<S, Act> == path::int8_dot) { all.others.push_back(static_cast<double>(*block.zeros)); }
  }
  return all;
}
template <class A, class S, class Act, class X>
std::vector<double> operands(quantized_matrix<S> const& w, test::matrix<X> const& x, octavo::index tasks) {
  return prepared<A, S, Act, X>(w, as_tokens(x), tasks).operands;
}

struct as_it_is {
  template <class A>
  static simd::floats<A> apply(simd::floats<A> x) noexcept {
    return x;
  }
};
/// Whether tokens that are quantized before are prepared as those that are quantized here.
template <class A, class S, class Act>
bool given_as_found(octavo::index cols) {
  auto const w = quantize<S>(test::matrix<float>(3, cols, 1), on<scalar>());
  test::matrix<float> x(cols, 5, 2);
  for (octavo::index k = 0; k < cols; ++k) { x(k, 3) = 0; }
  quantized_tokens<Act> codes(cols, 5);
  activate<as_it_is>(x, codes, on<A>());
  auto const& floats = x;
  auto const found = prepared<A, S, Act, float>(w, as_tokens(floats), 2);
  auto const given = prepared<A, S, Act, quantized_tokens<Act>>(w, codes.view(), 2);
  return !found.operands.empty() && found.operands == given.operands && found.others == given.others;
}

}  // namespace

TEST_CASE("integer operands are the codes of each token, segment by segment, zeros behind them") {
  auto const w = quantize<w4_g32>(test::matrix<float>(3, 75, 1), on<scalar>());
  test::matrix<float> const x(75, 4, 2);
  using Q = a8::quantizer;
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    auto const found = operands<A, w4_g32, a8>(w, x, 1);
    REQUIRE(found.size() == 4 * 96);
    int wrong = 0;
    for (octavo::index t = 0; t < 4; ++t) {
      std::vector<float> token(75);
      for (octavo::index k = 0; k < 75; ++k) { token[static_cast<std::size_t>(k)] = x(k, t); }
      auto const p = Q::calibrate(token);
      for (octavo::index k = 0; k < 96; ++k) {
        double const expected = k < 75 ? double{Q::format::decode(Q::encode(x(k, t), p))} : 0.0;
        wrong += found[static_cast<std::size_t>(t * 96 + k)] == expected ? 0 : 1;
      }
    }
    INFO(arch_name<A>);
    CHECK(wrong == 0);
    CHECK(operands<A, w4_g32, a8>(w, x, 3) == found);
  });
}

TEST_CASE("operands of f32 products are the token itself, or the values of its codes") {
  auto const w = quantize<nf4_g64>(test::matrix<float>(3, 75, 1), on<scalar>());
  test::matrix<float> const x(75, 2, 3);
  using Q = a8::quantizer;
  std::vector<float> token(75);
  for (octavo::index k = 0; k < 75; ++k) { token[static_cast<std::size_t>(k)] = x(k, 1); }
  auto const p = Q::calibrate(token);
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    auto const floats = operands<A, nf4_g64, float>(w, x, 2);
    auto const codes = operands<A, nf4_g64, a8>(w, x, 2);
    REQUIRE(floats.size() == 2 * 128);
    REQUIRE(codes.size() == 2 * 128);
    int wrong = 0;
    for (octavo::index k = 0; k < 128; ++k) {
      double const value = k < 75 ? double{x(k, 1)} : 0.0;
      double const coded = k < 75 ? double{Q::format::decode(Q::encode(x(k, 1), p))} : 0.0;
      wrong += floats[static_cast<std::size_t>(128 + k)] == value ? 0 : 1;
      wrong += codes[static_cast<std::size_t>(128 + k)] == coded ? 0 : 1;
    }
    INFO(arch_name<A>);
    CHECK(wrong == 0);
  });
}

TEST_CASE("tokens that are quantized already are prepared as those that are quantized on the way") {
  using a4 = scheme<symmetric<int4>, per_token>;
  using bytes = scheme<symmetric<uint8>, per_token>;
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    for (octavo::index const cols : {1, 31, 75, 200}) {
      INFO(cols);
      CHECK(given_as_found<A, w8, a8>(cols));
      CHECK(given_as_found<A, w4_g32, a8>(cols));
      CHECK(given_as_found<A, w4_min_g<32>, a8_affine>(cols));
      CHECK(given_as_found<A, w4_affine_g<32>, bytes>(cols));
      CHECK(given_as_found<A, fp8, a4>(cols));
      CHECK(given_as_found<A, nf4_g64, a8_affine>(cols));
    }
  });
}
