// SPDX-License-Identifier: MIT
// Any bytes as a safetensors file: parsed, and every layer in it imported as compressed-tensors of several schemes.
#include "octavo/io/compressed_tensors.hpp"

#include "support/files.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using namespace octavo;

namespace {

template <class S>
void import(io::safetensors const& file, std::string const& prefix) {
  std::string error;
  if (!io::import_compressed<S>(file, prefix, error) && error.empty()) { __builtin_trap(); }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  test::file_bytes const bytes({reinterpret_cast<char const*>(data), size});
  std::string error;
  auto const file = io::safetensors::parse(bytes.span(), error);
  if (!file) { return error.empty() ? __builtin_trap(), 1 : 0; }
  for (auto const& [name, t] : file->tensors()) {
    if (t.shape.size() == 2) { (void)file->matrix<float>(name, t.shape[0], t.shape[1], error); }
    auto const dot = name.rfind(".weight");
    if (dot == std::string::npos) { continue; }
    auto const prefix = name.substr(0, dot);
    import <schemes::w8>(*file, prefix);
    import <scheme<symmetric<int8, scale_as<f16>>, per_group<32>>>(*file, prefix);
    import <scheme<symmetric<int4, scale_as<f16>>, per_group<32>>>(*file, prefix);
    import <scheme<affine<uint4, scale_as<bf16>>, per_group<32>>>(*file, prefix);
  }
  return 0;
}
