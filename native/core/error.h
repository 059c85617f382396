#pragma once

#include <stdexcept>
#include <string>

namespace cameo {

/// The stable codes of `CameoError` in TypeScript. `errorCodeName` gives their spelling there.
enum class ErrorCode {
  InvalidOption,
  InvalidImage,
  WeightsFormat,
  WeightsMismatch,
  WeightsUnsafe,
  OutOfMemory,
  Aborted,
  Closed,
  Busy,
  Device,
  Libtorch,
  Checkpoint,
  Distributed,
};

const char* errorCodeName(ErrorCode code);

/// The one exception type of the native half. Its message is one line for the user: what was wrong, where,
/// and what to do.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

/// Turns whatever is being handled in a `catch (...)` into an `Error`: libtorch's exceptions, `bad_alloc` on
/// either device and anything else.
Error currentError();

}  // namespace cameo
