// SPDX-License-Identifier: MIT
// Reads files that are none, by octavo::io.
#include <octavo/io/import_ggml.hpp>
#include <octavo/io/packed.hpp>
#if __has_include(<nlohmann/json.hpp>)
#include <octavo/io/safetensors.hpp>
#endif

int main() {
  std::string error;
  bool const accepted = octavo::io::gguf::parse({}, error) || octavo::io::packed_file::parse({}, error);
  return accepted || error.empty() ? 1 : 0;
}
