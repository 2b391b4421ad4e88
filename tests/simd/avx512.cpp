// SPDX-License-Identifier: MIT
#include "octavo/simd/avx512.hpp"

#include "support/check_native.hpp"

TEST_CASE("AVX-512: stores and lookups") { test::check_native<octavo::avx512bw>(); }
