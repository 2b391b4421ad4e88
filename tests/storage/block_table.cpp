// SPDX-License-Identifier: MIT
#include "octavo/storage/block_table.hpp"

#include "support/catch.hpp"
#include "support/errors.hpp"

#include <array>
#include <vector>

using namespace octavo;

TEST_CASE("places of tokens in blocks of 16") {  // spec: the table [7, 2, 9]
  std::array<octavo::index, 3> const table = {7, 2, 9};
  block_table const t{table.data(), 16, 48, 10};
  CHECK(t.slot(0) == 112);
  CHECK(t.slot(15) == 127);
  CHECK(t.slot(16) == 32);
  CHECK(t.slot(40) == 152);
}

TEST_CASE("keys and values of a pool of blocks are those of the sequence") {
  constexpr octavo::index d = 16, heads = 3, block = 4, tokens = 10, blocks = 5, run = 8;
  std::array<octavo::index, 3> const table = {4, 0, 3};
  std::vector<bf16> k(static_cast<std::size_t>(blocks * block * heads * d));
  auto v = k;
  auto const number = [](octavo::index h, octavo::index t, octavo::index c) {
    return static_cast<float>((h * 20 + t) % 13 - c);
  };
  for (octavo::index h = 0; h < heads; ++h) {
    for (octavo::index t = 0; t < tokens; ++t) {
      auto const b = table[static_cast<std::size_t>(t / block)];
      for (octavo::index c = 0; c < d; ++c) {  // [b][h][d / run][slot][run] and [b][h][d][slot]
        k[static_cast<std::size_t>((((b * heads + h) * (d / run) + c / run) * block + t % block) * run + c % run)] =
            bf16(number(h, t, c));
        v[static_cast<std::size_t>(((b * heads + h) * d + c) * block + t % block)] = bf16(-number(h, t, c));
      }
    }
  }
  block_table const at{table.data(), block, tokens, blocks};
  block_table_keys<bf16> const keys(k.data(), at, d, heads);
  block_table_values<bf16> const values(v.data(), at, d, heads);
  CHECK(keys.tokens() == tokens);
  int wrong = 0;
  for (octavo::index h = 0; h < heads; ++h) {
    for (octavo::index t = 0; t < tokens; ++t) {
      std::array<float, d> key_row{};
      std::array<float, d> value_row{};
      keys.row(h, t, key_row.data());
      values.row(h, t, value_row.data());
      for (octavo::index c = 0; c < d; ++c) {
        auto const i = static_cast<std::size_t>(c);
        wrong += keys(h, t, c) == number(h, t, c) && values(h, t, c) == -number(h, t, c) ? 0 : 1;
        wrong += key_row[i] == number(h, t, c) && value_row[i] == -number(h, t, c) ? 0 : 1;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("a sequence with absent blocks is refused") {
  using test::error_of;
  std::vector<float> const data(64);
  for (octavo::index const bad : {-1, 2}) {
    octavo::index const table[] = {0, bad};
    CHECK(error_of([&] {
            block_table_values<float> v(data.data(), {table, 4, 5, 2}, 8, 1);
          }).find("block_table: a block of the sequence has number " + std::to_string(bad)) == 0);
    CHECK(error_of([&] { block_table_values<float> v(data.data(), {table, 4, 4, 2}, 8, 1); }) == "no error");
  }
  octavo::index const table[] = {0};
  CHECK(error_of([&] {
          block_table_keys<float> k(data.data(), {table, 4, 4, 1}, 6, 1);
        }).find("multiple of the run") != std::string::npos);
  CHECK(error_of([&] { block_table_keys<float> k(data.data(), {table, 0, 4, 1}, 8, 1); }) != "no error");
  CHECK(error_of([&] { block_table_keys<float> k(nullptr, {table, 4, 4, 1}, 8, 1); }) != "no error");
  CHECK(error_of([&] { block_table_keys<float> k(data.data(), {nullptr, 4, 4, 1}, 8, 1); }) != "no error");
}
