// SPDX-License-Identifier: MIT
// Says whether this CPU runs the instruction sets named in the arguments: exit code 0, or 77 and the first it does not.
#include "octavo/simd/arch.hpp"

#include <cstdio>
#include <string_view>

namespace {

template <class... Archs>
int check(std::string_view name) {
  bool known = false;
  bool runs = false;
  ((name == octavo::arch_name<Archs> ? (known = true, runs = octavo::cpu_has<Archs>()) : false), ...);
  if (!known) {
    std::printf("host_runs.cpp does not know the instruction set %s\n", name.data());
    return 1;
  }
  if (!runs) { std::printf("this CPU does not run %s\n", name.data()); }
  return runs ? 0 : 77;
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    int const result =
        check<octavo::scalar, octavo::sse42, octavo::avx2, octavo::avxvnni, octavo::avx512bw, octavo::avx512vnni,
              octavo::avx512amx, octavo::neon64, octavo::neon64_dotprod, octavo::neon64_i8mm>(argv[i]);
    if (result != 0) { return result; }
  }
}
