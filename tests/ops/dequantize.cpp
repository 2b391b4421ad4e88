// SPDX-License-Identifier: MIT
#include "octavo/ops/dequantize.hpp"

#include "octavo/ops/quantize.hpp"
#include "octavo/ops/quantize_outliers.hpp"
#include "octavo/quant/adalog.hpp"
#include "octavo/quant/codebook.hpp"
#include "octavo/quant/schemes.hpp"
#include "octavo/quant/sulq.hpp"
#include "octavo/quant/twin_uniform.hpp"
#include "octavo/storage/additive_matrix.hpp"
#include "octavo/storage/fixed_matrix.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/executors.hpp"
#include "support/matrix.hpp"
#include "support/user_quantizer.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

using namespace octavo;
using namespace octavo::schemes;

namespace {

/// Elements that are not w(r, c) rounded to T, of either order and with strides; what lies between must stay.
template <class T, class A, class S>
int wrong_values(quantized_matrix<S> const& q) {
  octavo::index const strides[][2] = {{1, q.rows() + 3}, {q.cols() + 5, 1}, {2, 2 * q.rows() + 1}};
  int wrong = 0;
  test::backwards const pool;
  for (auto const& [row, col] : strides) {
    std::vector<T> out(static_cast<std::size_t>((q.rows() + 5) * (q.cols() + 5) * 2), T(123.0f));
    dequantize(q.view(), out.data(), row, col, on<A>(pool));
    std::vector<bool> written(out.size());
    for (octavo::index r = 0; r < q.rows(); ++r) {
      for (octavo::index c = 0; c < q.cols(); ++c) {
        auto const at = static_cast<std::size_t>(r * row + c * col);
        written[at] = true;
        wrong += test::same_bits(static_cast<float>(out[at]), static_cast<float>(T(q.view()(r, c)))) ? 0 : 1;
      }
    }
    for (std::size_t i = 0; i < out.size(); ++i) {
      wrong += written[i] || static_cast<float>(out[i]) == 123.0f ? 0 : 1;
    }
  }
  return wrong;
}

/// Elements of other types than f32 are rounded behind all that a scheme has to do with.
template <class S, bool Rounded = false>
void check_dequantize(octavo::index rows, octavo::index cols) {
  auto const q = quantize<S>(test::matrix<float>(rows, cols, 153));
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A> << ", rows " << rows << ", columns " << cols);
    CHECK(wrong_values<float, A>(q) == 0);
    if constexpr (Rounded) {
      CHECK(wrong_values<bf16, A>(q) == 0);
      CHECK(wrong_values<f16, A>(q) == 0);
    }
  });
}

}  // namespace

TEST_CASE("dequantize writes the values of all formats and granularities into any dense matrix") {
  octavo::index const rows[] = {1, 17, 63, 64, 130};
  octavo::index const cols[] = {70, 3, 64, 129, 33};
  for (std::size_t i = 0; i < 5; ++i) {
    check_dequantize<w4_g32, true>(rows[i], cols[i]);
    check_dequantize<fp8>(rows[i], cols[i]);
    check_dequantize<w5_min_g<32>>(rows[i], cols[i]);
    check_dequantize<scheme<affine<int4>, per_column>>(rows[i], cols[i]);
  }
  check_dequantize<mxint8>(65, 70);
  check_dequantize<nf4_g64, true>(65, 70);
  check_dequantize<nvfp4_blocks>(65, 70);
  check_dequantize<w4_affine_g<20>>(65, 70);
  check_dequantize<scheme<test::powers_of_two, per_group<8>>>(65, 21);
  check_dequantize<bitnet>(65, 70);
  check_dequantize<scheme<codebook<4>, per_tensor>>(65, 70);
  check_dequantize<scheme<codebook<3>, per_row>>(65, 21);
  check_dequantize<scheme<sulq<4>, per_row>>(65, 37);
  check_dequantize<scheme<sulq<8>, per_group<20>>>(65, 37);
  check_dequantize<scheme<adalog<5, log_zero::last, gelu_outputs>, per_row>>(65, 37);
  check_dequantize<scheme<adalog<6>, per_row>>(65, 37);
  check_dequantize<scheme<twin_uniform<4>, per_tensor>>(65, 37);
  check_dequantize<scheme<twin_uniform<8, gelu_outputs>, per_row>>(65, 37);
}

TEST_CASE("dequantize gives back integers that fit the format") {
  // absmax 7 in every row, so the scale is 1.
  Eigen::MatrixXf const w = Eigen::MatrixXf::NullaryExpr(
      66, 10, [](Eigen::Index r, Eigen::Index c) { return c == 0 ? 7.0f : static_cast<float>((r + c) % 15 - 7); });
  auto const q = quantize<w4>(w);
  Eigen::MatrixXf out(66, 10);
  dequantize(q, out);
  CHECK(out == w);
  Eigen::MatrixXf by_view(66, 10);
  dequantize(q.view(), by_view);
  CHECK(by_view == w);
  Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic> doubles(66, 10);
  dequantize(q, doubles);
  CHECK(doubles == w.cast<double>());
  Eigen::MatrixXf larger = Eigen::MatrixXf::Zero(70, 12);
  dequantize(q, larger.topLeftCorner(66, 10));
  CHECK(larger.topLeftCorner(66, 10) == w);
  CHECK(larger.rightCols(2).isZero());
  std::vector<float> row(10);
  dequantize_row(q, 65, row.data());
  for (octavo::index c = 0; c < 10; ++c) { CHECK(row[static_cast<std::size_t>(c)] == w(65, c)); }
}

TEST_CASE("dequantize is within half a step of the weights") {
  test::matrix<float> const w(20, 100, 151);
  auto const q = quantize<w4_g32>(w);
  test::matrix<float> out(20, 100);
  dequantize(q, out);
  for (octavo::index r = 0; r < 20; ++r) {
    for (octavo::index c = 0; c < 100; ++c) {
      float const half = 0.5f * q.view().scale_at(r, c / 32);
      CHECK(std::fabs(out(r, c) - w(r, c)) <= half * 1.01f);
    }
  }
}

TEST_CASE("dequantize adds the minimum of each group") {
  // 0 ... 15 steps of 1/4 above a minimum that float16 holds, all of them in each group: all is exact.
  test::matrix<float> w(66, 64);
  for (octavo::index r = 0; r < 66; ++r) {
    for (octavo::index c = 0; c < 64; ++c) {
      w(r, c) = static_cast<float>(r - 40 + c / 32 * 8) + 0.25f * static_cast<float>((c * 7 + r) % 16);
    }
  }
  auto const q = quantize<w4_min_g<32>>(w);
  test::matrix<float> out(66, 64);
  dequantize(q, out);
  CHECK(test::differences(out, w) == 0);
  std::vector<float> row(64);
  dequantize_row(q, 65, row.data());
  for (octavo::index c = 0; c < 64; ++c) { CHECK(row[static_cast<std::size_t>(c)] == w(65, c)); }
}

namespace {

/// Elements of what dequantize writes, in either order, by two workers and one, that are not w(r, c) rounded to T.
template <class T, class A, class W>
int wrong_elements(W const& w) {
  test::matrix<T> columns(w.rows(), w.cols());
  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows(w.rows(), w.cols());
  test::backwards const pool;
  dequantize(w, columns, on<A>(pool));
  dequantize(w, rows, on<A>());
  int wrong = 0;
  for (octavo::index r = 0; r < w.rows(); ++r) {
    for (octavo::index c = 0; c < w.cols(); ++c) {
      wrong += test::same_bits(static_cast<float>(columns(r, c)), static_cast<float>(T(w(r, c)))) ? 0 : 1;
      wrong += test::same_bits(rows(r, c), w(r, c)) ? 0 : 1;
    }
  }
  return wrong;
}
template <class W>
void check_elements(W const& w) {
  test::for_archs([&w](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A> << ", rows " << w.rows() << ", columns " << w.cols());
    CHECK(wrong_elements<float, A>(w) == 0);
    CHECK(wrong_elements<bf16, A>(w) == 0);
  });
}

}  // namespace

TEST_CASE("dequantize adds outliers to their places, and writes weights of other kinds as they are") {
  for (octavo::index const rows : {1, 17, 65}) {
    test::matrix<float> const weights(rows, 72, 154);
    auto const w = quantize_with_outliers<w4_g32>(weights, 0.05);
    check_elements(w);
    test::matrix<float> out(rows, 72);
    dequantize(w.view(), out);
    int outliers = 0;
    for (octavo::index r = 0; r < rows; ++r) {
      for (octavo::index c = 0; c < 72; ++c) {
        if (w.sparse()(r, c) == 0) { continue; }
        ++outliers;
        CHECK(out(r, c) == w.dense().view()(r, c) + w.sparse()(r, c));
      }
    }
    CHECK(outliers >= rows);
    check_elements(fixed_matrix(weights, {12, 8}));
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(rows * 9 * 2));
    for (std::size_t i = 0; i < codes.size(); ++i) { codes[i] = static_cast<std::uint8_t>(i * 37 + 11); }
    std::vector<f16> books;
    for (int i = 0; i < 2 * 256 * 8; ++i) { books.push_back(f16(static_cast<float>(i % 97 - 40) / 16.0f)); }
    std::vector<float> const scales(static_cast<std::size_t>(rows), 0.3f);
    additive_matrix<2, 8> const additive(rows, 72, codes, books, scales);
    check_elements(additive);
    CHECK(additive(0, 0) == 0.3f * (3.0f + -2.0625f));
  }
  Eigen::MatrixXf out(0, 5);
  dequantize(fixed_matrix(out, {12, 8}), out);
  dequantize(quantize_with_outliers<w4>(out, 0.5), out);
}

TEST_CASE("dequantize refuses extents that differ, and rows that are not there") {
  auto const q = quantize<w8>(test::matrix<float>(4, 6, 152));
  Eigen::MatrixXf out(6, 4);
  CHECK_THROWS_AS(dequantize(q, out), std::invalid_argument);
  CHECK_THROWS_AS(dequantize(quantize_with_outliers<w8>(test::matrix<float>(4, 6, 152), 0.1), out),
                  std::invalid_argument);
  std::vector<float> row(6);
  CHECK_THROWS_AS(dequantize_row(q, 4, row.data()), std::invalid_argument);
  CHECK_THROWS_AS(dequantize_row(q, -1, row.data()), std::invalid_argument);
  CHECK_THROWS_AS(dequantize_row(q, 1, nullptr), std::invalid_argument);
}
