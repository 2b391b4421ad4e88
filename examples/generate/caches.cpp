// SPDX-License-Identifier: MIT
#include "caches.hpp"

namespace example {

std::vector<named_caches> all_caches() {
  using namespace octavo::schemes;
  return {
      {"f32", "f32, attention by f32", pages<float>()},
      {"f16", "f16, attention by f32", pages<octavo::f16>()},
      {"k8", "INT8 per token, attention by INT8", pages<k8>()},
      {"k8v4", "keys INT8, values INT4 group 64", pages<k8, v4>()},
      {"k4", "INT4 group 64, attention by INT8", pages<k4>()},
  };
}

}  // namespace example
