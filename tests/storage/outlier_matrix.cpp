// SPDX-License-Identifier: MIT
#include "octavo/storage/outlier_matrix.hpp"

#include "octavo/ops/quantize.hpp"
#include "octavo/quant/symmetric.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"
#include "support/matrix.hpp"

#include <utility>

using namespace octavo;

TEST_CASE("a matrix with outliers is the sum of both, of the same extents") {
  using w4 = scheme<symmetric<int4>, per_row>;
  auto dense = quantize<w4>(test::matrix<float>(20, 7, 3));
  auto const alone = dense;
  sparse_element const element{3, 6, 2.5f};
  outlier_matrix<w4> const w(std::move(dense), sparse_matrix(20, 7, &element, 1));
  CHECK(w.rows() == 20);
  CHECK(w.cols() == 7);
  CHECK(w(3, 6) == alone.view()(3, 6) + 2.5f);
  CHECK(w(3, 5) == alone.view()(3, 5));
  CHECK(w.size_bytes() == alone.size_bytes() + 2 * 64);
  outlier_matrix_view<w4> const view = w;
  CHECK(view.size_bytes() == w.size_bytes());
  CHECK(view(3, 6) == w(3, 6));
  CHECK(view.dense().data() == w.dense().data());
  CHECK(view.sparse().data() == w.sparse().view().data());
  CHECK(test::error_of([&] {
          (void)outlier_matrix<w4>(alone, sparse_matrix(20, 8, nullptr, 0));
        }).find("Rows and columns of both must be equal.") != std::string::npos);
}
