// SPDX-License-Identifier: MIT
#include "octavo/core/fnv1a.hpp"

#include "support/catch.hpp"

#include <string_view>

using namespace octavo;

namespace {

constexpr std::uint64_t hash_of(std::string_view text) {
  detail::fnv1a hash;
  for (char const c : text) { hash.add(static_cast<std::uint8_t>(c)); }
  return hash.value();
}

}  // namespace

TEST_CASE("FNV-1a of texts whose hashes its authors list") {
  CHECK(hash_of("") == 0xcbf29ce484222325u);
  CHECK(hash_of("a") == 0xaf63dc4c8601ec8cu);
  CHECK(hash_of("foobar") == 0x85944171f73967e8u);
  CHECK(hash_of("\xff") != hash_of("\x7f"));
}
