// SPDX-License-Identifier: MIT
#include "octavo/io/ggml_type.hpp"

#include "support/catch.hpp"

using namespace octavo::io;

TEST_CASE("types have the numbers, names and sizes of ggml") {
  CHECK(find_ggml_layout(2)->bytes == 18);
  CHECK(find_ggml_layout(12)->elements == 256);
  CHECK(find_ggml_layout(39)->bytes == 17);
  CHECK(find_ggml_layout(4) == nullptr);  // Q4_2, removed
  CHECK(find_ggml_layout(UINT32_MAX) == nullptr);
  CHECK(ggml_type_text(static_cast<ggml_type>(12)) == "Q4_K (12)");
  CHECK(ggml_type_text(static_cast<ggml_type>(99)) == "unknown (99)");
}

TEST_CASE("no type takes more than 8 bytes for an element, which the reader's overflow check relies on") {
  for (auto const& layout : ggml_layouts) { CHECK(layout.bytes <= 8 * layout.elements); }
}
