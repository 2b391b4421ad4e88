// SPDX-License-Identifier: MIT
// Activations as matmul quantizes them before it multiplies: a scale for each token, codes as operands of the path.
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "octavo/octavo.hpp"

#include "../rows.hpp"
#include "groups.hpp"

namespace bench {
namespace {

constexpr index features = 4096;
constexpr index tokens = 2048;

/// Activations of scheme A, elements of T, for weights of scheme S: bytes are those of the tokens and of the operands.
template <class Arch, class S, class A, class T>
void add(std::string const& name) {
  if (!octavo::cpu_has<Arch>()) { return; }
  for (int const threads : {1, 2}) {
    add_row("quantize/" + name + "/" + std::to_string(features) + "x" + std::to_string(tokens) + "/" +
                octavo::arch_name<Arch> + "/" + std::to_string(threads),
            [threads] {
              using prepared = octavo::ops::prepared_tokens<Arch, S, A, T>;
              auto const values = normal(features * tokens, 1.0f, 2);
              auto const x = std::make_shared<std::vector<T>>(values.begin(), values.end());
              auto const w = std::make_shared<octavo::quantized_matrix<S>>(1, features);
              octavo::tokens_view<T const> const view(x->data(), features, tokens, features);
              row r;
              r.threads = std::make_shared<pool>(threads);
              index const size = features * tokens * static_cast<index>(sizeof(T));
              index const written = tokens * prepared(w->view(), view).token_bytes();
              auto const block = std::make_shared<octavo::aligned_buffer>(index{64} << 20);
              r.memory = {bytes_of(x->data(), size), bytes_of(block->data(), written)};
              r.bytes = static_cast<double>(size + written);
              r.call = [x, w, view, block, pool_of_call = r.threads] {
                std::pmr::monotonic_buffer_resource scratch(block->data(), static_cast<std::size_t>(block->size()));
                auto const context = octavo::on<Arch>(*pool_of_call);
                prepared run(w->view(), view);
                index const fillers = context.pieces(tokens);
                octavo::detail::scratch_block<Arch> own(&scratch, run.scratch_bytes(fillers) + octavo::alignment);
                run.fill(context, own, fillers);
              };
              return r;
            });
  }
}

/// Integers for the integer dot product, FP8 for that of bf16.
template <class Arch>
void add_all() {
  using namespace octavo;
  using namespace octavo::schemes;
  using e4m3_tokens = scheme<symmetric<e4m3>, per_token>;
  using e5m2_tokens = scheme<symmetric<e5m2>, per_token>;
  add<Arch, w8, a8, float>("a8");
  add<Arch, w8, a8, bf16>("a8.bf16");
  add<Arch, w8, scheme<affine<uint8>, per_token>, float>("a8z");
  add<Arch, fp8, e4m3_tokens, float>("a_e4m3");
  add<Arch, fp8, e5m2_tokens, float>("a_e5m2");
}

}  // namespace

void add_activation_rows() {
  add_all<octavo::avx512vnni>();
  add_all<octavo::avx2>();
}

}  // namespace bench
