#pragma once

#include <exception>
#include <string>

namespace gloo::transport::tcp {

/// What a `transport::Pair` of a TCP device is.
class Pair {
 public:
  /// Closes the connection; what waits for it throws, here and at its other end.
  std::exception_ptr signalExceptionExternal(const std::string& message);
};

}  // namespace gloo::transport::tcp
