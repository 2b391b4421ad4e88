// SPDX-License-Identifier: MIT
#include "stored.hpp"

template class example::linear<example::stored, octavo::schemes::a8>;
