// SPDX-License-Identifier: MIT
// The laws of angles against the formulas of transformers' modeling_rope_utils, evaluated with 40 digits.
#include "octavo/storage/rope_table.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"

#include <algorithm>
#include <cmath>

using namespace octavo;

namespace {

struct expected {
  octavo::index pair;
  double radians;
};
template <class Law, std::size_t N>
double worst(Law const& law, octavo::index dims, expected const (&all)[N]) {
  double largest = 0;
  for (auto const& e : all) {
    largest = std::max(largest, std::abs(law.inverse_frequency(e.pair, dims) / e.radians - 1));
  }
  return largest;
}

}  // namespace

TEST_CASE("rotary angles as trained, interpolated and NTK-aware") {
  expected const plain[] = {
      {0, 1}, {1, 0.86596432336006535}, {20, 0.056234132519034908}, {63, 0.00011547819846894582}};
  CHECK(worst(rope_plain{}, 128, plain) < 1e-14);
  CHECK(std::abs(rope_linear{.factor = 4}.inverse_frequency(20, 128) * 4 / plain[2].radians - 1) < 1e-14);
  expected const ntk[] = {{1, 0.84711718515120681}, {32, 0.0049452898406803666}, {63, 2.8869549617236454e-5}};
  CHECK(worst(rope_ntk{.factor = 4}, 128, ntk) < 1e-14);
  CHECK(rope_ntk::dynamic(10000, 2, 6000, 4096).factor == 1.9296875);
  CHECK(rope_ntk::dynamic(10000, 2, 4096, 4096).factor == 1);
  float const divisors[] = {1.0f, 2.5f};
  CHECK(rope_divided{.divisors = divisors}.inverse_frequency(1, 4) == rope_plain{}.inverse_frequency(1, 4) / 2.5);
}

TEST_CASE("rotary angles of YaRN") {
  expected const yarn[] = {{0, 1},
                           {19, 0.064938163157621132},
                           {20, 0.056234132519034908},
                           {21, 0.046940859997959401},
                           {30, 0.0085268437729674084},
                           {45, 0.00015177160473182493},
                           {46, 8.3345089510207752e-5},
                           {63, 7.2173874043091136e-6}};
  rope_yarn const law{.factor = 16, .original_positions = 4096};
  CHECK(worst(law, 128, yarn) < 1e-13);
  CHECK(std::abs(law.magnitude() - 1.2772588722239781) < 1e-15);
  CHECK(rope_yarn{.factor = 0.5}.magnitude() == 1);
  CHECK(rope_yarn{.factor = 16, .attention_factor = 1.5}.magnitude() == 1.5);
  // gpt-oss
  expected const fractions[] = {
      {0, 1}, {8, 0.050813274815461474}, {12, 0.0067949594897322178}, {31, 3.0235114281192144e-7}};
  CHECK(worst(rope_yarn{.base = 150000, .factor = 32, .original_positions = 4096, .truncate = false}, 64, fractions) <
        1e-13);
}

TEST_CASE("rotary angles of Llama 3.1") {
  expected const llama[] = {{0, 1},
                            {28, 0.003211445994752591},
                            {29, 0.0021665707635033586},
                            {32, 0.00052484616099295467},
                            {35, 9.556212353964683e-5},
                            {40, 3.4281021959525915e-5},
                            {63, 3.0689259889145111e-7}};
  CHECK(worst(rope_llama3{}, 128, llama) < 1e-13);
}

TEST_CASE("a rope_table holds cosines and sines rounded to float, in either layout") {
  rope_table const table(128, 1001, rope_llama3{});
  CHECK(table.cosines(1)[0] == 0.54030230586813972f);
  CHECK(table.sines(1)[0] == 0.84147098480789651f);
  CHECK(table.cosines(3)[1] == -0.76629555310371364f);
  CHECK(table.sines(1000)[5] == 0.55524809623253756f);
  CHECK(table.cosines(0)[63] == 1);
  CHECK(table.sines(0)[63] == 0);
  // Far positions: a table of one pair that is pair 30 of the above.
  struct one_pair {
    double inverse_frequency(octavo::index, octavo::index) const { return rope_llama3{}.inverse_frequency(30, 128); }
    double magnitude() const { return 2; }
  };
  rope_table const far(2, 131072, one_pair{}, rope_pairs::neighbours);
  CHECK(far.cosines(131071)[0] == 2 * -0.73530443252681783f);
  CHECK(far.cosines(131071)[1] == 2 * -0.73530443252681783f);
  CHECK(far.sines(131071)[0] == 2 * 0.67773696336146105f);
  CHECK(far.sines(131071)[1] == 2 * -0.67773696336146105f);
}

TEST_CASE("a rope_table refuses odd channels and extents that are no extents") {
  CHECK(test::error_of([] { (void)rope_table(3, 5); }) ==
        "rope_table: the channels that turn are 3, pairs of them are 1. They turn in pairs: pass an even number.");
  CHECK(test::error_of([] { (void)rope_table(4, -1); }) ==
        "rope_table: positions are -1, the most are 1073741824. Pass the positions that there may be.");
  CHECK(test::error_of([] { (void)rope_table(-2, 1); }).starts_with("rope_table: "));
  CHECK(rope_table(0, 7).dims() == 0);
  CHECK(rope_table(8, 0).positions() == 0);
}

TEST_CASE("a rope_table refuses laws without sound angles") {
  auto const refused = [](auto const& law) {
    return test::error_of([&] { (void)rope_table(8, 5, law); })
        .starts_with("rope_table: the law has no angle for pair");
  };
  CHECK(test::error_of([] { (void)rope_table(8, 5, rope_plain{.base = -1}); }) ==
        "rope_table: the law has no angle for pair 0, of 4. Its base, factors and divisors must be there, finite and "
        "above 0.");
  for (double const bad : {0.0, -2.0, std::nan("")}) {
    CHECK(refused(rope_plain{.base = bad}));
    CHECK(refused(rope_ntk{.base = 10000, .factor = bad}));
  }
  CHECK(refused(rope_linear{.factor = 0}));
  CHECK(refused(rope_yarn{.factor = 4, .attention_factor = INFINITY}));
  float const divisors[] = {1, 2, 0, 4};
  CHECK(refused(rope_divided{.divisors = divisors}));
  CHECK(refused(rope_divided{}));
  CHECK_FALSE(refused(rope_linear{.factor = 1e-8}));
  CHECK(refused(rope_linear{.factor = 1e-9}));  // four positions on, 4e9 radians
}
