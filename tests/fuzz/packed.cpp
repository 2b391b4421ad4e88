// SPDX-License-Identifier: MIT
// Any bytes as a file of packed matrices: parsed, every matrix that one of these storages and schemes fits multiplied,
// floats read.
#include "octavo/io/packed.hpp"
#include "octavo/ops/matmul.hpp"
#include "octavo/ops/matmul_additive.hpp"
#include "octavo/ops/matmul_fixed.hpp"
#include "octavo/ops/matmul_outliers.hpp"
#include "octavo/quant/schemes.hpp"

#include "support/files.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using namespace octavo;

namespace {

/// Reads a matrix by read(name, error), and multiplies it by `tokens` tokens: product(w, x, y).
template <class Read, class Product>
void multiply(std::string_view name, octavo::index tokens, Read const& read, Product const& product) {
  std::string error;
  auto const w = read(name, error);
  if (!w && error.empty()) { __builtin_trap(); }
  if (!w || w->rows() > 1000 || w->cols() > 1000) { return; }
  std::vector<float> const x(static_cast<std::size_t>(tokens * w->cols()), 1.0f);
  std::vector<float> y(static_cast<std::size_t>(tokens * w->rows()));
  tokens_view<float> const out(y.data(), w->rows(), tokens, w->rows());
  product(*w, tokens_view<float const>(x.data(), w->cols(), tokens, w->cols()), out);
}
auto const by_int8 = [](auto const& w, auto const& x, auto const& y) { matmul<schemes::a8>(w, x, y, on<scalar>()); };
auto const as_it_is = [](auto const& w, auto const& x, auto const& y) { matmul(w, x, y, on<scalar>()); };
auto const in_words = [](auto const& w, auto const& x, auto const& y) {
  matmul(w, in_fixed(x, {16, 15}), y, on<scalar>());
};

template <class S>
void multiply_packed(io::packed_file const& file, std::string_view name) {
  multiply(
      name, 1, [&file](auto n, auto& error) { return file.view<S>(n, error); }, by_int8);
}
template <class S>
void multiply_outliers(io::packed_file const& file, std::string_view name) {
  for (octavo::index const tokens : {1, 4}) {  // rows are lanes, or tokens
    multiply(
        name, tokens, [&file](auto n, auto& error) { return file.outliers<S>(n, error); }, by_int8);
  }
}
template <int M, int B>
void multiply_additive(io::packed_file const& file, std::string_view name) {
  multiply(
      name, 1, [&file](auto n, auto& error) { return file.additive<M, B>(n, error); }, as_it_is);
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
    multiply_packed<schemes::w8>(*file, name);
    multiply_packed<schemes::w4_g<32>>(*file, name);
    multiply_packed<schemes::q4_k>(*file, name);
    multiply_packed<schemes::nvfp4>(*file, name);
    multiply_packed<scheme<affine<uint4, scale_as<bf16>>, per_group<32>>>(*file, name);
    multiply_outliers<schemes::w8>(*file, name);
    multiply_outliers<schemes::w4_g<32>>(*file, name);
    multiply(
        name, 1, [&file](auto n, auto& why_not) { return file->fixed(n, why_not); }, in_words);
    multiply_additive<2, 4>(*file, name);
    multiply_additive<1, 9>(*file, name);
  }
  return 0;
}
