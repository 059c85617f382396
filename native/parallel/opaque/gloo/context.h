#pragma once

#include <chrono>
#include <memory>

namespace gloo {

namespace transport {
class Pair;
}

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
  /// The connection with a rank.
  std::unique_ptr<transport::Pair>& getPair(int rank);
};

}  // namespace gloo
