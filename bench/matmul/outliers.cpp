// SPDX-License-Identifier: MIT
// Weights with the farthest 1 % of each row beside them x int8 activations. As dense: the row of the same name without
// _o1.
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "groups.hpp"
#include "rows.hpp"

#include "octavo/ops/matmul_outliers.hpp"
#include "octavo/ops/quantize_outliers.hpp"

namespace bench {
namespace {

template <class Arch, class S, class A>
void add(std::string const& name, double share) {
  if (!octavo::cpu_has<Arch>()) { return; }
  for (index const tokens : all_tokens) {
    for (int const threads : {1, 2}) {
      if (threads > 1 && tokens != 1 && tokens != most_tokens) { continue; }
      add_row(row_name<Arch>(name, tokens, threads), [=] {
        auto const one = octavo::quantize_with_outliers<S>(the_inputs().weights(), share, octavo::on<Arch>());
        auto const copies = std::make_shared<std::vector<octavo::outlier_matrix<S>> const>(
            static_cast<std::size_t>(tokens > most_cold_tokens ? 1 : cold_bytes / one.size_bytes() + 1), one);
        std::vector<void const*> codes;
        for (auto const& copy : *copies) { codes.push_back(copy.dense().data()); }
        row r = matmul_row(tokens, one.dense().size_bytes(), codes, threads);
        for (auto const& copy : *copies) {
          r.memory.push_back(bytes_of(copy.sparse().view().data(), copy.sparse().size_bytes()));
        }
        r.bytes = static_cast<double>(one.size_bytes());
        r.peak = peak_of<Arch, S, A>();
        octavo::tokens_view<float const> const x(the_inputs().x.data(), features, tokens, features);
        octavo::tokens_view<float> const y(the_inputs().y.data(), rows, tokens, rows);
        r.call = [=, threads_of_call = r.threads, turn = std::size_t{0}]() mutable {
          auto scratch = call_scratch();
          octavo::matmul<A>((*copies)[turn], x, y, octavo::on<Arch>(*threads_of_call).scratch(scratch));
          turn = (turn + 1) % copies->size();
        };
        return r;
      });
    }
  }
}

}  // namespace

void add_outlier_rows() {
  if constexpr (octavo::arch_compiled<octavo::avx512vnni>) {
    add<octavo::avx512vnni, octavo::schemes::w4_g128, octavo::schemes::a8>("w4_g128_o1.a8", 0.01);
  }
}

}  // namespace bench
