// SPDX-License-Identifier: MIT
#include "octavo/io/page_file.hpp"

#include "support/catch.hpp"
#include "support/files.hpp"

#include <sys/stat.h>
#include <cstdio>
#include <filesystem>
#include <string>
#include <unistd.h>

using octavo::io::page_file;

namespace {

std::string path_of(char const* name) {
  return (std::filesystem::temp_directory_path() / (name + std::to_string(::getpid()))).string();
}

}  // namespace

TEST_CASE("a page holds what was written, in memory or not") {
  auto const path = path_of("octavo_pages");
  std::string error;
  {
    auto file = page_file::create(path, 100, 5000, 3, false, error);
    REQUIRE(file);
    CHECK(file->pages() == 3);
    CHECK(file->page(1) - file->page(0) == 65536);
    CHECK(file->page_of(file->page(2) + 4999) == 2);
    for (octavo::index p = 0; p < 3; ++p) {
      REQUIRE(file->reserve(p));
      file->page(p)[4999] = static_cast<std::byte>(p + 1);
    }
    file->head()[99] = std::byte{9};
    file->evict(1);
    file->expect(1);
    CHECK(file->page(1)[4999] == std::byte{2});
    CHECK(file->sync());
    CHECK_FALSE(page_file::open(path, 100, 5000, 3, error));
    CHECK(error == path + " is in use");
    CHECK_FALSE(page_file::create(path, 100, 5000, 3, false, error));  // it exists
    auto const moved = std::move(*file);
    CHECK(moved.page(0)[4999] == std::byte{1});
  }
  {
    auto const file = page_file::open(path, 100, 5000, 3, error);
    REQUIRE(file);
    CHECK(file->page(2)[4999] == std::byte{3});
    CHECK(file->head()[99] == std::byte{9});
  }
  CHECK_FALSE(page_file::open(path, 100, 5000, 4, error));
  CHECK(error.find("has 262144 bytes, but 4 pages need 327680; it is truncated") != std::string::npos);
  CHECK_FALSE(page_file::open(path, 100, 70000, 3, error));
  REQUIRE(::truncate(path.c_str(), 262143) == 0);
  CHECK_FALSE(page_file::open(path, 100, 5000, 3, error));
  std::remove(path.c_str());
}

TEST_CASE("a temporary file has no name") {
  auto const path = path_of("octavo_temporary_pages");
  std::string error;
  auto const file = page_file::create(path, 0, 1, 2, true, error);
  REQUIRE(file);
  CHECK_FALSE(std::filesystem::exists(path));
  REQUIRE(file->reserve(1));
  *file->page(1) = std::byte{7};
  file->evict(1);
  CHECK(*file->page(1) == std::byte{7});
}

TEST_CASE("what is no file of pages is refused") {
  std::string error;
  CHECK_FALSE(page_file::open(path_of("octavo_nothing"), 0, 1, 1, error));
  CHECK(error.find("No such file") != std::string::npos);
  CHECK_FALSE(page_file::open(std::filesystem::temp_directory_path().string(), 0, 1, 1, error));
  CHECK_FALSE(page_file::create("/nonexistent/folder/x", 0, 1, 1, true, error));
  CHECK_FALSE(page_file::create(path_of("octavo_none"), 0, 0, 1, true, error));
  CHECK_FALSE(page_file::create(path_of("octavo_none"), 0, 1, 0, true, error));  // would be empty
  auto const none = path_of("octavo_none");
  CHECK_FALSE(page_file::create(none, 0, 1, 0, false, error));
  CHECK(error == none + " would be empty");
  CHECK_FALSE(std::filesystem::exists(none));
  auto const fifo = path_of("octavo_fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK_FALSE(page_file::open(fifo, 0, 1, 1, error));
  CHECK(error == fifo + " is not a regular file");
  std::remove(fifo.c_str());
}
