// SPDX-License-Identifier: MIT
// Any bytes as a safetensors file, and any bytes as the shapes and tensors of one: every layer in it imported as FP8 of
// several schemes, whose numbers must be code times scale.
#include "octavo/io/compressed_tensors.hpp"

#include "support/bits.hpp"
#include "support/files.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

using namespace octavo;

namespace {

/// Number i of a tensor of F32, F16 or BF16.
float number(io::safetensors_tensor const& t, octavo::index i) {
  auto const read = [&]<class T>(T x) {
    std::memcpy(&x, t.data.data() + i * static_cast<octavo::index>(sizeof x), sizeof x);
    return static_cast<float>(x);
  };
  return t.dtype == "F32" ? read(0.0f) : t.dtype == "F16" ? read(f16(0.0f)) : read(bf16(0.0f));
}

template <class S>
void import(io::safetensors const& file, std::string const& prefix, octavo::index block_rows) {
  std::string error;
  auto const w = io::import_compressed<S>(file, prefix, error, block_rows);
  if (!w && error.empty()) { __builtin_trap(); }
  if (!w) { return; }
  auto const& codes = *file.find(prefix + ".weight");
  auto const* scales = file.find(prefix + ".weight_scale");
  if (scales == nullptr) { scales = file.find(prefix + ".weight_scale_inv"); }
  auto const groups = panel_layout<S>{w->rows(), w->cols()}.groups();
  auto const count = static_cast<octavo::index>(scales->data.size()) / (scales->dtype == "F32" ? 4 : 2);
  auto const view = w->view();
  for (octavo::index r = 0; r < w->rows(); ++r) {
    auto const row = count == 1 ? 0 : count == w->rows() * groups ? r : r / block_rows;
    for (octavo::index c = 0; c < w->cols(); ++c) {
      auto const g = c / panel_layout<S>{w->rows(), w->cols()}.group();
      auto const code = static_cast<octavo::code>(codes.data[static_cast<std::size_t>(r * w->cols() + c)]);
      float const expected = number(*scales, row * groups + g) * e4m3::decode(code);
      if (!test::same_bits(view(r, c), expected)) { __builtin_trap(); }
    }
  }
}
void import_all(io::safetensors const& file, octavo::index block_rows) {
  for (auto const& [name, t] : file.tensors()) {
    auto const dot = name.rfind(".weight");
    if (dot == std::string::npos) { continue; }
    auto const prefix = name.substr(0, dot);
    import <schemes::fp8>(file, prefix, block_rows);
    import <scheme<symmetric<e4m3, scale_as<bf16>>, per_tensor>>(file, prefix, block_rows);
    import <scheme<symmetric<e4m3, scale_as<f16>>, per_group<8>>>(file, prefix, block_rows);
    import <scheme<symmetric<e4m3>, per_group<8>>>(file, prefix, block_rows);
  }
}

std::string shown_shape(std::uint8_t kind, int rows, int cols, int other) {
  auto const text = [](int a) { return std::to_string(a); };
  int const groups = (cols + 7) / 8;
  switch (kind % 8) {
    case 0:
      return "[]";
    case 1:
      return "[1]";
    case 2:
      return "[" + text(rows) + "]";
    case 3:
      return "[" + text(rows) + ",1]";
    case 4:
      return "[" + text(rows) + "," + text(groups) + "]";
    case 5:
      return "[" + text((rows + other - 1) / other) + "," + text(groups) + "]";
    case 6:
      return "[1,1]";
    default:
      return "[" + text(other) + "," + text(rows) + "]";
  }
}
/// Of the product of a shape by shown_shape.
int elements(std::string_view shape) {
  int product = 1;
  int n = 0;
  bool any = false;
  for (char const c : shape) {
    if (c >= '0' && c <= '9') {
      n = 10 * n + (c - '0');
      any = true;
    } else if (any) {
      product *= n;
      n = 0;
      any = false;
    }
  }
  return product;
}
/// Six bytes are the shapes and types, the others the numbers.
std::string built(std::string_view bytes) {
  auto const at = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  int const rows = at(0) % 80;
  int const cols = at(1) % 40;
  int const other = at(2) % 16 + 1;
  constexpr std::string_view types[] = {"F32", "F16", "BF16", "F8_E5M2"};
  auto const type = types[at(3) % 4];
  auto const shape = shown_shape(at(4), rows, cols, other);
  int const codes = rows * cols;
  int const end = codes + elements(shape) * (type == "F32" ? 4 : type == "F8_E5M2" ? 1 : 2);
  char const* const name = at(5) % 2 == 0 ? "\"w.weight_scale" : "\"w.weight_scale_inv";
  auto const range = [](int from, int to) {
    return ",\"data_offsets\":[" + std::to_string(from) + "," + std::to_string(to) + "]}";
  };
  std::string header = "{\"w.weight\":{\"dtype\":\"";
  header += at(5) % 16 == 15 ? "I8" : "F8_E4M3";
  header += "\",\"shape\":[" + std::to_string(rows) + "," + std::to_string(cols) + "]" + range(0, codes) + ",";
  header += name + std::string("\":{\"dtype\":\"") + std::string(type) + "\",\"shape\":" + shape + range(codes, end);
  header += "}";
  std::string numbers(bytes.substr(6));
  numbers.resize(static_cast<std::size_t>(end), '\x3c');
  return test::bytes_of(static_cast<std::uint64_t>(header.size()), header, numbers);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  test::file_bytes const bytes(text);
  std::string error;
  auto const file = io::safetensors::parse(bytes.span(), error);
  if (file) {
    import_all(*file, 128);
  } else if (error.empty()) {
    __builtin_trap();
  }
  if (size < 6) { return 0; }
  test::file_bytes const made(built(text));
  auto const layer = io::safetensors::parse(made.span(), error);
  if (!layer) { __builtin_trap(); }
  import_all(*layer, data[2] % 16 + 1);
  import_all(*layer, static_cast<octavo::index>(data[5]) - 1);
  return 0;
}
