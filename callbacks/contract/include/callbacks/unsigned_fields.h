#pragma once

// The name that this header had; what it declares is deprecated too.
#include <callbacks/unsigned_writer.h>
