// SPDX-License-Identifier: MIT
#include "octavo/ops/prepared_tokens.hpp"

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

/// What fill() wrote, token after token, as doubles; in `tasks` tasks.
template <class A, class S, class Act, class X>
std::vector<double> operands(quantized_matrix<S> const& w, test::matrix<X> const& x, octavo::index tasks) {
  ops::prepared_tokens<A, S, Act, X> tokens(w.view(), as_tokens(x));
  detail::scratch_block<A> scratch(std::pmr::new_delete_resource(), tokens.scratch_bytes(tasks) + alignment);
  test::odd_first const pool;
  tokens.fill(on<A>(pool), scratch, tasks);
  std::vector<double> all;
  for (octavo::index t = 0; t < x.cols(); ++t) {
    auto const block = tokens.block(t);
    for (octavo::index s = 0; s < tokens.segments().count; ++s) {
      for (octavo::index k = 0; k < tokens.segments().length; ++k) {
        all.push_back(static_cast<double>(block.data[s * block.segment_stride + k]));
      }
    }
  }
  return all;
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

TEST_CASE("operands of f32 products are the token itself; as codes, their values") {
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
