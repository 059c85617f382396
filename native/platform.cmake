# Everything in the build that depends on the platform; native/toolchain.mjs has the tools to be found before it.

if(WIN32)
  set(CAMEO_LIBTORCH_LIBRARIES "${CAMEO_LIBTORCH}/lib/torch_cpu.lib" "${CAMEO_LIBTORCH}/lib/c10.lib")
  set(CAMEO_WARNING_FLAGS /W3)
  set(CAMEO_WERROR_FLAG /WX)
  add_compile_options(/utf-8 /permissive- /bigobj)
  add_compile_definitions(NOMINMAX)
  # cmake-js asks for the static runtime, but libtorch hands over strings and containers of the shared one.
  set(CMAKE_MSVC_RUNTIME_LIBRARY MultiThreadedDLL)
  # Node-API's functions, from whatever the host's executable is called.
  if(CMAKE_JS_NODELIB_DEF AND CMAKE_JS_NODELIB_TARGET)
    execute_process(COMMAND ${CMAKE_AR} "/def:${CMAKE_JS_NODELIB_DEF}" "/out:${CMAKE_JS_NODELIB_TARGET}" /machine:x64)
    set(CAMEO_ADDON_LIBRARIES delayimp)
  endif()
elseif(APPLE)
  set(CAMEO_LIBTORCH_LIBRARIES "${CAMEO_LIBTORCH}/lib/libtorch_cpu.dylib" "${CAMEO_LIBTORCH}/lib/libc10.dylib")
  set(CAMEO_WARNING_FLAGS -Wall -Wextra)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # It takes the files of a unity build for headers.
    list(APPEND CAMEO_WARNING_FLAGS -Wno-subobject-linkage)
  endif()
  set(CAMEO_WERROR_FLAG -Werror)
  # Of what libtorch itself asks for.
  set(CMAKE_OSX_DEPLOYMENT_TARGET 11.0)
else()
  set(CAMEO_LIBTORCH_LIBRARIES "${CAMEO_LIBTORCH}/lib/libtorch_cpu.so" "${CAMEO_LIBTORCH}/lib/libc10.so")
  set(CAMEO_OPENMP_FLAG -fopenmp)
  # Node unloads an addon with the last worker that has it, but libtorch keeps calling the allocator that
  # native/core/memory_pool.cc has put in its place. Elsewhere nothing is put there.
  set(CAMEO_ADDON_LINK_OPTIONS -Wl,-z,nodelete)
  set(CAMEO_WARNING_FLAGS -Wall -Wextra)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # It takes the files of a unity build for headers.
    list(APPEND CAMEO_WARNING_FLAGS -Wno-subobject-linkage)
  endif()
  set(CAMEO_WERROR_FLAG -Werror)
endif()

# cmake-js has its flags for shared libraries, and addons are modules.
string(APPEND CMAKE_MODULE_LINKER_FLAGS " ${CMAKE_SHARED_LINKER_FLAGS}")
# The loader in ts/libtorch has the libraries in memory before the addon is opened, so no path is baked in.
set(CMAKE_SKIP_RPATH ON)
