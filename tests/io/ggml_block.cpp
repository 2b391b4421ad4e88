// SPDX-License-Identifier: MIT
// Blocks that ggml's own quantizers wrote, and a checksum of what ggml decodes them to.
#include "octavo/io/ggml_block.hpp"

#include "support/catch.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

using namespace octavo;
using namespace octavo::io;

namespace {

/// CRC-32 as zlib has it, of the bytes of floats.
std::uint32_t crc(std::vector<float> const& values) {
  std::uint32_t c = ~0u;
  std::vector<unsigned char> bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  for (auto const b : bytes) {
    c ^= b;
    for (int i = 0; i < 8; ++i) { c = c >> 1 ^ (0xedb88320u & (0u - (c & 1u))); }
  }
  return ~c;
}

/// The values of one block.
template <ggml_type Type>
std::vector<float> decoded(std::vector<int> const& bytes) {
  using block = ggml_block<Type>;
  using S = typename block::scheme;
  constexpr auto size = S::granularity::size;
  constexpr auto layout = *find_ggml_layout(static_cast<std::uint32_t>(Type));
  REQUIRE(bytes.size() == static_cast<std::size_t>(layout.bytes));
  std::vector<std::byte> raw;
  for (int const b : bytes) { raw.push_back(static_cast<std::byte>(b)); }
  std::vector<float> values;
  for (octavo::index g = 0; g < layout.elements / size; ++g) {
    std::array<code, 256> codes{};
    block::unpack(raw.data(), g, codes.data());
    auto const p = block::params(raw.data(), g);
    for (std::size_t i = 0; i < static_cast<std::size_t>(size); ++i) {
      values.push_back(S::quantizer::decode(codes[i], p));
    }
  }
  return values;
}

}  // namespace

TEST_CASE("blocks decode to the floats of ggml") {
  CHECK(crc(decoded<ggml_type::q4_0>({0xe0, 0xb5, 0xde, 0x68, 0x02, 0xac, 0x46, 0xef, 0x8a, 0x23, 0xcd, 0x57, 0xf1,
                                      0x9b, 0x35, 0xdf, 0x79, 0x12})) == 0xb520e84eu);
  CHECK(crc(decoded<ggml_type::q4_1>({0x33, 0x36, 0xc0, 0xc1, 0x31, 0x97, 0xfd, 0x54, 0xba, 0x20,
                                      0x86, 0xec, 0x42, 0xa8, 0x0e, 0x65, 0xca, 0x21, 0x87, 0xed})) == 0xd650ae0eu);
  CHECK(crc(decoded<ggml_type::q5_0>({0xe0, 0xb1, 0x6b, 0x69, 0x69, 0x2d, 0x9d, 0xd0, 0x03, 0x48, 0x8b,
                                      0xcf, 0x03, 0x36, 0x7b, 0xbe, 0xf2, 0x36, 0x6a, 0xbe, 0xe1, 0x15})) ==
        0x563bb47fu);
  CHECK(crc(decoded<ggml_type::iq4_nl>({0x04, 0xa6, 0xde, 0x68, 0x01, 0xbd, 0x35, 0xef, 0x8a, 0x12, 0xce, 0x57, 0xf1,
                                        0xac, 0x24, 0xef, 0x69, 0x02})) == 0xe69d3b5bu);
  CHECK(crc(decoded<ggml_type::mxfp4>({0x7e, 0xde, 0x20, 0x76, 0xbd, 0x53, 0xef, 0x0a, 0x65, 0xde, 0x41, 0xf7, 0xac,
                                       0x64, 0xef, 0x19, 0x76})) == 0x8b7ee042u);
  CHECK(crc(decoded<ggml_type::nvfp4>({0x2f, 0x30, 0x30, 0x30, 0xee, 0x10, 0x76, 0xcd, 0x54, 0xff, 0x9a, 0x66,
                                       0xdd, 0x42, 0xf7, 0xab, 0x65, 0xee, 0x10, 0x76, 0xbc, 0x54, 0xee, 0x09,
                                       0x66, 0xdd, 0x43, 0xf7, 0x0a, 0x66, 0xde, 0x32, 0xf7, 0xbc, 0x55, 0xee})) ==
        0x0abd968eu);
}

TEST_CASE("a scale of NVFP4 that is no number counts as 0, as in ggml") {
  std::array<std::byte, 36> block{};
  block[0] = std::byte{0x7f};
  block[1] = std::byte{0x38};
  CHECK(ggml_block<ggml_type::nvfp4>::params(block.data(), 0).scale == 0.0f);
  CHECK(ggml_block<ggml_type::nvfp4>::params(block.data(), 1).scale == 1.0f);
}
