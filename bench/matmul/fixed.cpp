// SPDX-License-Identifier: MIT
// Weights and activations in fixed point: 12 by 12 bits in int32, 16 by 16 bits in int64.
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "groups.hpp"
#include "rows.hpp"

#include "octavo/ops/matmul_fixed.hpp"

namespace bench {
namespace {

template <class Arch>
void add(std::string const& name, octavo::fixed_point of_weights, octavo::fixed_point of_tokens) {
  if (!octavo::cpu_has<Arch>()) { return; }
  for (index const tokens : all_tokens) {
    add_row(row_name<Arch>(name, tokens, 1), [=] {
      octavo::fixed_matrix const one(the_inputs().weights(), of_weights);
      auto const copies = std::make_shared<std::vector<octavo::fixed_matrix> const>(
          static_cast<std::size_t>(tokens > most_cold_tokens ? 1 : cold_bytes / one.size_bytes() + 1), one);
      std::vector<void const*> weights;
      for (auto const& copy : *copies) { weights.push_back(copy.data()); }
      row r = matmul_row(tokens, one.size_bytes(), weights, 1);
      r.peak = peak<typename sequences<Arch>::words>;
      octavo::tokens_view<float const> const x(the_inputs().x.data(), features, tokens, features);
      octavo::tokens_view<float> const y(the_inputs().y.data(), rows, tokens, rows);
      r.call = [=, threads = r.threads, turn = std::size_t{0}]() mutable {
        auto scratch = call_scratch();
        octavo::matmul((*copies)[turn], octavo::in_fixed(x, of_tokens), y,
                       octavo::on<Arch>(*threads).scratch(scratch));
        turn = (turn + 1) % copies->size();
      };
      return r;
    });
  }
}

}  // namespace

void add_fixed_rows() {
  if constexpr (octavo::arch_compiled<octavo::avx512vnni>) {
    add<octavo::avx512vnni>("fixed12.fixed12", {12, 14}, {12, 8});
    add<octavo::avx512vnni>("fixed16.fixed16", {16, 18}, {16, 12});
  }
}

}  // namespace bench
