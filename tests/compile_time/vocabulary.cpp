// SPDX-License-Identifier: MIT
// What a header of one's own needs to name schemes and formats. Budget: 0.3 s.
#include "octavo/quant/schemes.hpp"

using weights = octavo::schemes::w4_g128;
