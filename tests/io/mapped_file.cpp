// SPDX-License-Identifier: MIT
#include "octavo/io/mapped_file.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

using octavo::io::mapped_file;

TEST_CASE("a mapped file shows the bytes of the file, and moves without moving them") {
  std::string error;
  auto file = mapped_file::open(std::string(OCTAVO_TEST_FILES) + "/io/golden/types.gguf", error);
  REQUIRE(file);
  CHECK(file->text() == test::golden_file("types.gguf"));
  CHECK(reinterpret_cast<std::uintptr_t>(file->bytes().data()) % 64 == 0);
  auto const* const where = file->bytes().data();
  mapped_file const moved = std::move(*file);
  CHECK(moved.bytes().data() == where);
  CHECK(file->bytes().empty());
}

TEST_CASE("what cannot be mapped is refused with its name") {
  std::string error;
  CHECK_FALSE(mapped_file::open("/no such file", error));
  CHECK(error == "/no such file: No such file or directory");
  CHECK_FALSE(mapped_file::open(OCTAVO_TEST_FILES, error));
  CHECK(error == std::string(OCTAVO_TEST_FILES) + " is not a regular file");
}
