# oneDNN and OpenBLAS come as wheels from PyPI, found through the interpreter's package metadata. Their shared libraries
# are copied, stripped, beside libkagari.so, so that a build tree and an installed wheel look the same to the loader.

function(kagari_distribution_file result distribution suffix)
  execute_process(
    COMMAND ${Python_EXECUTABLE} ${PROJECT_SOURCE_DIR}/cmake/find_python_distribution_file.py ${distribution} ${suffix}
    OUTPUT_VARIABLE path ERROR_VARIABLE why RESULT_VARIABLE status OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "kagari: ${why}\nInstall the requirements listed under [build-system] in pyproject.toml.")
  endif()
  set(${result} "${path}" PARENT_SCOPE)
endfunction()

find_program(KAGARI_STRIP NAMES strip)
mark_as_advanced(KAGARI_STRIP)

# Copies `source` to kagari/lib under `name` unless the copy there is newer, and strips it (of the sections that follow, too) when strip exists.
function(kagari_bundle_library source name)
  set(target "${KAGARI_PACKAGE_DIR}/lib/${name}")
  if(EXISTS "${target}" AND NOT "${source}" IS_NEWER_THAN "${target}")
    return()
  endif()
  file(MAKE_DIRECTORY "${KAGARI_PACKAGE_DIR}/lib")
  configure_file("${source}" "${target}" COPYONLY)
  if(KAGARI_STRIP)
    execute_process(COMMAND ${KAGARI_STRIP} --strip-unneeded ${ARGN} "${target}" ERROR_QUIET)
  endif()
  file(TOUCH "${target}")
endfunction()

kagari_distribution_file(onednn_header onednn-devel-cpu-gomp include/oneapi/dnnl/dnnl.h)
kagari_distribution_file(onednn_library onednn-cpu-gomp libdnnl.so.3)
string(REGEX REPLACE "/oneapi/dnnl/dnnl.h$" "" onednn_include "${onednn_header}")
kagari_bundle_library("${onednn_library}" libdnnl.so.3)
add_library(kagari_onednn SHARED IMPORTED)
set_target_properties(kagari_onednn PROPERTIES
  IMPORTED_LOCATION "${KAGARI_PACKAGE_DIR}/lib/libdnnl.so.3"
  IMPORTED_SONAME libdnnl.so.3
  INTERFACE_INCLUDE_DIRECTORIES "${onednn_include}")

# OpenBLAS is opened on first use, so nothing links to it. It is C, through which no exception passes: without its unwind tables.
kagari_distribution_file(openblas_library scipy-openblas32 lib/libscipy_openblas.so)
kagari_bundle_library("${openblas_library}" libscipy_openblas.so -R .eh_frame -R .eh_frame_hdr)

find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(Threads REQUIRED)

# The licence texts of what is bundled, installed to kagari/licenses.
kagari_distribution_file(onednn_license onednn-devel-cpu-gomp share/doc/onednn/LICENSE)
kagari_distribution_file(onednn_third_party onednn-devel-cpu-gomp share/doc/onednn/THIRD-PARTY-PROGRAMS)
kagari_distribution_file(openblas_license scipy-openblas32 LICENSE.txt)
configure_file("${onednn_license}" "${KAGARI_PACKAGE_DIR}/licenses/onednn" COPYONLY)
configure_file("${onednn_third_party}" "${KAGARI_PACKAGE_DIR}/licenses/onednn-third-party-programs" COPYONLY)
configure_file("${openblas_license}" "${KAGARI_PACKAGE_DIR}/licenses/openblas" COPYONLY)
