// SPDX-License-Identifier: MIT
#include "octavo/storage/quantized_matrix.hpp"

#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/matrix.hpp"

#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

using namespace octavo;
using test::error_of;
using namespace octavo::schemes;

namespace {

/// Writes every code at every position through the layout's own positions, and reads it back with code_at.
template <class S>
bool codes_come_back(octavo::index rows, octavo::index cols) {
  using F = typename S::format;
  quantized_matrix<S> m(rows, cols);
  auto const view = m.view();
  auto const& layout = view.layout();
  auto const wanted = [](octavo::index r, octavo::index c, int round) {
    return static_cast<code>((r * 7 + c * 3 + round) & (code_count<F> - 1));
  };
  for (int round = 0; round<code_count<F>; round += code_count<F>> 16 ? 37 : 1) {
    std::memset(m.data(), 0, static_cast<std::size_t>(m.size_bytes()));
    for (octavo::index r = 0; r < rows; ++r) {
      for (octavo::index c = 0; c < cols; ++c) {
        layout.put(m.data() + r / 64 * layout.panel_bytes(), layout.at(r % 64, c), wanted(r, c, round) ^ layout.flip);
      }
    }
    for (octavo::index r = 0; r < rows; ++r) {
      for (octavo::index c = 0; c < cols; ++c) {
        if (view.code_at(r, c) != wanted(r, c, round)) { return false; }
      }
    }
  }
  return true;
}

/// Codes, parameters and values against the scalar quantizer.
template <class S>
int wrong_elements(octavo::index rows, octavo::index cols) {
  using Q = typename S::quantizer;
  test::matrix<float> const w(rows, cols, 11);
  auto const q = quantize<S>(w, on<scalar>());
  auto const view = q.view();
  octavo::index const length = view.layout().group();
  int wrong = 0;
  for (octavo::index r = 0; r < rows; ++r) {
    for (octavo::index g = 0; g < view.layout().groups(); ++g) {
      std::vector<float> group;
      for (octavo::index c = g * length; c < cols && c < (g + 1) * length; ++c) { group.push_back(w(r, c)); }
      auto const p = Q::calibrate(group);
      wrong += view.scale_at(r, g) == Q::scale(p) ? 0 : 1;
      if constexpr (has_zero_point<Q>) { wrong += view.zero_at(r, g) == Q::zero(p) ? 0 : 1; }
      if constexpr (has_minimum<Q>) { wrong += view.minimum_at(r, g) == Q::minimum(p) ? 0 : 1; }
      for (std::size_t i = 0; i < group.size(); ++i) {
        octavo::index const c = g * length + static_cast<octavo::index>(i);
        wrong += view.code_at(r, c) == Q::encode(group[i], p) ? 0 : 1;
        wrong += test::same_bits(view(r, c), Q::decode(Q::encode(group[i], p), p)) ? 0 : 1;
      }
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("every code is read back at every position") {
  CHECK(codes_come_back<w8>(70, 9));
  CHECK(codes_come_back<w4_g32>(70, 41));
  CHECK(codes_come_back<w4_min_g<32>>(70, 41));
  CHECK(codes_come_back<w2_g64>(3, 70));
  CHECK(codes_come_back<fp8>(70, 9));
  CHECK(codes_come_back<mxfp4>(17, 33));
  CHECK(codes_come_back<scheme<symmetric<sint<3>>, per_row>>(49, 19));
  CHECK(codes_come_back<scheme<symmetric<sint<5>>, per_row>>(70, 33));
  CHECK(codes_come_back<scheme<symmetric<sint<6>>, per_group<32>>>(70, 33));
}

TEST_CASE("quantize stores the code and parameters that the quantizer gives") {
  CHECK(wrong_elements<scheme<affine<uint4, scale_as<f16>>, per_group<32>>>(67, 70) == 0);
  CHECK(wrong_elements<w4_min_g<32>>(67, 70) == 0);
}

TEST_CASE("a view over the caller's memory equals the matrix that was saved there") {
  test::matrix<float> const w(65, 50, 12);
  auto const q = quantize<w4_g32>(w, on<scalar>());
  aligned_buffer file(quantized_matrix_view<w4_g32>::size_bytes(65, 50));
  std::memcpy(file.data(), q.data(), static_cast<std::size_t>(q.size_bytes()));
  quantized_matrix_view<w4_g32> const view(file.data(), file.size(), 65, 50);
  CHECK(view.size_bytes() == q.size_bytes());
  CHECK(test::differences(view, w) > 0);  // it was rounded,
  auto const own = q.view();
  int wrong = 0;
  for (octavo::index r = 0; r < 65; ++r) {
    for (octavo::index c = 0; c < 50; ++c) { wrong += test::same_bits(view(r, c), own(r, c)) ? 0 : 1; }
  }
  CHECK(wrong == 0);  // but not by the copy
}

TEST_CASE("a view refuses memory that is short, misaligned or missing, with the numbers") {
  aligned_buffer file(4096);
  using view = quantized_matrix_view<w8>;
  auto const needed = view::size_bytes(10, 10);
  CHECK(needed == 3 * 256 + 256);
  CHECK_NOTHROW(view(file.data(), needed, 10, 10));
  CHECK(error_of([&] { (void)view(file.data(), needed - 1, 10, 10); }) ==
        "quantized_matrix_view: the memory has bytes 1023, the matrix needs 1024. The file is truncated, or its "
        "extents are wrong.");
  CHECK(error_of([&] { (void)view(file.data() + 4, 2048, 10, 10); }) ==
        "quantized_matrix_view: the address modulo 64 is 4, but must be 0. Align packed matrices to 64 bytes in the "
        "file.");
  CHECK(error_of([&] { (void)view(nullptr, 2048, 10, 10); }) ==
        "quantized_matrix_view: the data pointer is null but rows are 10, columns are 10. Pass memory, or an extent "
        "of 0.");
  CHECK(error_of([&] { (void)view(file.data(), 2048, -10, 10); }).find("rows are -10") != std::string::npos);
  CHECK_NOTHROW(view(nullptr, 0, 0, 10));
  CHECK_THROWS_AS(quantized_matrix<w8>(-1, 5), std::invalid_argument);
}

TEST_CASE("matrices are copied deeply and moved cheaply") {
  test::matrix<float> const w(20, 20, 13);
  auto a = quantize<w8>(w, on<scalar>());
  auto const first = a.view()(3, 4);
  auto b = a;
  CHECK(b.data() != a.data());
  std::memset(a.data(), 0, static_cast<std::size_t>(a.size_bytes()));
  CHECK(a.view()(3, 4) == 0.0f);
  CHECK(b.view()(3, 4) == first);
  auto const* const where = b.data();
  auto const c = std::move(b);
  CHECK(c.data() == where);
  CHECK(c.view()(3, 4) == first);
  CHECK(c.rows() == 20);
  quantized_matrix<w8> const none;
  CHECK(none.view().size_bytes() == 0);
}

TEST_CASE("per_column matrices keep scales and zero points of columns") {
  test::matrix<float> const w(5, 7, 14);
  using Q = affine<uint4>;
  auto const q = quantize<scheme<Q, per_column>>(w, on<scalar>());
  for (octavo::index c = 0; c < 7; ++c) {
    std::vector<float> column;
    for (octavo::index r = 0; r < 5; ++r) { column.push_back(w(r, c)); }
    auto const p = Q::calibrate(column);
    CHECK(q.view().column_scales()[c] == Q::scale(p));
    CHECK(q.view().column_zeros()[c] == Q::zero(p));
    CHECK(q.view()(2, c) == Q::decode(Q::encode(column[2], p), p));
  }
}
