// SPDX-License-Identifier: MIT
// bench_norm: norms (in integers too), activations, softmax and rotary embeddings, beside a plain copy. of_memory
// counts source and destination; rows of one token are in the caches, as in a decoder.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "octavo/octavo.hpp"

#include "rows.hpp"

namespace bench {
namespace {

/// Tokens, weights, residuals and outputs; many tokens come from memory.
template <class T>
struct operands {
  index features;
  index tokens;
  std::vector<T> x, residual, y;
  std::vector<T> weight;
  octavo::quantized_tokens<octavo::schemes::a8> codes;

  operands(index f, index t) : features(f), tokens(t), codes(f, t) {
    auto const values = normal(f * t, 1.0f, 1);
    for (float const v : values) { x.push_back(T(v)); }
    residual = x;
    y = x;
    weight.assign(x.begin(), x.begin() + f);
  }
  [[nodiscard]] octavo::tokens_view<T const> in() const { return {x.data(), features, tokens, features}; }
  [[nodiscard]] octavo::tokens_view<T> sum() { return {residual.data(), features, tokens, features}; }
  [[nodiscard]] octavo::tokens_view<T> out() { return {y.data(), features, tokens, features}; }
};

/// Codes by factors of channels, of tokens whose channels differ in size, and a norm in integers.
struct coded_tokens {
  index features;
  index tokens;
  std::vector<float> x;
  octavo::power_of_two_factors<> factors;
  octavo::integer_norm<std::uint8_t> norm;
  std::vector<std::uint8_t> codes;
  std::vector<std::int8_t> y;

  coded_tokens(index f, index t)
      : features(f),
        tokens(t),
        x(values(f, t)),
        factors(octavo::power_of_two_factors<>::calibrate(
            octavo::tokens_view<float const>(x.data(), f, std::min<index>(t, 16), f))),
        norm(factors, weights(f), normal(f, 1.0f, 3), {.scale = 0.05f}),
        codes(x.size()),
        y(x.size()) {
    octavo::quantize_into(out(), in(), factors, octavo::on<octavo::scalar>());
  }
  [[nodiscard]] static std::vector<float> values(index f, index t) {
    auto v = normal(f * t, 1.0f, 1);
    for (index i = 0; i < f * t; ++i) { v[static_cast<std::size_t>(i)] *= static_cast<float>(1 << i % f % 4); }
    return v;
  }
  [[nodiscard]] static std::vector<float> weights(index f) {
    auto v = normal(f, 0.2f, 2);
    for (float& w : v) { w += 1.0f; }
    return v;
  }
  [[nodiscard]] octavo::tokens_view<float const> in() const { return {x.data(), features, tokens, features}; }
  [[nodiscard]] octavo::codes_view<std::uint8_t> out() { return {codes.data(), features, tokens, features}; }
  [[nodiscard]] octavo::codes_view<std::int8_t> normed() { return {y.data(), features, tokens, features}; }
};

/// `traffic` is what must be read and written, in multiples of the bytes of x.
template <class Arch, class T, class Call>
void add(std::string const& op, std::string const& type, index features, index tokens, double traffic,
         Call const& call, int threads = 1) {
  if (!octavo::cpu_has<Arch>()) { return; }
  add_row(op + "/" + type + "/" + std::to_string(features) + "x" + std::to_string(tokens) + "/" +
              octavo::arch_name<Arch> + "/" + std::to_string(threads),
          [=] {
            auto const o = std::make_shared<operands<T>>(features, tokens);
            row r;
            r.threads = std::make_shared<pool>(threads);
            index const size = static_cast<index>(o->x.size() * sizeof(T));
            r.memory = {bytes_of(o->x.data(), size), bytes_of(o->y.data(), size)};
            r.bytes = traffic * static_cast<double>(size);
            r.call = [=, threads_of_call = r.threads] {
              auto scratch = call_scratch();
              call(*o, octavo::on<Arch>(*threads_of_call).scratch(scratch));
            };
            return r;
          });
}

template <class Arch>
void add_integers(index features, index tokens, int threads = 1) {
  if (!octavo::cpu_has<Arch>()) { return; }
  auto const with = [&](std::string const& op, auto const& call) {
    add_row(op + "/" + std::to_string(features) + "x" + std::to_string(tokens) + "/" + octavo::arch_name<Arch> + "/" +
                std::to_string(threads),
            [=] {
              auto const o = std::make_shared<coded_tokens>(features, tokens);
              row r;
              r.threads = std::make_shared<pool>(threads);
              bool const floats = op[0] == 'q';
              auto const size = static_cast<index>(o->x.size());
              r.memory = {floats ? bytes_of(o->x.data(), 4 * size) : bytes_of(o->y.data(), size),
                          bytes_of(o->codes.data(), size)};
              r.bytes = static_cast<double>(size) * (floats ? 5 : 2);
              r.call = [=, threads_of_call = r.threads] { call(*o, octavo::on<Arch>(*threads_of_call)); };
              return r;
            });
  };
  with("quantize_into/f32.factors",
       [](auto& o, auto const& c) { octavo::quantize_into(o.out(), o.in(), o.factors, c); });
  with("integer_layer_norm/u8",
       [](auto& o, auto const& c) { octavo::integer_layer_norm(o.out(), o.norm, o.normed(), c); });
}

template <class Arch, class T>
void add_all(std::string const& type, index features, index tokens, int threads = 1) {
  using namespace octavo;
  auto const with = [&](std::string const& op, double traffic, auto const& call) {
    add<Arch, T>(op, type, features, tokens, traffic, call, threads);
  };
  double const codes = 1 + 1.0 / sizeof(T);
  with("copy", 2, [](auto& o, auto const& context) {
    index const pieces = context.pieces(o.tokens);
    context.execute(pieces, [&](index i) noexcept {
      index const first = o.tokens * i / pieces * o.features;
      index const last = o.tokens * (i + 1) / pieces * o.features;
      std::memcpy(o.y.data() + first, o.x.data() + first, static_cast<std::size_t>(last - first) * sizeof(T));
    });
  });
  with("rms_norm", 2, [](auto& o, auto const& c) { rms_norm(o.in(), o.weight, o.out(), c); });
  with("layer_norm", 2, [](auto& o, auto const& c) { layer_norm(o.in(), o.weight, o.weight, o.out(), c); });
  with("add_rms_norm", 4, [](auto& o, auto const& c) { add_rms_norm(o.sum(), o.in(), o.weight, o.out(), c); });
  with("rms_norm.a8", codes, [](auto& o, auto const& c) { rms_norm(o.in(), o.weight, o.codes, c); });
  with("add_rms_norm.a8", 2 + codes,
       [](auto& o, auto const& c) { add_rms_norm(o.sum(), o.in(), o.weight, o.codes, c); });
  with("silu", 2, [](auto& o, auto const& c) { activate<silu>(o.in(), o.out(), c); });
  with("gelu", 2, [](auto& o, auto const& c) { activate<gelu>(o.in(), o.out(), c); });
  with("gelu_tanh", 2, [](auto& o, auto const& c) { activate<gelu_tanh>(o.in(), o.out(), c); });
  with("swiglu", 3, [](auto& o, auto const& c) { gated<silu>(o.in(), o.sum(), o.out(), c); });
  with("swiglu.a8", 1 + codes, [](auto& o, auto const& c) { gated<silu>(o.in(), o.sum(), o.codes, c); });
  with("softmax", 2, [](auto& o, auto const& c) { softmax(o.in(), o.out(), c); });
  auto const table = std::make_shared<rope_table>(128, tokens);
  with("rope", 2, [table](auto& o, auto const& c) { rope(as_heads(o.out(), o.features / 128), 0, *table, c); });
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::add_all<octavo::avx512vnni, float>("f32", 4096, 2048);
  bench::add_all<octavo::avx512vnni, octavo::bf16>("bf16", 4096, 2048);
  bench::add_all<octavo::avx512vnni, float>("f32", 4096, 1);
  bench::add_all<octavo::avx512vnni, float>("f32", 4096, 2048, 2);
  bench::add_all<octavo::avx2, float>("f32", 4096, 2048);
  bench::add_integers<octavo::avx512vnni>(4096, 2048);
  bench::add_integers<octavo::avx512vnni>(4096, 1);
  bench::add_integers<octavo::avx512vnni>(768, 197);
  bench::add_integers<octavo::avx512vnni>(4096, 2048, 2);
  bench::add_integers<octavo::avx2>(4096, 2048);
  return bench::run(argc, argv);
}
