#include "python_operations.h"

namespace modapi {}
