// SPDX-License-Identifier: MIT
#include "octavo/io/compressed_tensors.hpp"

#include "octavo/ops/matmul.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"
#include "support/matrix.hpp"

#include <string>

using namespace octavo;
using namespace octavo::io;

namespace {

template <class T, int G>
using w4_of = scheme<symmetric<int4, scale_as<T>>, per_group<G>>;
template <class T, class Granularity>
using fp8_of = scheme<symmetric<e4m3, scale_as<T>>, Granularity>;
template <class T, int G>
using w4z_of = scheme<affine<uint4, scale_as<T>>, per_group<G>>;

struct golden : test::parsed<safetensors> {
  explicit golden(std::string const& text = test::golden_file("compressed.safetensors")) : parsed(text) {}
};

template <class S>
octavo::index wrong_values(golden& g, std::string const& prefix, octavo::index block_rows = 128) {
  auto const m = import_compressed<S>(*g.file, prefix, g.error, block_rows);
  INFO(g.error);
  REQUIRE(m);
  auto const expected = g.file->matrix<float>(prefix + ".expected", m->rows(), m->cols(), g.error);
  REQUIRE(expected);
  return test::differences(m->view(), *expected);
}

/// Why a layer is refused, of the golden file with one piece of its header replaced.
template <class S>
std::string refusal(std::string const& prefix, std::string const& from = "", std::string const& to = "",
                    char const* file = "compressed.safetensors", octavo::index block_rows = 128) {
  auto text = test::golden_file(file);
  if (!from.empty()) { text.replace(text.find(from), from.size(), to); }
  golden g(text);
  if (!g.file) { return g.error; }
  if (import_compressed<S>(*g.file, prefix, g.error, block_rows)) { return ""; }
  return g.error;
}
template <class S>
std::string fp8_refusal(std::string const& prefix, std::string const& from = "", std::string const& to = "",
                        octavo::index block_rows = 128) {
  return refusal<S>(prefix, from, to, "fp8.safetensors", block_rows);
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

TEST_CASE("FP8 layers import to the values that NumPy computes from their codes, NaN included") {
  golden g(test::golden_file("fp8.safetensors"));
  INFO(g.error);
  REQUIRE(g.file);
  CHECK(wrong_values<schemes::fp8>(g, "rows") == 0);
  CHECK(wrong_values<schemes::fp8>(g, "rows_bf16") == 0);
  CHECK(wrong_values<fp8_of<bf16, per_row>>(g, "rows_bf16") == 0);
  CHECK(wrong_values<schemes::fp8>(g, "tensor") == 0);
  CHECK(wrong_values<fp8_of<float, per_tensor>>(g, "tensor") == 0);
  CHECK(wrong_values<fp8_of<bf16, per_tensor>>(g, "tensor_bf16") == 0);
  CHECK(wrong_values<fp8_of<float, per_group<128>>>(g, "block") == 0);
  CHECK(wrong_values<fp8_of<float, per_group<32>>>(g, "block_4x32", 4) == 0);
  auto const all = import_compressed<schemes::fp8>(*g.file, "rows", g.error);
  REQUIRE(all);
  for (octavo::index i = 0; i < 256; ++i) { CHECK(all->view().code_at(i / 32, i % 32) == i); }
}

TEST_CASE("a code of FP8 that is NaN makes its output NaN, and no other") {
  golden g(test::golden_file("fp8.safetensors"));
  auto const w = import_compressed<schemes::fp8>(*g.file, "rows", g.error);  // rows 3 and 7 have such a code
  REQUIRE(w);
  test::for_archs([&](auto arch) {
    test::matrix<bf16> const x(32, 2, 7);
    test::matrix<float> y(8, 2);
    matmul(*w, x, y, on<typename decltype(arch)::type>());
    for (octavo::index r = 0; r < 8; ++r) {
      CHECK((y(r, 0) != y(r, 0)) == (r % 4 == 3));
      CHECK((y(r, 1) != y(r, 1)) == (r % 4 == 3));
    }
  });
}

TEST_CASE("FP8 layers of another kind are refused with what they are") {
  using blocks = fp8_of<float, per_group<128>>;
  CHECK(fp8_refusal<schemes::w8>("rows") == "rows.weight is F8_E4M3 8 x 32, but 'int8 x f32, per_row' was asked for");
  CHECK(refusal<schemes::fp8>("w8") == "w8.weight is I8 5 x 40, but 'e4m3 x f32, per_row' was asked for");
  CHECK(refusal<schemes::fp8>("w4") == "w4.weight_packed is I32 10 x 8, but 'e4m3 x f32, per_row' was asked for");
  CHECK(fp8_refusal<schemes::fp8>("rows", R"("rows.weight":{"dtype":"F8_E4M3")",
                                  R"("rows.weight":{"dtype":"F8_E5M2")") ==
        "rows.weight is F8_E5M2 8 x 32; I8 and F8_E4M3 are supported here, of two dimensions");
  CHECK(fp8_refusal<schemes::fp8>("rows", R"("rows.weight":{"dtype":"F8_E4M3","shape":[8,32])",
                                  R"("rows.weight":{"dtype":"F8_E4M3","shape":[256] )") ==
        "rows.weight is F8_E4M3 256; I8 and F8_E4M3 are supported here, of two dimensions");
  CHECK(fp8_refusal<schemes::fp8>("block") ==
        "block.weight_scale_inv is F32 2 x 1, but 'e4m3 x f32, per_row' was asked for");
  CHECK(fp8_refusal<fp8_of<bf16, per_group<128>>>("block") ==
        "block.weight_scale_inv is F32 2 x 1, but 'e4m3 x bf16, per_group<128>' was asked for");
  CHECK(fp8_refusal<blocks>("block", "", "", 64) ==
        "block.weight_scale_inv is F32 2 x 1, but 'e4m3 x f32, per_group<128>' was asked for");
  CHECK(fp8_refusal<blocks>("block", "", "", 0) == "block: a block has 0 rows, but must have 1");
  CHECK(fp8_refusal<blocks>("tensor") ==
        "tensor.weight_scale is F32 1, but 'e4m3 x f32, per_group<128>' was asked for");
  CHECK(fp8_refusal<fp8_of<float, per_group<32>>>("block_4x32") ==
        "block_4x32.weight_scale is F32 3 x 3, but 'e4m3 x f32, per_group<32>' was asked for");
  CHECK(fp8_refusal<schemes::fp8>("rows", "rows.weight_scale", "rows.weight_skale") == "rows has no .weight_scale");
  CHECK(fp8_refusal<schemes::fp8>("rows", "\"block.weight_scale_inv\":", "\"rows.weight_scale_inv\": ") ==
        "rows has both .weight_scale and .weight_scale_inv");
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
        "w8.weight is U8 5 x 40; I8 and F8_E4M3 are supported here, of two dimensions");
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
