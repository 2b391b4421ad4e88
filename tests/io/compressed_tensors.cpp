// SPDX-License-Identifier: MIT
#include "octavo/io/compressed_tensors.hpp"

#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

#include <string>

using namespace octavo;
using namespace octavo::io;

namespace {

template <class T, int G>
using w4_of = scheme<symmetric<int4, scale_as<T>>, per_group<G>>;
template <class T, int G>
using w4z_of = scheme<affine<uint4, scale_as<T>>, per_group<G>>;

struct golden : test::parsed<safetensors> {
  explicit golden(std::string const& text = test::golden_file("compressed.safetensors")) : parsed(text) {}
};

template <class S>
octavo::index wrong_values(golden& g, std::string const& prefix) {
  auto const m = import_compressed<S>(*g.file, prefix, g.error);
  INFO(g.error);
  REQUIRE(m);
  auto const expected = g.file->matrix<float>(prefix + ".expected", m->rows(), m->cols(), g.error);
  REQUIRE(expected);
  return test::differences(m->view(), *expected);
}

/// Why a layer is refused, of the golden file with one piece of its header replaced.
template <class S>
std::string refusal(std::string const& prefix, std::string const& from = "", std::string const& to = "") {
  auto text = test::golden_file("compressed.safetensors");
  if (!from.empty()) { text.replace(text.find(from), from.size(), to); }
  golden g(text);
  if (!g.file) { return g.error; }
  if (import_compressed<S>(*g.file, prefix, g.error)) { return ""; }
  return g.error;
}

}  // namespace

TEST_CASE("W8A8 and W4A16 layers import to the values that NumPy computes from them") {
  golden g;
  INFO(g.error);
  REQUIRE(g.file);
  CHECK(wrong_values<schemes::w8>(g, "w8") == 0);
  CHECK(wrong_values<scheme<symmetric<int8, scale_as<bf16>>, per_row>>(g, "w8") == 0);
  CHECK(wrong_values<schemes::w8>(g, "w8_tensor") == 0);
  CHECK(wrong_values<w4_of<f16, 32>>(g, "w4") == 0);
  CHECK(wrong_values<w4_of<float, 32>>(g, "w4") == 0);
  CHECK(wrong_values<w4z_of<bf16, 32>>(g, "w4z") == 0);
}

TEST_CASE("layers of another scheme are refused with what they are") {
  CHECK(refusal<w4_of<bf16, 32>>("w4") ==
        "w4.weight_scale is F16 10 x 2, but 'int4 x bf16, per_group<32>' was asked for");
  CHECK(refusal<w4_of<f16, 64>>("w4") ==
        "w4.weight_scale is F16 10 x 2, but 'int4 x f16, per_group<64>' was asked for");
  CHECK(refusal<w4_of<bf16, 32>>("w4z") ==
        "w4z.weight_zero_point is not zero, but 'int4 x bf16, per_group<32>' was asked for");
  CHECK(refusal<w4z_of<f16, 32>>("w4") ==
        "w4.weight_zero_point is not there, but '(uint4 - zero) x f16, per_group<32>' was asked for");
  CHECK(refusal<w4_of<f16, 32>>("w8") == "w8.weight is I8 5 x 40, but 'int4 x f16, per_group<32>' was asked for");
  CHECK(refusal<schemes::w8>("w4") ==
        "w4.weight_packed is I32 10 x 8, which does not hold 10 x 64 codes of 8 bits as I32");
  CHECK(refusal<schemes::w8>("w9") == "w9 has neither .weight nor .weight_packed");
  CHECK(refusal<schemes::w8>("w8", "\"w8.weight\":{\"dtype\":\"I8\"", "\"w8.weight\":{\"dtype\":\"U8\"") ==
        "w8.weight is U8 5 x 40; int8 weights are supported here, of two dimensions");
  CHECK(refusal<schemes::w8>("w8", "w8.weight_scale", "w8.weight_skale") == "w8 has no .weight_scale");
  CHECK(refusal<w4_of<f16, 32>>("w4", "w4.weight_shape", "w4.weight_shade") ==
        "w4.weight_shape must be there, as two integers");
}

TEST_CASE("extents that the words do not hold, and scales that are no finite numbers") {
  auto const text = test::golden_file("compressed.safetensors");
  golden const g(text);
  auto const place = [&](char const* name) {
    return static_cast<std::size_t>(g.file->find(name)->data.data() - g.bytes.span().data());
  };
  auto const why = [](std::string const& file, auto scheme, char const* prefix) {
    golden bad(file);
    CHECK_FALSE(import_compressed<decltype(scheme)>(*bad.file, prefix, bad.error));
    return bad.error;
  };
  for (std::int64_t const cols : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{65}, INT64_MAX}) {
    auto changed = text;
    changed.replace(place("w4.weight_shape") + 8, 8, test::bytes_of(cols));
    CHECK(why(changed, w4_of<f16, 32>(), "w4") == "w4.weight_packed is I32 10 x 8, which does not hold 10 x " +
                                                      std::to_string(cols) + " codes of 4 bits as I32");
  }
  auto changed = text;
  changed.replace(place("w4.weight_scale") + 2 * (3 * 2 + 1), 2, std::string("\x00\x7e", 2));
  CHECK(why(changed, w4_of<f16, 32>(), "w4") == "w4.weight_scale of row 3, group 1, is not a finite number");
}
