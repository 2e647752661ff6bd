#pragma once
// Symbols of the shared library that programs and the Python extension may use.
#define KAGARI_API __attribute__((visibility("default")))
