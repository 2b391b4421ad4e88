// SPDX-License-Identifier: MIT
#include "octavo/kernel/token_codes.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"
#include "support/random.hpp"

#include <vector>

using namespace octavo;

TEST_CASE("codes of a segment are copied, summed, filled up, and ordered where they are words") {
  test::random next(3);
  std::vector<std::int8_t> codes;
  for (int i = 0; i < 70; ++i) { codes.push_back(static_cast<std::int8_t>(next.byte())); }
  codes[0] = -128;
  codes[1] = 127;
  test::for_every_arch([&](auto arch) {
    using A = typename decltype(arch)::type;
    INFO(arch_name<A>);
    for (octavo::index const n : {0, 1, 15, 17, 63, 70}) {
      std::vector<std::int8_t> bytes(72);
      std::vector<std::int16_t> words(72);
      std::int64_t sum = 0;
      for (octavo::index i = 0; i < n; ++i) { sum += codes[static_cast<std::size_t>(i)] - 5; }
      CHECK(kernel::copy_codes<A>(codes.data(), n, 72, 5, bytes.data()) == sum);
      CHECK(kernel::copy_codes<A>(codes.data(), n, 72, 5, words.data()) == sum);
      int wrong = 0;
      for (octavo::index i = 0; i < 72; ++i) {
        auto const at = static_cast<std::size_t>(i);
        int const expected = i < n ? codes[at] : 5;
        auto const word = static_cast<std::size_t>(i % 4 == 1 ? i + 1 : i % 4 == 2 ? i - 1 : i);
        wrong += bytes[at] == expected && words[word] == expected ? 0 : 1;
      }
      CHECK(wrong == 0);
    }
  });
}
