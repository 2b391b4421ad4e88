// SPDX-License-Identifier: MIT
#include "octavo/simd/avx2.hpp"

#include "support/check_native.hpp"

TEST_CASE("AVX2: stores and lookups") { test::check_native<octavo::avx2>(); }
