// SPDX-License-Identifier: MIT
// The header of an operation, included and not used. Budget: 2 s.
#include "octavo/ops/matmul.hpp"
