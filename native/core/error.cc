#include "core/error.h"

#include <c10/util/Exception.h>
#include <c10/util/StringUtil.h>

#include <cerrno>
#include <new>

namespace cameo {

const char* errorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::InvalidOption:
      return "ERR_INVALID_OPTION";
    case ErrorCode::InvalidImage:
      return "ERR_INVALID_IMAGE";
    case ErrorCode::WeightsFormat:
      return "ERR_WEIGHTS_FORMAT";
    case ErrorCode::WeightsMismatch:
      return "ERR_WEIGHTS_MISMATCH";
    case ErrorCode::WeightsUnsafe:
      return "ERR_WEIGHTS_UNSAFE";
    case ErrorCode::OutOfMemory:
      return "ERR_OUT_OF_MEMORY";
    case ErrorCode::Aborted:
      return "ERR_ABORTED";
    case ErrorCode::Closed:
      return "ERR_CLOSED";
    case ErrorCode::Busy:
      return "ERR_BUSY";
    case ErrorCode::Device:
      return "ERR_DEVICE";
    case ErrorCode::Libtorch:
      return "ERR_LIBTORCH";
    case ErrorCode::Checkpoint:
      return "ERR_CHECKPOINT";
    case ErrorCode::Distributed:
      return "ERR_DISTRIBUTED";
  }
  return "ERR_LIBTORCH";
}

namespace {

std::string firstLine(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

Error outOfMemory(const std::string& detail) {
  return Error(ErrorCode::OutOfMemory,
               c10::str("out of memory (", firstLine(detail),
                        "): ask for fewer frames or a smaller size, or load the pipeline with dtype bf16"));
}

Error fromTorch(const c10::Error& error) {
  const std::string text = error.what_without_backtrace();
  // The CPU allocator reports a failed malloc as a plain c10::Error, and so do CUDA's libraries.
  for (const char* refused :
       {"can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED"}) {
    if (contains(text, refused)) return outOfMemory(text);
  }
  if (contains(text, "CUDA error") || contains(text, "CUDNN_STATUS") || contains(text, "CUBLAS_STATUS")) {
    return Error(ErrorCode::Device, c10::str("the GPU reported: ", firstLine(text),
                                             "; `cameo doctor` tests it, device \"cpu\" avoids it"));
  }
  return Error(ErrorCode::Libtorch, c10::str("libtorch failed unexpectedly: ", firstLine(text),
                                             "; please report this with the command that caused it"));
}

}  // namespace

Error currentError() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const c10::OutOfMemoryError& error) {
    return outOfMemory(error.what_without_backtrace());
  } catch (const c10::Error& error) {
    return fromTorch(error);
  } catch (const std::bad_alloc&) {
    return outOfMemory("the system refused an allocation");
  } catch (const std::exception& error) {
    return Error(ErrorCode::Libtorch, c10::str("unexpected failure: ", firstLine(error.what())));
  } catch (...) {
    return Error(ErrorCode::Libtorch, "unexpected failure of unknown kind");
  }
}

}  // namespace cameo
