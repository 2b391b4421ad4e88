// SPDX-License-Identifier: MIT
// Any bytes as a file of packed matrices: parsed, every matrix that one of these schemes fits multiplied, floats read.
#include "octavo/io/packed.hpp"
#include "octavo/ops/matmul.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/files.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using namespace octavo;

namespace {

template <class S>
void multiply(io::packed_file const& file, std::string_view name) {
  std::string error;
  auto const w = file.view<S>(name, error);
  if (!w && error.empty()) { __builtin_trap(); }
  if (!w || w->rows() > 1000 || w->cols() > 1000) { return; }
  std::vector<float> const x(static_cast<std::size_t>(w->cols()), 1.0f);
  std::vector<float> y(static_cast<std::size_t>(w->rows()));
  tokens_view<float> const out(y.data(), w->rows(), 1, w->rows());
  matmul<schemes::a8>(*w, tokens_view<float const>(x.data(), w->cols(), 1, w->cols()), out, on<scalar>());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  test::file_bytes const bytes({reinterpret_cast<char const*>(data), size});
  std::string error;
  auto const file = io::packed_file::parse(bytes.span(), error);
  if (!file) { return error.empty() ? __builtin_trap(), 1 : 0; }
  for (auto const& [name, m] : file->matrices()) {
    std::string why;
    auto const floats = file->floats(name, why);
    if (!floats && why.empty()) { __builtin_trap(); }
    float sum = 0;
    for (octavo::index c = 0; floats && floats->features() > 0 && c < floats->tokens(); ++c) {
      for (octavo::index r = 0; r < floats->features(); ++r) { sum += floats->token(c)[r]; }
    }
    float const volatile read = sum;
    (void)read;
    multiply<schemes::w8>(*file, name);
    multiply<schemes::w4_g<32>>(*file, name);
    multiply<schemes::q4_k>(*file, name);
    multiply<schemes::nvfp4>(*file, name);
    multiply<scheme<affine<uint4, scale_as<bf16>>, per_group<32>>>(*file, name);
  }
  return 0;
}
