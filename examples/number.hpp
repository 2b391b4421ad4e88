// SPDX-License-Identifier: MIT
// A number of a command line.
#pragma once

#include <charconv>
#include <string_view>
#include <system_error>

namespace example {

/// Whether all of the text is a number from `least` to `most`, which `value` then is.
template <class Least, class Most, class T>
bool number(std::string_view text, Least least, Most most, T& value) {
  T parsed = value;
  auto const [end, status] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (status != std::errc() || end != text.data() + text.size() || !(parsed >= least && parsed <= most)) {
    return false;
  }
  value = parsed;
  return true;
}

}  // namespace example
