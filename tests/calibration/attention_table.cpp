// SPDX-License-Identifier: MIT
#include "octavo/calibration/attention_table.hpp"
#include "octavo/io/packed.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/files.hpp"

#include <limits>
#include <vector>

using namespace octavo;
using calibration::attention_table;

namespace {

std::string text_of(std::vector<std::byte> const& bytes) {
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

}  // namespace

TEST_CASE("a table of ways of attention goes through a file of packed matrices") {
  attention_table table(3, 2, 1);
  table.set(0, 1, 3);
  table.set(2, 0, 0);
  CHECK(std::vector<float>(table.values().begin(), table.values().end()) == std::vector<float>{1, 1, 0, 3, 1, 1});
  CHECK(table.way(2, 0) == 0);
  CHECK(table.way(0, 1) == 3);
  CHECK(table.way(1) == 1);

  io::packed_writer file;
  file.add("attention.ways", table.values(), table.layers(), table.steps());
  test::parsed<io::packed_file> const read(text_of(file.bytes()));
  REQUIRE(read.file);
  std::string error;
  auto const floats = read.file->floats("attention.ways", error);
  REQUIRE(floats);
  auto const back = attention_table::read(*floats, 4, error);
  REQUIRE(back);
  CHECK(*back == table);
  CHECK_FALSE(*back == attention_table(3, 2, 1));
  CHECK_FALSE(attention_table::read(*floats, 3, error));
  CHECK(error ==
        "the way of layer 0 at step 1 is 3.000000, but must be an integer from 0 to 2; find the table again for "
        "this list of ways");
}

TEST_CASE("floats that are no numbers of ways are refused") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (float const bad : {-1.0f, 4.0f, 0.5f, std::numeric_limits<float>::denorm_min(), 3.9999998f, 0x1p24f, 1e30f,
                          infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
    INFO(bad);
    std::vector<float> const values = {0, 1, 2, 3, 0, bad};
    std::string error;
    CHECK_FALSE(attention_table::read(tokens_view<float const>(values.data(), 2, 3, 2), 4, error));
    CHECK(error.starts_with("the way of layer 1 at step 2 is "));
    CHECK(error.ends_with(", but must be an integer from 0 to 3; find the table again for this list of ways"));
    CHECK(attention_table::read(tokens_view<float const>(values.data(), 2, 2, 2), 4, error));
  }
  std::string error;
  float const big = 0x1p25f;
  CHECK_FALSE(attention_table::read(tokens_view<float const>(&big, 1, 1, 1), octavo::index{1} << 30, error));
  float const zero = -0.0f;
  CHECK(attention_table::read(tokens_view<float const>(&zero, 1, 1, 1), 1, error)->way(0) == 0);
  CHECK(attention_table::read(tokens_view<float const>(nullptr, 0, 0, 0), 4, error)->layers() == 0);
}

TEST_CASE("layers, steps and ways beyond a table of ways are errors") {
  attention_table table(3, 2);
  CHECK(test::error_of([&] { (void)table.way(3); }) ==
        "attention_table: the layer is 3, layers are 3. They are counted from 0.");
  CHECK(test::error_of([&] { (void)table.way(-1, 1); }) ==
        "attention_table: the layer is -1, layers are 3. They are counted from 0.");
  CHECK(test::error_of([&] { table.set(0, 2, 0); }) ==
        "attention_table: the step is 2, steps are 2. They are counted from 0.");
  CHECK(test::error_of([&] { table.set(0, 0, -1); }) ==
        "attention_table: a way is -1, the last is at most 16777215. Ways are counted from 0.");
  CHECK(test::error_of([] { attention_table(1, -1); }) ==
        "attention_table: layers are 1, steps are -1. Extents must not be negative.");
}
