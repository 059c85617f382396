#pragma once

#include <stdexcept>

namespace gloo {

/// What Gloo throws when a connection breaks or a peer does not answer in time.
struct Exception : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace gloo
