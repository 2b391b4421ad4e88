// SPDX-License-Identifier: MIT
#include "octavo/kernel/pack.hpp"

#include "octavo/ops/quantize.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/archs.hpp"
#include "support/bits.hpp"
#include "support/catch.hpp"
#include "support/matrix.hpp"

#include <Eigen/Dense>
#include <cmath>
#include <cstring>
#include <limits>

using namespace octavo;
using namespace octavo::schemes;

namespace {

template <class S>
bool same_bytes(quantized_matrix<S> const& a, quantized_matrix<S> const& b) {
  return a.size_bytes() == b.size_bytes() &&
         (a.size_bytes() == 0 || std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size_bytes())) == 0);
}

/// Codes and parameters of a matrix against the scalar quantizer, and padding against the code of 0 and scale 0.
template <class S, class T>
int wrong_elements(quantized_matrix<S> const& q, matrix_view<T> const& w) {
  using Q = typename S::quantizer;
  using F = typename S::format;
  auto const view = q.view();
  auto const& layout = view.layout();
  int wrong = 0;
  std::vector<float> all;
  for (octavo::index r = 0; r < w.rows(); ++r) {
    for (octavo::index c = 0; c < w.cols(); ++c) { all.push_back(w(r, c)); }
  }
  for (octavo::index r = 0; r < layout.panels() * 64; ++r) {
    for (octavo::index g = 0; g < layout.groups(); ++g) {
      octavo::index const first = g * layout.group();
      octavo::index const length = layout.group_length(g);
      if (r < w.rows()) {
        std::vector<float> group;
        for (octavo::index k = 0; k < length; ++k) { group.push_back(w(r, first + k)); }
        auto const p = Q::calibrate(detail::is_per_tensor<typename S::granularity> ? all : group);
        wrong += test::same_bits(view.scale_at(r, g), Q::scale(p)) ? 0 : 1;
        wrong += view.zero_at(r, g) == kernel::zero_of<Q>(p) ? 0 : 1;
        if constexpr (has_minimum<Q>) { wrong += test::same_bits(view.minimum_at(r, g), Q::minimum(p)) ? 0 : 1; }
        for (octavo::index k = 0; k < length; ++k) {
          wrong += view.code_at(r, first + k) == Q::encode(group[static_cast<std::size_t>(k)], p) ? 0 : 1;
        }
      } else {
        for (octavo::index k = 0; k < length; ++k) { wrong += F::decode(view.code_at(r, first + k)) == 0 ? 0 : 1; }
      }
    }
  }
  return wrong;
}

/// Sources of either order, with strides, packed by every instruction set: always the same bytes.
template <class S, class T>
void check_packing(octavo::index rows, octavo::index cols) {
  test::matrix<T> const w(rows, cols, static_cast<std::uint64_t>(rows * 1000 + cols));
  auto const expected = quantize<S>(w, on<scalar>());
  INFO("rows " << rows << ", columns " << cols);
  if constexpr (!detail::is_per_column<typename S::granularity>) {  // tests/ops/quantize.cpp has them
    CHECK(wrong_elements<S>(expected, matrix_view<T>(w)) == 0);
  }

  std::vector<T> transposed(static_cast<std::size_t>(rows * (cols + 3)));
  std::vector<T> strided(static_cast<std::size_t>(2 * (rows + 5) * cols));
  for (octavo::index r = 0; r < rows; ++r) {
    for (octavo::index c = 0; c < cols; ++c) {
      transposed[static_cast<std::size_t>(r * (cols + 3) + c)] = w(r, c);
      strided[static_cast<std::size_t>(2 * (r + c * (rows + 5)))] = w(r, c);
    }
  }
  matrix_view<T> const by_rows(transposed.data(), rows, cols, cols + 3, 1);
  matrix_view<T> const by_strides(strided.data(), rows, cols, 2, 2 * (rows + 5));
  test::for_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(same_bytes(quantize<S>(w, on<A>()), expected));
    CHECK(same_bytes(quantize<S>(by_rows, on<A>()), expected));
    CHECK(same_bytes(quantize<S>(by_strides, on<A>()), expected));
  });
}

template <class S>
void check_not_finite(float bad) {
  test::matrix<float> w(66, 70, 5);
  w(64, 40) = bad;
  w(7, 0) = bad;
  auto const expected = quantize<S>(w, on<scalar>());
  CHECK(wrong_elements<S>(expected, matrix_view<float>(w)) == 0);
  CHECK(std::isnan(expected.view().scale_at(64, 1)));
  CHECK_FALSE(std::isnan(expected.view().scale_at(64, 0)));
  test::for_vector_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    auto const q = quantize<S>(w, on<A>());
    CHECK(wrong_elements<S>(q, matrix_view<float>(w)) == 0);
  });
}

}  // namespace

TEST_CASE("packing gives the bytes of the scalar quantizer for any rows, columns and strides") {
  octavo::index const rows[] = {1, 3, 15, 17, 63, 64, 65, 129};
  octavo::index const cols[] = {1, 7, 16, 33, 70, 64, 20, 130};
  for (std::size_t i = 0; i < 8; ++i) {
    check_packing<w8, float>(rows[i], cols[i]);
    check_packing<w4_g32, float>(rows[i], cols[i]);
    check_packing<w4_affine_g<32>, float>(rows[i], cols[i]);
    check_packing<w4_min_g<32>, float>(rows[i], cols[i]);
    check_packing<mxfp4, float>(rows[i], cols[i]);
    check_packing<w2_g64, bf16>(rows[i], cols[i]);
    check_packing<scheme<symmetric<int4>, per_group<20>>, f16>(rows[i], cols[i]);
  }
  check_packing<nf4_g64, float>(65, 130);
  check_packing<w3_g<32>, float>(65, 70);
  check_packing<scheme<affine<ternary>, per_tensor>, float>(65, 70);
  check_packing<scheme<affine<int4>, per_group<32>>, float>(65, 70);
  check_packing<scheme<affine<int8>, per_row>, float>(65, 700);
  check_packing<scheme<absmean<uint5>, per_group<20>>, bf16>(65, 70);
}

TEST_CASE("packing with params of columns gives the bytes of the scalar quantizer") {
  octavo::index const rows[] = {1, 64, 129, 200};
  octavo::index const cols[] = {70, 1, 64, 37};
  for (std::size_t i = 0; i < 4; ++i) {
    check_packing<scheme<symmetric<int4>, per_column>, float>(rows[i], cols[i]);
    check_packing<scheme<affine<uint8, scale_as<f16>>, per_column>, float>(rows[i], cols[i]);
    check_packing<scheme<absmean<ternary>, per_column>, bf16>(rows[i], cols[i]);
    check_packing<scheme<signed_max<int3>, per_column>, float>(rows[i], cols[i]);
  }
  check_packing<scheme<symmetric<e4m3>, per_column>, float>(65, 2100);
  check_packing<scheme<symmetric<int8, full>, per_column>, f16>(65, 70);
}

TEST_CASE("packing by means gives the bytes of the scalar quantizer") {
  octavo::index const rows[] = {1, 17, 65, 130};
  octavo::index const cols[] = {70, 3, 64, 129};
  for (std::size_t i = 0; i < 4; ++i) {
    check_packing<bitnet, float>(rows[i], cols[i]);
    check_packing<bitnet, bf16>(rows[i], cols[i]);
    check_packing<scheme<absmean<ternary>, per_row>, float>(rows[i], cols[i]);
  }
}

TEST_CASE("packing of groups that do not fit a near cache gives the same bytes") {
  check_packing<fp8, float>(65, 700);
  check_packing<scheme<affine_min<uint4>, per_group<600>>, float>(65, 700);
  check_packing<scheme<symmetric<e3m2, scale_as<e8m0>>, per_group<520>>, float>(129, 530);
}

TEST_CASE("packing of a matrix that goes past the caches gives the same bytes") {
  test::matrix<float> const w(1090, 4100, 3);
  auto const expected = quantize<w8>(w, on<scalar>());
  REQUIRE(expected.size_bytes() > 4 << 20);
  test::for_vector_archs([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    CHECK(same_bytes(quantize<w8>(w, on<A>()), expected));
  });
}

TEST_CASE("Eigen matrices of either order pack to the same bytes") {
  Eigen::MatrixXf const m = Eigen::MatrixXf::NullaryExpr(
      65, 40, [](Eigen::Index r, Eigen::Index c) { return static_cast<float>((r * 31 + c * 17) % 23 - 11); });
  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> const rm = m;
  auto const expected = quantize<w4_g32>(m, on<scalar>());
  CHECK(same_bytes(quantize<w4_g32>(rm, on<scalar>()), expected));
  Eigen::MatrixXf const larger =
      (Eigen::MatrixXf(70, 45) << m, Eigen::MatrixXf::Ones(65, 5), Eigen::MatrixXf::Ones(5, 45)).finished();
  CHECK(same_bytes(quantize<w4_g32>(larger.topLeftCorner(65, 40), on<scalar>()), expected));
}

TEST_CASE("a row with NaN or infinity gets scale NaN in that group only, on every instruction set") {
  constexpr float inf = std::numeric_limits<float>::infinity();
  for (float const bad : {inf, -inf, std::nanf("")}) {
    check_not_finite<w4_g32>(bad);
    check_not_finite<w4_min_g<32>>(bad);
  }
}
