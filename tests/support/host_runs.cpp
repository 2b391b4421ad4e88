// SPDX-License-Identifier: MIT
// Says whether this CPU has the features named in the arguments: exit code 0, or 77 and the first one missing.
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

bool host_has(char const* feature) {
#define OCTAVO_FEATURE(name) \
  if (std::strcmp(feature, name) == 0) { return __builtin_cpu_supports(name) != 0; }
  OCTAVO_FEATURE("avx2")
  OCTAVO_FEATURE("fma")
  OCTAVO_FEATURE("avx512f")
  OCTAVO_FEATURE("avx512bw")
  OCTAVO_FEATURE("avx512vl")
  OCTAVO_FEATURE("avx512dq")
  OCTAVO_FEATURE("avx512cd")
  OCTAVO_FEATURE("avx512ifma")
  OCTAVO_FEATURE("avx512vbmi")
  OCTAVO_FEATURE("avx512vnni")
  OCTAVO_FEATURE("avx512bf16")
#undef OCTAVO_FEATURE
  std::printf("host_runs.cpp does not know the feature %s\n", feature);
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (!host_has(argv[i])) {
      std::printf("this CPU has no %s\n", argv[i]);
      return 77;
    }
  }
}
