// SPDX-License-Identifier: MIT
// Any bytes as a GGUF file: parsed, and everything in it read and imported.
#include "octavo/io/import_ggml.hpp"

#include "support/files.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  test::file_bytes const bytes({reinterpret_cast<char const*>(data), size});
  std::string error;
  auto const file = octavo::io::gguf::parse(bytes.span(), error);
  if (!file) { return error.empty() ? __builtin_trap(), 1 : 0; }
  for (auto const& [key, value] : file->metadata()) {
    (void)value.get<bool>();
    (void)value.get<int>();
    (void)value.get<float>();
    (void)value.get<std::string_view>();
    (void)value.get<std::vector<std::string_view>>();
    (void)value.get<std::vector<std::uint64_t>>();
    (void)value.get<std::vector<double>>();
  }
  for (auto const& t : file->tensors()) {
    if (file->find(t.name) != &t) { __builtin_trap(); }
    auto const read_all = [](auto const& m) {
      float sum = 0;
      for (octavo::index r = 0; r < m.rows() && m.cols() > 0; ++r) {
        for (octavo::index c = 0; c < m.cols(); ++c) { sum += m(r, c); }
      }
      return sum;
    };
    error.clear();
    bool const read = octavo::io::visit_ggml(t, error, [&read_all](auto const& m) {
      if constexpr (requires { m.view(); }) {
        (void)read_all(m.view());
      } else {
        (void)read_all(m);
      }
    });
    if (!read && error.empty()) { __builtin_trap(); }
    std::string asked;
    if (octavo::io::can_visit_ggml(t, asked) != read || asked != error) { __builtin_trap(); }
  }
  return 0;
}
