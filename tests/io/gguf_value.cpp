// SPDX-License-Identifier: MIT
#include "octavo/io/gguf_value.hpp"

#include "octavo/io/gguf.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <string>
#include <vector>

using namespace octavo::io;

TEST_CASE("every type of metadata comes back as the package gguf wrote it") {
  test::parsed<gguf> const golden(test::golden_file("types.gguf"));
  INFO(golden.error);
  auto const& file = golden.file;
  REQUIRE(file);
  CHECK(file->get<int>("u8") == 200);
  CHECK(file->get<int>("i8") == -100);
  CHECK(file->get<int>("u16") == 60000);
  CHECK(file->get<int>("i16") == -30000);
  CHECK(file->get<std::uint32_t>("u32") == 4000000000u);
  CHECK(file->get<int>("i32") == -2000000000);
  CHECK(file->get<std::uint64_t>("u64") == (std::uint64_t{1} << 63) + 1);
  CHECK(file->get<std::int64_t>("i64") == -(std::int64_t{1} << 62));
  CHECK(file->get<float>("f32") == 0.1f);
  CHECK(file->get<double>("f64") == 0.1);
  CHECK(file->get<bool>("yes") == true);
  CHECK(file->get<std::string_view>("text") == "Gr\u00fc\u00dfe, \u4f60\u597d \U0001f642");
  CHECK(file->get<std::vector<std::string_view>>("texts") == std::vector<std::string_view>{"a", "", "\u00df"});
  CHECK(file->get<std::vector<int>>("numbers") == std::vector<int>{1, -2, 3});
  CHECK(file->get<std::vector<float>>("floats") == std::vector<float>{0.5f, -1.5f});
  CHECK(file->get<std::vector<bool>>("bools") == std::vector<bool>{true, false});
  CHECK(file->find_value("numbers")->is_array());
  CHECK(file->find_value("numbers")->size() == 3);
}

TEST_CASE("a value knows its type, an array that of its elements") {
  test::parsed<gguf> const golden(test::golden_file("types.gguf"));
  auto const& file = golden.file;
  REQUIRE(file);
  auto const type = [&](char const* key) { return file->find_value(key)->element_type(); };
  CHECK(type("u8") == gguf_type::u8);
  CHECK(type("i8") == gguf_type::i8);
  CHECK(type("u16") == gguf_type::u16);
  CHECK(type("i16") == gguf_type::i16);
  CHECK(type("u32") == gguf_type::u32);
  CHECK(type("i32") == gguf_type::i32);
  CHECK(type("u64") == gguf_type::u64);
  CHECK(type("i64") == gguf_type::i64);
  CHECK(type("f32") == gguf_type::f32);
  CHECK(type("f64") == gguf_type::f64);
  CHECK(type("yes") == gguf_type::boolean);
  CHECK(type("text") == gguf_type::text);
  CHECK(type("texts") == gguf_type::text);
  CHECK(type("numbers") == gguf_type::i32);
  CHECK(type("floats") == gguf_type::f32);
  CHECK(type("bools") == gguf_type::boolean);
  CHECK_FALSE(file->find_value("text")->is_array());
  CHECK(file->find_value("text")->size() == 1);
  CHECK(gguf_value().element_type() == gguf_type::u8);
}

TEST_CASE("a value of another type, or a number that does not fit, is nothing") {
  test::parsed<gguf> const golden(test::golden_file("types.gguf"));
  auto const& file = golden.file;
  REQUIRE(file);
  CHECK_FALSE(file->get<std::int8_t>("u8"));
  CHECK_FALSE(file->get<std::uint64_t>("i8"));
  CHECK_FALSE(file->get<int>("u32"));
  CHECK_FALSE(file->get<std::int64_t>("u64"));
  CHECK_FALSE(file->get<int>("f32"));
  CHECK_FALSE(file->get<int>("yes"));
  CHECK_FALSE(file->get<bool>("u8"));
  CHECK_FALSE(file->get<std::string_view>("u8"));
  CHECK_FALSE(file->get<int>("text"));
  CHECK_FALSE(file->get<int>("numbers"));
  CHECK_FALSE(file->get<std::vector<int>>("u8"));
  CHECK_FALSE(file->get<std::vector<unsigned>>("numbers"));
  CHECK_FALSE(file->get<std::vector<std::string_view>>("numbers"));
  CHECK_FALSE(file->get<int>("no such key"));
  CHECK(file->get<double>("i8") == -100.0);  // any number is a double
}
