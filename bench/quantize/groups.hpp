// SPDX-License-Identifier: MIT
// Groups of rows of bench_quantize that are compiled apart.
#pragma once

namespace bench {

void add_activation_rows();

}  // namespace bench
