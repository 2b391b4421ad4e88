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

TEST_CASE("scales of two levels: bytes of the group, and what groups share before the first") {
  using S = schemes::q4_k;
  panel_layout<S> const layout{2, 300};
  aligned_buffer bytes(layout.size_bytes());
  detail::panel_writer<S> const writer(layout, bytes.data());
  writer.put_params(1, 8, {0.25f, -0.5f, 63, 17, 0.0f});
  quantized_matrix_view<S> const view(bytes.data(), bytes.size(), 2, 300);
  CHECK(view.scale_at(1, 8) == 0.25f * 63);
  CHECK(view.minimum_at(1, 8) == -0.5f * 17);
  CHECK(view.scale_at(1, 9) == 0.0f);
  CHECK(static_cast<int>(bytes.data()[layout.params_at(8) + 1]) == 63);
  CHECK(static_cast<int>(bytes.data()[layout.minima_at(8) + 1]) == 17);
  CHECK(static_cast<int>(bytes.data()[256 + 2 * 1 + 1]) == 0x34);        // 0.25 in f16, high byte
  CHECK(static_cast<int>(bytes.data()[256 + 128 + 2 * 1 + 1]) == 0xb8);  // -0.5
}

TEST_CASE("signed integers count from their lowest, e4m3 is its code") {
  using S = schemes::q6_k;
  panel_layout<S> const layout{1, 16};
  aligned_buffer bytes(layout.size_bytes());
  detail::panel_writer<S>(layout, bytes.data()).put_params(0, 0, {2.0f, int8::encode(-100.0f), 0.0f});
  CHECK(static_cast<int>(bytes.data()[layout.params_at(0)]) == 28);
  CHECK(quantized_matrix_view<S>(bytes.data(), bytes.size(), 1, 16).scale_at(0, 0) == -200.0f);
  using N = schemes::nvfp4;
  panel_layout<N> const other{1, 16};
  aligned_buffer more(other.size_bytes());
  detail::panel_writer<N>(other, more.data()).put_params(0, 0, {0.5f, 0x7e, 0.0f});
  CHECK(static_cast<int>(more.data()[other.params_at(0)]) == 0x7e);
  CHECK(quantized_matrix_view<N>(more.data(), more.size(), 1, 16).scale_at(0, 0) == 224.0f);
}
