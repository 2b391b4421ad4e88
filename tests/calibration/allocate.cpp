// SPDX-License-Identifier: MIT
#include "octavo/calibration/allocate.hpp"

#include "calibration/layer.hpp"
#include "support/catch.hpp"

#include <limits>
#include <vector>

using namespace octavo::calibration;

namespace {

using table = std::vector<std::vector<configuration>>;

double loss_of(table const& t, std::vector<int> const& choice) {
  double sum = 0;
  for (std::size_t l = 0; l < t.size(); ++l) { sum += t[l][static_cast<std::size_t>(choice[l])].loss; }
  return sum;
}
std::int64_t size_of(table const& t, std::vector<int> const& choice) {
  std::int64_t sum = 0;
  for (std::size_t l = 0; l < t.size(); ++l) { sum += t[l][static_cast<std::size_t>(choice[l])].size; }
  return sum;
}

/// The least loss by trying all.
double least_loss(table const& t, std::int64_t budget) {
  double best = std::numeric_limits<double>::infinity();
  std::vector<int> choice(t.size(), 0);
  for (;;) {
    if (size_of(t, choice) <= budget) { best = std::min(best, loss_of(t, choice)); }
    std::size_t l = 0;
    while (l < t.size() && ++choice[l] == static_cast<int>(t[l].size())) { choice[l++] = 0; }
    if (l == t.size()) { return best; }
  }
}

}  // namespace

TEST_CASE("AdaQuant's worked integer program: three layers of 8, 4 or 2 bits") {
  table t;
  double const four[] = {0.05, 0.02, 0.10};
  double const two[] = {0.60, 0.15, 0.90};
  std::int64_t const weights[] = {1000, 4000, 2000};
  for (std::size_t l = 0; l < 3; ++l) {
    t.push_back({{0, 8 * weights[l]}, {four[l], 4 * weights[l]}, {two[l], 2 * weights[l]}});
  }
  CHECK(allocate(t, 28000) == std::vector<int>{1, 1, 1});
  CHECK(allocate(t, 22400) == std::vector<int>{1, 2, 1});
  CHECK(allocate(t, 17500) == std::vector<int>{1, 2, 2});
  CHECK(allocate(t, 56000) == std::vector<int>{0, 0, 0});
  CHECK(allocate(t, 14000) == std::vector<int>{2, 2, 2});
}

TEST_CASE("LQ-LoRA's worked integer program") {
  table const t = {{{9, 2}, {4, 3}, {1, 4}}, {{20, 2}, {6, 3}, {2.5, 4}}, {{3, 2}, {2, 3}, {0.5, 4}}};
  CHECK(allocate(t, 8) == std::vector<int>{1, 1, 0});
  CHECK(allocate(t, 9) == std::vector<int>{1, 2, 0});
  CHECK(allocate(t, 10) == std::vector<int>{2, 2, 0});
}

TEST_CASE("the loss is the least of all choices. With few buckets the budget holds, and the loss is not far off") {
  test::integers next(3);
  for (int round = 0; round < 20; ++round) {
    table t(6);
    std::int64_t smallest = 0;
    for (auto& layer : t) {
      for (int k = 0; k < 4; ++k) {
        layer.push_back({static_cast<double>(next.below(1000)) / 8, 3 * next.below(200) + 30 * k});
      }
      std::int64_t least = layer[0].size;
      for (auto const& c : layer) { least = std::min(least, c.size); }
      smallest += least;
    }
    std::int64_t const budget = smallest + next.below(900);
    auto const exact = allocate(t, budget);
    CHECK(size_of(t, exact) <= budget);
    CHECK(loss_of(t, exact) == least_loss(t, budget));
    auto const coarse = allocate(t, budget, 20);
    CHECK(size_of(t, coarse) <= budget);
    CHECK(loss_of(t, coarse) >= loss_of(t, exact));
    CHECK(loss_of(t, coarse) <= least_loss(t, smallest + (budget - smallest) / 2) + 1e-9);
  }
}

TEST_CASE("allocate refuses budgets below the smallest, layers without a choice, losses that are NaN") {
  table t = {{{1, 10}}, {{1, 20}, {2, 5}}};
  CHECK(allocate({}, 0).empty());
  CHECK_THROWS_WITH(allocate(t, 14),
                    "allocate: the smallest sizes add up to 15, the budget is 14. Raise it, or offer "
                    "smaller configurations.");
  t[1][0].loss = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(allocate(t, 100), Catch::Contains("has layer 1, of 2"));
  t[1][0] = {1, -1};
  CHECK_THROWS_AS(allocate(t, 100), std::invalid_argument);
  t[1].clear();
  CHECK_THROWS_WITH(allocate(t, 100), Catch::Contains("without configurations is layer 1"));
  t = {{{1, std::numeric_limits<std::int64_t>::max()}}, {{1, 1}}};
  CHECK_THROWS_AS(allocate(t, 100), std::invalid_argument);
}
