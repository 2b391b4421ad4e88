// SPDX-License-Identifier: MIT
#include "octavo/simd/arch.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"

#include <string_view>
#include <type_traits>

using namespace octavo;

TEST_CASE("every instruction set has a name, a kind and flags") {
  STATIC_REQUIRE(std::string_view(arch_name<scalar>) == "scalar");
  STATIC_REQUIRE(std::string_view(arch_name<avx2>) == "avx2");
  STATIC_REQUIRE(std::string_view(arch_name<avx512vnni>) == "avx512vnni");
  STATIC_REQUIRE(arch_compiled<scalar>);
  STATIC_REQUIRE(detail::is_avx512<avx512vnni>);
  STATIC_REQUIRE_FALSE(detail::is_avx512<avx2>);
  STATIC_REQUIRE_FALSE(detail::is_avx2<avx512vnni>);
  STATIC_REQUIRE(detail::has_dpbf16<avx512vnni>);
  STATIC_REQUIRE_FALSE(detail::has_dpbf16<avx2>);
  CHECK(cpu_has<scalar>());
}

TEST_CASE("the default is the widest instruction set that the flags allow") {
  using narrower = std::conditional_t<arch_compiled<avx2>, avx2, detail::no_arch>;
  using widest = std::conditional_t<arch_compiled<avx512vnni>, avx512vnni, narrower>;
  STATIC_REQUIRE(std::is_same_v<default_arch, widest>);
}

TEST_CASE("a CPU with the wider instruction set has the narrower one") {
  if (cpu_has<avx512vnni>()) { CHECK(cpu_has<avx2>()); }
  int archs = 0;
  test::for_archs([&](auto) { ++archs; });
  CHECK(archs >= 1);
}
