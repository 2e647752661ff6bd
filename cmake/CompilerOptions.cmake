# Flags common to everything that this project compiles, as the interface target kagari_options.

add_library(kagari_options INTERFACE)
target_compile_features(kagari_options INTERFACE cxx_std_20)
# GCC 12 reports array bounds and overflows in containers that grow, where there are none.
target_compile_options(kagari_options INTERFACE -Wall -Wextra -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
# Each function in a section of its own, so that the linker drops those that nothing calls.
target_compile_options(kagari_options INTERFACE -ffunction-sections -fdata-sections)
target_link_options(kagari_options INTERFACE -Wl,--gc-sections)
if(KAGARI_WERROR)
  # GCC 12 sees no order in a braced list, where there is one, and sanitizers make it lose track of what is initialized.
  target_compile_options(kagari_options INTERFACE -Werror -Wno-error=sequence-point)
  if(KAGARI_SANITIZE)
    target_compile_options(kagari_options INTERFACE -Wno-error=maybe-uninitialized -Wno-error=uninitialized -Wno-error=nonnull)
  endif()
endif()
if(KAGARI_SANITIZE)
  target_compile_options(kagari_options INTERFACE -fsanitize=${KAGARI_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=undefined)
  target_link_options(kagari_options INTERFACE -fsanitize=${KAGARI_SANITIZE})
  target_compile_definitions(kagari_options INTERFACE KAGARI_SANITIZED=1)
endif()
target_include_directories(kagari_options INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)

set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# Assertions are our own macros; -O2 everywhere, kernels raise it to -O3.
set(CMAKE_CXX_FLAGS_RELEASE "-O2")

find_program(KAGARI_CCACHE NAMES ccache)
mark_as_advanced(KAGARI_CCACHE)
if(KAGARI_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${KAGARI_CCACHE})
endif()
