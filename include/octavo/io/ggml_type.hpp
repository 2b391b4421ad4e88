// SPDX-License-Identifier: MIT
// The tensor types of GGUF files: their numbers, their names, and the bytes of their blocks.
#pragma once

#include <cstdint>
#include <string>

namespace octavo {
inline namespace v0 {
namespace io {

/// As ggml numbers them; those that import_ggml knows have a name here.
enum class ggml_type : std::uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q2_k = 10,
  q3_k = 11,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  iq4_nl = 20,
  iq4_xs = 23,
  bf16 = 30,
  tq1_0 = 34,
  tq2_0 = 35,
  mxfp4 = 39,
  nvfp4 = 40
};

/// A block is so many neighbours of a row in so many bytes; single numbers are blocks of 1.
struct ggml_layout {
  std::uint32_t number;
  char const* name;
  std::int64_t elements;
  std::int64_t bytes;
};

/// Every type that files hold, the unsupported ones too: their sizes must add up all the same.
inline constexpr ggml_layout ggml_layouts[] = {
    {0, "F32", 1, 4},         {1, "F16", 1, 2},        {2, "Q4_0", 32, 18},      {3, "Q4_1", 32, 20},
    {6, "Q5_0", 32, 22},      {7, "Q5_1", 32, 24},     {8, "Q8_0", 32, 34},      {10, "Q2_K", 256, 84},
    {11, "Q3_K", 256, 110},   {12, "Q4_K", 256, 144},  {13, "Q5_K", 256, 176},   {14, "Q6_K", 256, 210},
    {16, "IQ2_XXS", 256, 66}, {17, "IQ2_XS", 256, 74}, {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50},
    {20, "IQ4_NL", 32, 18},   {21, "IQ3_S", 256, 110}, {22, "IQ2_S", 256, 82},   {23, "IQ4_XS", 256, 136},
    {24, "I8", 1, 1},         {25, "I16", 1, 2},       {26, "I32", 1, 4},        {27, "I64", 1, 8},
    {28, "F64", 1, 8},        {29, "IQ1_M", 256, 56},  {30, "BF16", 1, 2},       {34, "TQ1_0", 256, 54},
    {35, "TQ2_0", 256, 66},   {39, "MXFP4", 32, 17},   {40, "NVFP4", 64, 36},    {41, "Q1_0", 128, 18},
    {42, "Q2_0", 64, 18},
};

/// Null for numbers that no file should hold.
[[nodiscard]] constexpr ggml_layout const* find_ggml_layout(std::uint32_t number) noexcept {
  for (auto const& layout : ggml_layouts) {
    if (layout.number == number) { return &layout; }
  }
  return nullptr;
}

/// `Q4_K (12)`, for error texts.
[[nodiscard]] inline std::string ggml_type_text(ggml_type type) {
  auto const number = static_cast<std::uint32_t>(type);
  auto const* const layout = find_ggml_layout(number);
  return std::string(layout == nullptr ? "unknown" : layout->name) + " (" + std::to_string(number) + ")";
}

}  // namespace io
}  // namespace v0
}  // namespace octavo
