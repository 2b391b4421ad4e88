// SPDX-License-Identifier: MIT
#include "octavo/io/import_ggml.hpp"

#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/files.hpp"

#include <string>

using namespace octavo;
using namespace octavo::io;

namespace {

/// types.gguf by the package gguf, or a changed copy.
struct golden : test::parsed<gguf> {
  explicit golden(std::string const& text = test::golden_file("types.gguf")) : parsed(text) {}
};

/// A block of NaN (or infinite) scale in the tensor `name`, at `byte` of its data.
std::string with_scale(char const* name, std::size_t byte, std::string const& scale) {
  golden g;
  auto text = test::golden_file("types.gguf");
  auto const offset = static_cast<std::size_t>(g.file->find(name)->data.data() - g.bytes.span().data());
  text.replace(offset + byte, scale.size(), scale);
  return text;
}

template <class S>
std::string refusal(std::string const& text, char const* name) {
  golden g(text);
  auto const& t = *g.file->find(name);
  if (import_ggml<S>(t, g.error)) { return ""; }
  std::string asked;
  CHECK_FALSE(can_visit_ggml(t, asked));
  CHECK(asked == g.error);
  return g.error;
}

template <class T>
matrix_view<T> const& values_of(matrix_view<T> const& m) {
  return m;
}
template <class S>
quantized_matrix_view<S> values_of(quantized_matrix<S> const& m) {
  return m.view();
}

}  // namespace

TEST_CASE("every supported type imports to the values that the package gguf decodes, bit by bit") {
  auto const check = [](golden&& g, std::initializer_list<std::string> names) {
    INFO(g.error);
    REQUIRE(g.file);
    for (auto const& name : names) {
      INFO(name);
      auto const expected = view_ggml<float>(*g.file->find(name + ".expected"), g.error);
      REQUIRE(expected);
      octavo::index wrong = -1;
      CHECK(can_visit_ggml(*g.file->find(name), g.error));
      CHECK(visit_ggml(*g.file->find(name), g.error,
                       [&](auto const& m) { wrong = test::differences(values_of(m), *expected); }));
      CHECK(wrong == 0);
    }
  };
  check(golden(), {"f16", "bf16", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "mxfp4"});
  check(golden(test::golden_file("blocks.gguf")),
        {"q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl", "iq4_xs", "tq1_0", "tq2_0", "nvfp4"});
}

TEST_CASE("codes and scales are those of the file") {
  golden g;
  auto const& t = *g.file->find("q4_0");
  auto const m = import_ggml<schemes::w4_g<32>>(t, g.error);
  REQUIRE(m);
  auto const block = [&](octavo::index r, octavo::index i) { return t.data[static_cast<std::size_t>(r * 36 + i)]; };
  CHECK(m->view().code_at(1, 3) == (static_cast<int>(block(1, 2 + 3) & std::byte{15}) ^ 8));
  CHECK(m->view().code_at(1, 32 + 19) == (static_cast<int>(block(1, 18 + 2 + 3) >> 4) ^ 8));
}

TEST_CASE("several tensors become one matrix, one below the other, their types mixed where one scheme holds them") {
  golden g(test::golden_file("blocks.gguf"));
  gguf_tensor const* const parts[] = {g.file->find("tq1_0"), g.file->find("tq2_0")};
  auto const both = import_ggml<schemes::tq>(parts, g.error);
  REQUIRE(both);
  REQUIRE(both->rows() == 6);
  int wrong = 0;
  for (octavo::index p = 0; p < 2; ++p) {
    auto const one = import_ggml<schemes::tq>(*parts[p], g.error);
    REQUIRE(one);
    for (octavo::index r = 0; r < 3; ++r) {
      for (octavo::index c = 0; c < 256; ++c) {
        wrong += test::same_bits(both->view()(p * 3 + r, c), one->view()(r, c)) ? 0 : 1;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("what cannot be imported is refused by name") {
  golden g;
  CHECK_FALSE(visit_ggml(*g.file->find("iq2_xxs"), g.error, [](auto const&) {}));
  std::string const sentence =
      "iq2_xxs: type IQ2_XXS (16) is not supported; F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, "
      "Q5_K, Q6_K, IQ4_NL, IQ4_XS, TQ1_0, TQ2_0, MXFP4 and NVFP4 are";
  CHECK(g.error == sentence);
  CHECK_FALSE(import_ggml<schemes::w8_g<32>>(*g.file->find("iq2_xxs"), g.error));
  CHECK(g.error == sentence);
  CHECK_FALSE(import_ggml<schemes::w8_g<32>>(*g.file->find("q4_0"), g.error));
  CHECK(g.error == "q4_0: type Q4_0 (2) needs another scheme than was asked for");
  CHECK_FALSE(view_ggml<float>(*g.file->find("f16"), g.error));
  CHECK(g.error == "f16: type F16 (1), but F32 (0) is needed");
  gguf_tensor narrow = *g.file->find("q8_0");
  narrow.name = "narrow";
  narrow.extents = {32, 6, 1, 1};
  gguf_tensor const* const parts[] = {g.file->find("q8_0"), &narrow};
  CHECK_FALSE(import_ggml<schemes::w8_g<32>>(parts, g.error));
  CHECK(g.error == "narrow has 32 columns, q8_0 has 64; one matrix has rows of one length");
  narrow.data = {};
  CHECK_FALSE(import_ggml<schemes::w8_g<32>>(narrow, g.error));
  CHECK(g.error == "narrow has no elements");
}

TEST_CASE("can_visit_ggml says what visit_ggml would") {
  golden g;
  auto odd = *g.file->find("bf16");
  odd.name = "odd";
  odd.data = odd.data.subspan(1);
  auto none = *g.file->find("q4_1");
  none.data = {};
  for (auto const& t : {odd, none, *g.file->find("iq2_xxs")}) {
    std::string asked;
    CHECK_FALSE(can_visit_ggml(t, asked));
    CHECK_FALSE(visit_ggml(t, g.error, [](auto const&) {}));
    CHECK(asked == g.error);
  }
  std::string asked;
  CHECK_FALSE(can_visit_ggml(odd, asked));
  CHECK(asked == "odd is not aligned to its elements; its file must be mapped or aligned");
}

TEST_CASE("scales that are no finite numbers are refused with their place") {
  std::string const nan("\x01\x7e", 2);
  std::string const infinity("\x00\xfc", 2);
  CHECK(refusal<schemes::w8_g<32>>(with_scale("q8_0", 2 * 68 + 34, nan), "q8_0") ==
        "q8_0: the scale or minimum of row 2, columns 32 to 63, is not a finite number");
  CHECK(refusal<schemes::w4_g<32>>(with_scale("q4_0", 0, infinity), "q4_0") ==
        "q4_0: the scale or minimum of row 0, columns 0 to 31, is not a finite number");
  CHECK(refusal<schemes::mxfp4>(with_scale("mxfp4", 34, "\xff"), "mxfp4") ==
        "mxfp4: the scale or minimum of row 1, columns 0 to 31, is not a finite number");
  using w4_min = scheme<affine_min<uint4, scale_as<f16>>, per_group<32>>;
  CHECK(refusal<w4_min>(with_scale("q4_1", 20 + 2, nan), "q4_1") ==
        "q4_1: the scale or minimum of row 0, columns 32 to 63, is not a finite number");
}
