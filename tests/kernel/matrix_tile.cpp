// SPDX-License-Identifier: MIT
// The matrix unit under matmul, where it may go wrong: many chunks of k, leaves, threads, short groups.
#include "octavo/kernel/matrix_tile.hpp"

#include "octavo/quant/schemes.hpp"

#include "support/check_matmul.hpp"
#include "support/executors.hpp"

using namespace octavo;
using namespace octavo::schemes;

namespace {

/// Weights S times activations A: bit-equal to avx512vnni, which other tests compare with the plain product.
template <class S, class A = a8>
void check_against_vnni(octavo::index rows, octavo::index cols, octavo::index tokens) {
  test::if_arch<avx512amx>([&](auto arch) {
    auto const w = quantize<S>(test::matrix<float>(rows, cols, 1));
    test::matrix<float> const x(cols, tokens, 2);
    test::matrix<float> y(rows, tokens);
    test::matrix<float> z(rows, tokens);
    test::matrix<float> expected(rows, tokens);
    test::backwards pool;
    using unit = typename decltype(arch)::type;
    using vnni_only = std::conditional_t<detail::has<amx, unit>, avx512vnni, unit>;  // depends on arch: not on Arm
    matmul<A>(w, x, expected, on<vnni_only>());
    matmul<A>(w, x, y, on<typename decltype(arch)::type>());
    matmul<A>(w, x, z, on<typename decltype(arch)::type>(pool));
    INFO(rows << " x " << cols << ", tokens " << tokens);
    CHECK(test::differences(y, expected) == 0);
    CHECK(test::differences(z, expected) == 0);
  });
}

}  // namespace

TEST_CASE("a row in several chunks carries integer sums through the matrix unit") {
  for (octavo::index const tokens : {16, 31, 97}) {
    check_against_vnni<w8>(70, 5000, tokens);   // packed bytes as they are, then a rest
    check_against_vnni<w4>(70, 5000, tokens);   // expanded, chunk by chunk
    check_against_vnni<w8>(65, 33001, tokens);  // more than a leaf of exact sums
  }
}
TEST_CASE("groups of any length go through the matrix unit") {
  using odd = scheme<symmetric<int4, scale_as<f16>>, per_group<96>>;
  using short_groups = scheme<symmetric<int8>, per_group<20>>;
  for (octavo::index const tokens : {17, 48, 300}) {
    check_against_vnni<odd>(64, 1000, tokens);
    check_against_vnni<short_groups>(64, 1001, tokens);
    check_against_vnni<w4_g32>(129, 1000, tokens);
    check_against_vnni<w4_g128, a8_affine>(129, 1000, tokens);
  }
}
TEST_CASE("only integers go through the matrix unit") {
  test::if_arch<avx512amx>([](auto arch) {
    using A = typename decltype(arch)::type;
    STATIC_REQUIRE(kernel::on_matrix_unit<typename ops::matmul_types<A, w4, a8>::weights>);
    STATIC_REQUIRE(!kernel::on_matrix_unit<typename ops::matmul_types<A, w4, float>::weights>);
  });
}
