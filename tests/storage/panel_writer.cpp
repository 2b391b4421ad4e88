// SPDX-License-Identifier: MIT
#include "octavo/storage/panel_writer.hpp"

#include "octavo/core/buffer.hpp"
#include "octavo/quant/schemes.hpp"
#include "octavo/storage/quantized_matrix.hpp"

#include "support/catch.hpp"

using namespace octavo;

TEST_CASE("codes, padding and parameters land where a view looks for them") {
  using S = schemes::w4_affine_g<32>;
  panel_layout<S> const layout{2, 37};
  aligned_buffer bytes(layout.size_bytes());
  detail::panel_writer<S> const writer(layout, bytes.data());
  writer.put_params(1, 1, {0.25f, 0.0f, 9});
  writer.put_code(layout.at(1, 33), 13);
  writer.put_code(layout.at(1, 36), 2);  // the other half of the byte of k = 32
  writer.put_padding(1, 1, 5);
  quantized_matrix_view<S> const view(bytes.data(), bytes.size(), 2, 37);
  CHECK(view.scale_at(1, 1) == 0.25f);
  CHECK(view.zero_at(1, 1) == 9);
  CHECK(view.code_at(1, 33) == 13);
  CHECK(view.code_at(1, 36) == 2);
  CHECK(view(1, 33) == 0.25f * (13 - 9));
  CHECK(view.code_at(0, 33) == 0);
}

TEST_CASE("minima land behind the scales of their group") {
  using S = schemes::w4_min_g<32>;
  panel_layout<S> const layout{2, 37};
  aligned_buffer bytes(layout.size_bytes());
  detail::panel_writer<S> const writer(layout, bytes.data());
  writer.put_params(1, 1, {0.25f, -1.5f, 0.0f});
  writer.put_code(layout.at(1, 33), 13);
  quantized_matrix_view<S> const view(bytes.data(), bytes.size(), 2, 37);
  CHECK(view.scale_at(1, 1) == 0.25f);
  CHECK(view.minimum_at(1, 1) == -1.5f);
  CHECK(view(1, 33) == 0.25f * 13 - 1.5f);
  CHECK(view(1, 34) == -1.5f);
  CHECK(view.minimum_at(0, 1) == 0.0f);
  CHECK(view.minimum_at(1, 0) == 0.0f);
}
