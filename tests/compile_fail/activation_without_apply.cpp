// expect: Octavo: an activation is silu, gelu, gelu_tanh, quick_gelu, sigmoid, relu, or a type of your own with
// `template <class A> static octavo::simd::floats<A> apply(octavo::simd::floats<A>)`.
#include "octavo/octavo.hpp"

struct mine {};

void f(octavo::tokens_view<float> x) {
#ifdef OCTAVO_COMPILES
  octavo::activate<octavo::silu>(x, x);
#else
  octavo::activate<mine>(x, x);
#endif
}
