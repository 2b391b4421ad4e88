// SPDX-License-Identifier: MIT
// The packed scales and trits of blocks of 256; whole tensors are in import_ggml.cpp.
#include "octavo/io/ggml_super_block.hpp"

#include "support/catch.hpp"

#include <array>
#include <cstdint>
#include <vector>

using namespace octavo;
using namespace octavo::io;

namespace {

/// A block of zeros but for some bytes from `at`, and the number 1 in f16 at each of `ones`.
std::vector<std::byte> block_with(std::size_t size, std::size_t at, std::vector<int> const& bytes,
                                  std::vector<std::size_t> const& ones) {
  std::vector<std::byte> block(size);
  for (int const b : bytes) { block[at++] = static_cast<std::byte>(b); }
  for (auto const one : ones) { block[one + 1] = std::byte{0x3c}; }
  return block;
}

}  // namespace

TEST_CASE("scales and minima of six bits") {
  int const scales[] = {1, 63, 17, 40, 33, 62, 5, 48};
  int const minima[] = {2, 0, 31, 45, 60, 7, 19, 50};
  auto const block =
      block_with(144, 4, {0x81, 0xff, 0x11, 0xe8, 0xc2, 0x00, 0x5f, 0xed, 0xc1, 0x7e, 0x35, 0x20}, {0, 2});
  for (octavo::index g = 0; g < 8; ++g) {
    using Q = schemes::q4_k::quantizer;
    auto const p = ggml_block<ggml_type::q4_k>::params(block.data(), g);
    CHECK(Q::scale(p) == static_cast<float>(scales[g]));
    CHECK(Q::minimum(p) == static_cast<float>(-minima[g]));
  }
}

TEST_CASE("the sixteen scales of Q3_K") {
  auto const block =
      block_with(110, 96, {0xd5, 0x4c, 0xb3, 0x2a, 0x91, 0x08, 0x7f, 0xe6, 0x78, 0x88, 0x89, 0x9d}, {108});
  for (int g = 0; g < 16; ++g) {
    auto const p = ggml_block<ggml_type::q3_k>::params(block.data(), g);
    CHECK(schemes::q3_k::quantizer::scale(p) == static_cast<float>((7 * g + 5) % 64 - 32));
  }
}

TEST_CASE("all 243 bytes of five trits") {
  int wrong = 0;
  for (int q = 0; q < 243; ++q) {
    auto const block = block_with(54, 0, {(q * 256 + 242) / 243}, {});
    std::array<code, 256> codes{};
    ggml_block<ggml_type::tq1_0>::unpack(block.data(), 0, codes.data());
    int value = 0;
    for (std::size_t n = 0; n < 5; ++n) { value = value * 3 + codes[32 * n]; }
    wrong += value == q ? 0 : 1;
  }
  CHECK(wrong == 0);
  // 1 -1 0 1 1 is 179, and that the byte 0xbd.
  auto const block = block_with(54, 0, {0xbd}, {52});
  std::array<code, 256> codes{};
  ggml_block<ggml_type::tq1_0>::unpack(block.data(), 0, codes.data());
  CHECK((codes[0] == 2 && codes[32] == 0 && codes[64] == 1 && codes[96] == 2 && codes[128] == 2));
}
