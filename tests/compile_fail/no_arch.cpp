// expect: Octavo: this translation unit is compiled for no instruction set that Octavo has kernels for. Add
// -march=native (or -mavx2 -mfma -mf16c), or ask for plain C++ with octavo::on<octavo::scalar>().
#include "octavo/octavo.hpp"

#include <Eigen/Core>

int main() {
  Eigen::MatrixXf const weights(4, 3);
#ifdef OCTAVO_COMPILES
  (void)octavo::quantize<octavo::schemes::w8>(weights, octavo::on<octavo::scalar>());
#else
  // What on<>() means where the flags name no instruction set.
  (void)octavo::quantize<octavo::schemes::w8>(weights, octavo::on<octavo::detail::no_arch>());
#endif
}
