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
  attention_table table(3, 2, 4, "foobar", 1);
  table.set(0, 1, 3);
  table.set(2, 0, 0);
  // 85944171f73967e8 is the FNV-1a of foobar.
  CHECK(std::vector<float>(table.values().begin(), table.values().end()) ==
        std::vector<float>{-2, 3, 2, 4, 0x67e8, 0xf739, 0x4171, 0x8594, 1, 1, 0, 3, 1, 1});
  CHECK(table.way(2, 0) == 0);
  CHECK(table.way(0, 1) == 3);
  CHECK(table.way(1) == 1);
  CHECK(table.ways() == 4);

  io::packed_writer file;
  file.add("attention.ways", table.values(), table.size());
  test::parsed<io::packed_file> const read(text_of(file.bytes()));
  REQUIRE(read.file);
  std::string error;
  auto const floats = read.file->floats("attention.ways", error);
  REQUIRE(floats);
  auto const back = attention_table::read(*floats, 4, "foobar", error);
  REQUIRE(back);
  CHECK(*back == table);
  CHECK_FALSE(*back == attention_table(3, 2, 4, "foobar", 1));
}

TEST_CASE("a table for another list of ways, or of a version that does not say for which, is refused") {
  attention_table const table(3, 2, 4, "foobar", 1);
  auto const refusal = [](std::span<float const> x, octavo::index rows, octavo::index cols, octavo::index ways,
                          char const* list) {
    std::string error;
    auto const t = attention_table::read(tokens_view<float const>(x.data(), rows, cols, rows), ways, list, error);
    return t ? "" : error;
  };
  CHECK(refusal(table.values(), table.size(), 1, 4, "foobar") == "");
  CHECK(refusal(table.values(), table.size(), 1, 4, "foobaz") ==
        "the table is for another list of 4 ways, not for the 4 of 'foobaz'; find it again, for this list");
  CHECK(refusal(table.values(), table.size(), 1, 5, "foobar") ==
        "the table is for another list of 4 ways, not for the 5 of 'foobar'; find it again, for this list");
  for (std::size_t i = 4; i < 8; ++i) {  // any part of the hash
    std::vector<float> other(table.values().begin(), table.values().end());
    other[i] = other[i] == 0 ? 1.0f : 0.0f;
    CHECK(refusal(other, table.size(), 1, 4, "foobar").starts_with("the table is for another list of 4 ways, "));
  }
  constexpr char const* first =
      "the table of ways is of version 1, which does not say of which list; find it again, for this list";
  std::vector<float> const older = {1, 1, 0, 3, 1, 1, 1, 0};
  CHECK(refusal(older, 3, 2, 4, "foobar") == first);
  CHECK(refusal(older, 8, 1, 4, "foobar") == first);
  constexpr char const* none = "these floats are no table of ways of attention, or one of a newer version";
  std::vector<float> other(table.values().begin(), table.values().end());
  for (float const start : {-1.0f, -3.0f, -0x1p30f, std::numeric_limits<float>::quiet_NaN()}) {
    other[0] = start;
    CHECK(refusal(other, table.size(), 1, 4, "foobar") == none);
  }
  CHECK(refusal({}, 0, 0, 4, "foobar") == none);
  CHECK(refusal(older, 0, 1, 4, "foobar") == none);
}

TEST_CASE("floats that do not fit the layers and steps that they claim, or are no numbers of ways, are refused") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  attention_table const table(2, 3, 4, "these", 3);
  std::string error;
  auto const reads = [&](std::vector<float> const& x, octavo::index rows, octavo::index cols = 1) {
    return attention_table::read(tokens_view<float const>(x.data(), rows, cols, rows), 4, "these", error).has_value();
  };
  std::vector<float> const good(table.values().begin(), table.values().end());
  CHECK(reads(good, 14));
  CHECK_FALSE(reads(good, 13));
  CHECK(error == "a table of ways of attention has 13 floats, which do not fit its layers and steps");
  CHECK_FALSE(reads(good, 7, 2));
  for (octavo::index const n : {1, 7, 8}) { CHECK_FALSE(reads(good, n)); }
  for (float const bad : {-1.0f, 0.5f, std::numeric_limits<float>::denorm_min(), 3.9999998f, 0x1p24f, 1e30f, infinity,
                          -infinity, std::numeric_limits<float>::quiet_NaN()}) {
    INFO(bad);
    for (std::size_t i = 1; i < good.size(); ++i) {
      auto other = good;
      other[i] = bad;
      CHECK_FALSE(reads(other, 14));
    }
    CHECK(error.starts_with("the way of layer 1 at step 2 is "));
    CHECK(error.ends_with(", but must be an integer from 0 to 3"));
  }
  auto other = good;
  other[13] = 4;
  CHECK_FALSE(reads(other, 14));
  CHECK(error == "the way of layer 1 at step 2 is 4.000000, but must be an integer from 0 to 3");
  other[13] = -0.0f;
  CHECK(reads(other, 14));
  attention_table const empty(0, 0, 1, "");
  CHECK(attention_table::read(tokens_view<float const>(empty.values().data(), empty.size(), 1, empty.size()), 1, "",
                              error)
            ->layers() == 0);
}

TEST_CASE("layers, steps and ways beyond a table of ways are errors") {
  attention_table table(3, 2, 2, "these");
  CHECK(test::error_of([&] { (void)table.way(3); }) ==
        "attention_table: the layer is 3, layers are 3. They are counted from 0.");
  CHECK(test::error_of([&] { (void)table.way(-1, 1); }) ==
        "attention_table: the layer is -1, layers are 3. They are counted from 0.");
  CHECK(test::error_of([&] { table.set(0, 2, 0); }) ==
        "attention_table: the step is 2, steps are 2. They are counted from 0.");
  CHECK(test::error_of([&] { table.set(0, 0, -1); }) ==
        "attention_table: a way is -1, the ways are 2. They are counted from 0.");
  CHECK(test::error_of([&] { table.set(0, 0, 2); }) ==
        "attention_table: a way is 2, the ways are 2. They are counted from 0.");
  CHECK(test::error_of([] { attention_table(1, -1, 2, "these"); }) ==
        "attention_table: layers are 1, steps are -1. Extents must not be negative, and are below 2^24.");
  CHECK(test::error_of([] { attention_table(1, 1 << 24, 2, "these"); }) ==
        "attention_table: layers are 1, steps are 16777216. Extents must not be negative, and are below 2^24.");
  CHECK(test::error_of([] { attention_table(1, 1, 0, "these"); }) ==
        "attention_table: ways are 0, the most are 16777215. Pass the number of ways of the list, ways::count.");
}
