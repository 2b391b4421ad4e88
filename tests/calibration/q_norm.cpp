// SPDX-License-Identifier: MIT
#include "octavo/calibration/q_norm.hpp"

#include "octavo/format/codebook.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

using namespace octavo;

namespace {

std::vector<float> const numbers = {-1, -.8f, -.3f, -.25f, -.1f, 0, .05f, .2f, .35f, .7f, .95f, 1};
std::vector<double> const centres = {-.866666667, -.1875, .108333333, .9125};

struct book {
  static constexpr std::array<float, 4> centres = {-.866666667f, -.1875f, .108333333f, .9125f};
  static constexpr std::array<float, 4> values = {-.897624f, -.200598f, .103015f, .928328f};
};

}  // namespace

TEST_CASE("q_norm: worked numbers of KVQuant's two bits") {
  auto const values = calibration::q_norm(numbers, centres);
  std::vector<double> const expected = {-.897624, -.200598, .103015, .928328};
  REQUIRE(values.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) { CHECK(std::abs(values[i] - expected[i]) < 2e-6); }
}

TEST_CASE("numbers by normed values have their mean and deviation, with the codes of the centres") {
  using format = codebook_format<book>;
  std::vector<code> const codes = {0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3};
  double sum = 0;
  double squares = 0;
  double exact = 0;
  double exact_squares = 0;
  for (std::size_t i = 0; i < 12; ++i) {
    CHECK(format::encode(numbers[i]) == codes[i]);
    double const x{format::decode(codes[i])};
    sum += x;
    squares += x * x;
    exact += double{numbers[i]};
    exact_squares += double{numbers[i]} * double{numbers[i]};
  }
  CHECK(std::abs(sum - exact) < 1e-5);
  CHECK(std::abs(squares - exact_squares) < 1e-5);
}

TEST_CASE("q_norm: a number may count several times, and the last centre may be there twice") {
  std::vector<float> const few = {-1, -.3f, .2f, 1};
  std::vector<float> const times = {1, 3, 2, 1};
  std::vector<float> const all = {-1, -.3f, -.3f, -.3f, .2f, .2f, 1};
  std::vector<double> const three = {-1, -.2, 1};
  auto const once = calibration::q_norm(all, three);
  auto const counted = calibration::q_norm(few, three, times);
  auto const repeated = calibration::q_norm(all, std::vector<double>{-1, -.2, 1, 1});
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(std::abs(repeated[i] - once[std::min<std::size_t>(i, 2)]) < 1e-12);
    CHECK(std::abs(counted[std::min<std::size_t>(i, 2)] - once[std::min<std::size_t>(i, 2)]) < 1e-12);
  }
}

TEST_CASE("q_norm without deviation, and what it refuses") {
  CHECK(calibration::q_norm(std::vector<float>{.1f, .1f}, centres) == centres);
  CHECK(test::error_of([] { (void)calibration::q_norm({}, centres); }).find("no numbers") != std::string::npos);
  CHECK(test::error_of([] {
          (void)calibration::q_norm(numbers, std::vector<double>{1, 0});
        }).find("ascend") != std::string::npos);
  CHECK(test::error_of([] {
          (void)calibration::q_norm(numbers, centres, std::vector<float>{1, 1});
        }).find("the counts are 2, the numbers are 12") != std::string::npos);
}
