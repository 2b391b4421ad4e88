// SPDX-License-Identifier: MIT
#include "octavo/simd/arch.hpp"

#include "support/archs.hpp"
#include "support/catch.hpp"

#include <string_view>
#include <type_traits>

using namespace octavo;

TEST_CASE("every instruction set has a name, a family and features") {
  STATIC_REQUIRE(std::string_view(arch_name<scalar>) == "scalar");
  STATIC_REQUIRE(std::string_view(arch_name<sse42>) == "sse42");
  STATIC_REQUIRE(std::string_view(arch_name<avx2>) == "avx2");
  STATIC_REQUIRE(std::string_view(arch_name<avxvnni>) == "avxvnni");
  STATIC_REQUIRE(std::string_view(arch_name<avx512bw>) == "avx512bw");
  STATIC_REQUIRE(std::string_view(arch_name<avx512vnni>) == "avx512vnni");
  STATIC_REQUIRE(std::string_view(arch_name<avx512amx>) == "avx512amx");
  STATIC_REQUIRE(std::string_view(arch_name<neon64_i8mm>) == "neon64_i8mm");
  STATIC_REQUIRE(arch_compiled<scalar>);
  STATIC_REQUIRE(std::is_same_v<detail::family<avx512vnni>, avx512bw>);
  STATIC_REQUIRE(std::is_same_v<detail::family<avxvnni>, avx2>);
  STATIC_REQUIRE(std::is_same_v<detail::family<neon64_i8mm>, neon64>);
  STATIC_REQUIRE(std::is_same_v<detail::family<sse42>, sse42>);
  STATIC_REQUIRE(std::is_same_v<detail::family<scalar>, scalar>);
  STATIC_REQUIRE(detail::has<dpbf16, avx512vnni>);
  STATIC_REQUIRE(detail::has<vnni, avx512vnni>);
  STATIC_REQUIRE(detail::has<amx, avx512amx>);
  STATIC_REQUIRE(detail::has<vnni, avx512amx>);
  STATIC_REQUIRE_FALSE(detail::has<amx, avx512vnni>);
  STATIC_REQUIRE(detail::has<dotprod, neon64_i8mm>);
  STATIC_REQUIRE_FALSE(detail::has<i8mm, neon64_dotprod>);
  STATIC_REQUIRE_FALSE(detail::has<vnni, avx512bw>);
  STATIC_REQUIRE_FALSE(detail::has<dpbf16, avxvnni>);
  STATIC_REQUIRE_FALSE(has_fma<sse42>);
  STATIC_REQUIRE(has_fma<scalar>);
  CHECK(cpu_has<scalar>());
}

TEST_CASE("the default is the widest instruction set that the flags allow") {
  STATIC_REQUIRE(arch_compiled<default_arch>);
  STATIC_REQUIRE(std::is_same_v<default_arch, avx512amx> == arch_compiled<avx512amx>);
  STATIC_REQUIRE(std::is_same_v<default_arch, avx512vnni> ==
                 (arch_compiled<avx512vnni> && !arch_compiled<avx512amx>));
  STATIC_REQUIRE(std::is_same_v<default_arch, avx2> ==
                 (arch_compiled<avx2> && !arch_compiled<avx512bw> && !arch_compiled<avxvnni>));
  STATIC_REQUIRE(std::is_same_v<detail::first_compiled<>::type, detail::no_arch>);
  STATIC_REQUIRE(std::is_same_v<detail::first_compiled<scalar, default_arch>::type, scalar>);
}

TEST_CASE("a CPU with the wider instruction set has the narrower one") {
  if (cpu_has<avx512amx>()) { CHECK(cpu_has<avx512vnni>()); }
  if (cpu_has<avx512vnni>()) { CHECK(cpu_has<avx512bw>()); }
  if (cpu_has<avx512bw>()) { CHECK(cpu_has<avx2>()); }
  if (cpu_has<avxvnni>()) { CHECK(cpu_has<avx2>()); }
  if (cpu_has<avx2>()) { CHECK(cpu_has<sse42>()); }
  CHECK_FALSE((cpu_has<sse42>() && cpu_has<neon64>()));
  int archs = 0;
  test::for_every_arch([&](auto) { ++archs; });
  CHECK(archs >= 1);
}
