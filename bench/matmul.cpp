// SPDX-License-Identifier: MIT
// bench_matmul: Y = W X by every named scheme, beside float baselines.
#include "matmul/groups.hpp"
#include "rows.hpp"

int main(int argc, char** argv) {
  bench::add_integer_rows();
  bench::add_float_rows();
  bench::add_plane_rows();
  bench::add_additive_rows();
  bench::add_fixed_rows();
  bench::add_outlier_rows();
  bench::add_arch_rows();
  bench::add_baseline_rows();
  return bench::run(argc, argv);
}
