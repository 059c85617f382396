#pragma once

#include <string>

namespace cameo::test {

/// Reads an input as loading would: a folder's configs, from which networks are made without their weights,
/// or a file of weights with every tensor in it, and what it is taken for. Throws what reading throws.
void readInput(const std::string& path);

}  // namespace cameo::test
