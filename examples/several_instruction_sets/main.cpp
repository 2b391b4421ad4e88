// SPDX-License-Identifier: MIT
// One binary for every CPU: compiled without flags, it takes the best instruction set that the CPU at hand has.
// CMakeLists.txt: octavo_add_isa_sources(several_instruction_sets layer.cpp ISAS avx512vnni ... scalar)
#include "layer.hpp"

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

namespace {

std::vector<float> make(octavo::index size, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> v(static_cast<std::size_t>(size));
  for (float& x : v) { x = static_cast<float>(random() >> 8) * 0x1p-23f - 1.0f; }
  return v;
}

}  // namespace

int main() {
  constexpr octavo::index rows = 200;
  constexpr octavo::index features = 300;
  constexpr octavo::index tokens = 7;
  auto const w = make(rows * features, 1);
  auto const x = make(features * tokens, 2);
  std::vector<float> y(static_cast<std::size_t>(rows * tokens));

  // Packing happens once and is not in a hurry; the bytes are those of every other instruction set.
  octavo::matrix_view<float> const view(w.data(), rows, features, 1, rows);
  packed_weights const packed = octavo::quantize<octavo::schemes::w8>(view, octavo::on<octavo::scalar>());

  using list = octavo::arch_list<OCTAVO_ISAS>;
  octavo::dispatch<list>(layer{})(packed, octavo::tokens_view<float const>(x.data(), features, tokens, features),
                                  octavo::tokens_view<float>(y.data(), rows, tokens, rows));

  std::fprintf(stderr, "instruction set: %s\n", octavo::dispatched_name<list>());
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (float const v : y) {
    std::uint32_t bits;
    std::memcpy(&bits, &v, sizeof bits);
    hash = (hash ^ bits) * 0x100000001b3u;
  }
  std::printf("W8A8, %td x %td, %td tokens: %016llx on every CPU\n", rows, features, tokens,
              static_cast<unsigned long long>(hash));
}
