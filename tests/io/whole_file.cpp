// SPDX-License-Identifier: MIT
#include "octavo/io/whole_file.hpp"

#include "octavo/io/mapped_file.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace fs = std::filesystem;

namespace {

std::string const path = "whole_file_test";

/// Writes `text` by characters.
bool write(std::string_view text, std::string& error, std::string const& to = path) {
  return octavo::io::write_whole_file(
      to,
      [text](auto const& put) {
        for (char const& c : text) {
          if (!put(&c, 1)) { return false; }
        }
        return true;
      },
      error);
}

}  // namespace

TEST_CASE("a file is replaced by a whole one, and a mapping of the older one stays as it was") {
  std::string error;
  REQUIRE(write("older", error));
  auto const older = octavo::io::mapped_file::open(path, error);
  REQUIRE(older);
  CHECK_FALSE(octavo::io::write_whole_file(
      path,
      [&](auto const& put) {
        CHECK(put("new", 3));
        CHECK(test::read_file(path) == "older");  // what others see meanwhile
        return false;
      },
      error));
  CHECK(test::read_file(path) == "older");
  REQUIRE(write("newer", error));
  CHECK(test::read_file(path) == "newer");
  CHECK(older->text() == "older");
  REQUIRE(write("", error));
  CHECK(fs::file_size(path) == 0);
  CHECK_FALSE(fs::exists(path + ".part"));
  fs::remove(path);
}

TEST_CASE("what cannot be written leaves the older file, and nothing beside it") {
  std::string error;
  CHECK_FALSE(write("new", error, "no such folder/file"));
  CHECK(error == "no such folder/file cannot be written: No such file or directory");
  fs::create_directory(path);
  CHECK_FALSE(write("new", error));
  CHECK(error == path + " cannot be written: Is a directory");
  CHECK_FALSE(fs::exists(path + ".part"));
  fs::remove(path);

  if (fs::exists("/dev/full")) {  // a disk without room: seen at once, or when buffers are written
    REQUIRE(write("older", error));
    for (std::size_t const bytes : {3u, 1000000u}) {
      fs::create_symlink("/dev/full", path + ".part");
      CHECK_FALSE(write(std::string(bytes, 'x'), error));
      CHECK(error == path + " cannot be written: No space left on device");
      CHECK(test::read_file(path) == "older");
      CHECK_FALSE(fs::exists(fs::symlink_status(path + ".part")));
    }
    fs::remove(path);
  }
}
