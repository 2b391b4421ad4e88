// SPDX-License-Identifier: MIT
#include "octavo/kernel/dense_operands.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <cmath>
#include <vector>

using namespace octavo;
using test::values;

TEST_CASE("keys give scores of the rows that were loaded") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    auto const q = values(3 * 2 * 5, 1);  // [head][query][channel]
    auto const k = values(40 * 5, 2);
    kernel::dense_keys<A, float, float> keys({q.data(), 5, 3, 2, 10, 5}, {k.data(), 5, 1, 40, 200, 5}, 0.5f);
    std::vector<float> scratch(static_cast<std::size_t>(keys.scratch(4)));
    keys.use(scratch.data(), 4);
    keys.load_leaf(0, 30, 10);
    keys.load_rows({0, 3}, 1, 4);  // heads 1 and 2 of query 0, heads 0 and 1 of query 1
    std::vector<float> scores(static_cast<std::size_t>(2 * keys.width));
    keys.template multiply<2>(1, 0, scores.data());
    for (octavo::index i = 0; i < 2; ++i) {
      octavo::index const head = i == 0 ? 2 : 0;
      for (octavo::index j = 0; j < 10; ++j) {
        float sum = 0;
        for (octavo::index c = 0; c < 5; ++c) {
          sum += q[static_cast<std::size_t>(head * 10 + i * 5 + c)] * 0.5f *
                 k[static_cast<std::size_t>((30 + j) * 5 + c)];
        }
        CHECK(std::abs(scores[static_cast<std::size_t>(i * keys.width + j)] - sum) < 1e-5f);
      }
    }
  });
}

TEST_CASE("values that are not finite taint the rows that weigh them, and no product") {
  test::for_every_arch([](auto arch) {
    using A = typename decltype(arch)::type;
    auto v = values(7 * 3, 3);
    v[2 * 3 + 1] = std::nanf("");
    kernel::dense_values<A, float> all({v.data(), 3, 1, 7, 21, 3});
    std::vector<float> scratch(static_cast<std::size_t>(all.scratch()));
    all.use(scratch.data());
    all.load_leaf(0, 0, 7);
    float weights[8] = {1, 2, 0, 3, 0, 0, 0, 0};
    std::vector<float> out(static_cast<std::size_t>(all.width));
    CHECK(all.blocks() == 1);
    CHECK(all.settle(0, weights, 0, 8, 6.0f) == 6.0f);
    all.template multiply<1>(0, weights, 8, 0, 0, 4, out.data());
    CHECK(std::abs(out[1] - (v[1] + 2 * v[4] + 3 * v[10])) < 1e-5f);
    CHECK(out[3] == 0);
    weights[2] = 0x1p-100f;
    CHECK(std::isnan(all.settle(0, weights, 0, 8, 6.0f)));
    CHECK(all.settle(0, weights, 3, 8, 6.0f) == 6.0f);
  });
}
