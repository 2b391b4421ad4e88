// expect: Octavo: codebook_fit finds the values of octavo::codebook<B>. Use clip_search for others.
#include "octavo/calibration/codebook_fit.hpp"
#include "octavo/quant/symmetric.hpp"

#ifdef OCTAVO_COMPILES
using quantizer = octavo::codebook<4>;
#else
using quantizer = octavo::symmetric<octavo::int4>;
#endif

auto fit(std::span<float const> xs) { return octavo::calibration::codebook_fit{}.fit<quantizer>(xs, 0); }
