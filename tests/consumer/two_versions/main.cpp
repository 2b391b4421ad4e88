// SPDX-License-Identifier: MIT
// Two programs in one, each with its version of the library.
int main_of_this_version();
int main_of_other_version();

int main() {
  int const wrong = main_of_this_version() + main_of_other_version();
  return wrong;
}
