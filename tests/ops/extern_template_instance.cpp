// SPDX-License-Identifier: MIT
#include "extern_template.hpp"

template void octavo::matmul<octavo::schemes::a8>(test::weights_view const&, test::tokens_in const&,
                                                  test::tokens_out&);
