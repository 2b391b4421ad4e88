// SPDX-License-Identifier: MIT
// Everything but the Eigen adaptor and the files of io/: formats, quantizers, packed matrices, and the operations on them.
#pragma once

#include "octavo/format/codebook.hpp"
#include "octavo/format/integer.hpp"
#include "octavo/format/log2.hpp"
#include "octavo/format/minifloat.hpp"
#include "octavo/ops/append.hpp"
#include "octavo/ops/attention.hpp"
#include "octavo/ops/dequantize.hpp"
#include "octavo/ops/matmul.hpp"
#include "octavo/ops/quantize.hpp"
#include "octavo/quant/adalog.hpp"
#include "octavo/quant/affine.hpp"
#include "octavo/quant/power_of_two_factors.hpp"
#include "octavo/quant/reparameterize.hpp"
#include "octavo/quant/schemes.hpp"
#include "octavo/quant/sulq.hpp"
#include "octavo/quant/symmetric.hpp"
#include "octavo/quant/twin_uniform.hpp"
#include "octavo/simd/dispatch.hpp"
#include "octavo/storage/kv_cache.hpp"
#include "octavo/version.hpp"
