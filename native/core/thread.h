#pragma once

#include <c10/util/StringUtil.h>

#include <system_error>
#include <thread>
#include <utility>

#include "core/error.h"

namespace cameo {

/// A thread that runs `body`. Throws `ErrorCode::OutOfMemory` where the system starts none.
template <typename Body>
std::thread startThread(Body&& body) {
  try {
    return std::thread(std::forward<Body>(body));
  } catch (const std::system_error& error) {
    throw Error(ErrorCode::OutOfMemory,
                c10::str("the system refused to start a thread (", error.code().message(),
                         "): close pipelines that are not needed, or allow this process more threads"));
  }
}

}  // namespace cameo
