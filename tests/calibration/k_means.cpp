// SPDX-License-Identifier: MIT
#include "octavo/calibration/k_means.hpp"

#include "calibration/layer.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

using namespace octavo::calibration;

namespace {

/// The least cost of cutting the values, ascending, into at most k intervals, by trying all cuts; each cost by its
/// definition.
double least_cost(std::vector<float> const& xs, std::vector<float> const& ws, std::size_t from, int k) {
  if (from == xs.size()) { return 0; }
  if (k == 0) { return std::numeric_limits<double>::infinity(); }
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t to = from + 1; to <= xs.size(); ++to) {
    double w = 0;
    double wx = 0;
    for (std::size_t i = from; i < to; ++i) {
      w += double{ws[i]};
      wx += double{ws[i]} * double{xs[i]};
    }
    double cost = 0;
    for (std::size_t i = from; i < to && w > 0; ++i) { cost += double{ws[i]} * std::pow(double{xs[i]} - wx / w, 2); }
    best = std::min(best, cost + least_cost(xs, ws, to, k - 1));
  }
  return best;
}

double cost_of(std::vector<float> const& xs, std::vector<float> const& ws, std::vector<double> const& centres) {
  double sum = 0;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    double nearest = std::numeric_limits<double>::infinity();
    for (double const c : centres) { nearest = std::min(nearest, std::pow(double{xs[i]} - c, 2)); }
    sum += double{ws[i]} * nearest;
  }
  return sum;
}

}  // namespace

TEST_CASE("KVQuant's worked codebook of two bits, in any order of the values") {
  std::vector<float> xs = {-1, -.8f, -.3f, -.25f, -.1f, 0, .05f, .2f, .35f, .7f, .95f, 1};
  std::vector<float> ws = {1, 2, 4, 4, 8, 8, 8, 4, 4, 1, 1, 2};
  for (int order = 0; order < 2; ++order) {
    auto const found = k_means(xs, ws, 4);
    double const expected[] = {-.866666667, -.1875, .108333333, .9125};
    REQUIRE(found.centres.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) { CHECK(found.centres[i] == Approx(expected[i]).epsilon(1e-7)); }
    CHECK(found.cost == Approx(.604375).epsilon(1e-6));
    std::rotate(xs.begin(), xs.begin() + 5, xs.end());
    std::rotate(ws.begin(), ws.begin() + 5, ws.end());
  }
}

TEST_CASE("no cuts cost less, with weights of 0 and values that are alike among them") {
  test::integers next(11);
  for (int round = 0; round < 40; ++round) {
    std::vector<float> xs;
    std::vector<float> ws;
    for (int i = 0; i < 11; ++i) {
      xs.push_back(static_cast<float>(next.below(24) - 8) * 0.375f + (round % 2 == 0 ? 0.0f : 1000.0f));
      ws.push_back(static_cast<float>(next.below(5)));
    }
    ws[3] = 1;
    std::sort(xs.begin(), xs.end());
    for (int const k : {1, 2, 3, 5}) {
      INFO("round " << round << " k " << k);
      auto const found = k_means(xs, ws, k);
      CHECK(std::is_sorted(found.centres.begin(), found.centres.end()));
      CHECK(found.cost == Approx(least_cost(xs, ws, 0, k)).margin(1e-9));
      CHECK(found.cost == Approx(cost_of(xs, ws, found.centres)).margin(1e-9));
    }
  }
}

TEST_CASE("no round of Lloyd improves the centres of many values, and the cost falls with k") {
  test::integers next(5);
  std::vector<float> xs;
  for (int i = 0; i < 3000; ++i) {
    xs.push_back(static_cast<float>(next.below(2001) + next.below(2001) - 2000) * 0x1p-10f);
  }
  std::vector<float> const ones(xs.size(), 1.0f);
  double last = std::numeric_limits<double>::infinity();
  for (int const k : {2, 4, 8, 16, 256}) {
    auto const found = k_means(xs, {}, k);
    CHECK(k_means(xs, ones, k).centres == found.centres);
    CHECK(found.cost < last);
    last = found.cost;
    std::vector<double> sums(found.centres.size());
    std::vector<double> counts(found.centres.size());
    for (float const x : xs) {
      std::size_t at = 0;
      while (at + 1 < sums.size() && double{x} > (found.centres[at] + found.centres[at + 1]) / 2) { ++at; }
      sums[at] += double{x};
      counts[at] += 1;
    }
    for (std::size_t i = 0; i < sums.size(); ++i) {
      CHECK(found.centres[i] == Approx(sums[i] / counts[i]).margin(1e-12));
    }
  }
}

TEST_CASE("fewer values than centres: each is one, the largest again") {
  CHECK(k_means(std::vector<float>{3, -1, 3, 0.1f}, {}, 5).centres == std::vector<double>{-1, double{0.1f}, 3, 3, 3});
  CHECK(k_means(std::vector<float>{7}, {}, 1).cost == 0);
  CHECK(k_means(std::vector<float>{7, 8}, std::vector<float>{0, 2}, 2).centres == std::vector<double>{8, 8});
}

TEST_CASE("k_means refuses no values, no weight, NaN, negative weights, another number of weights") {
  float const nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> const xs = {1, 2};
  CHECK_THROWS_WITH(k_means({}, {}, 2), Catch::Contains("but must be at least 1"));
  CHECK_THROWS_WITH(k_means(std::vector<float>{1, nan}, {}, 2), Catch::Contains("not finite is value 1"));
  CHECK_THROWS_WITH(k_means(xs, std::vector<float>{1}, 2), Catch::Contains("the weights are 1, the values are 2"));
  CHECK_THROWS_WITH(k_means(xs, std::vector<float>{1, -1}, 2), Catch::Contains("weight 1, of 2"));
  CHECK_THROWS_WITH(k_means(xs, std::vector<float>{nan, 1}, 2), Catch::Contains("weight 0, of 2"));
  CHECK_THROWS_WITH(k_means(xs, std::vector<float>{0, 0}, 2), Catch::Contains("every weight is 0"));
  CHECK_THROWS_WITH(k_means(xs, {}, 0), Catch::Contains("centres are 0"));
}
