// SPDX-License-Identifier: MIT
// The groups of rows of bench_matmul, a translation unit each.
#pragma once

namespace bench {

void add_integer_rows();
void add_float_rows();
void add_plane_rows();
void add_additive_rows();
void add_fixed_rows();
void add_outlier_rows();
void add_arch_rows();
void add_baseline_rows();

}  // namespace bench
