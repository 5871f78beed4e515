#include "mjolnir.h"

using mjolnir::Module;
MODAPI_MODULE(Module)
