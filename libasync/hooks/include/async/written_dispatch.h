#pragma once

// The name of <async/writer_dispatch.h> in earlier releases.
#pragma GCC warning "<async/written_dispatch.h> is <async/writer_dispatch.h> now"
#include <async/writer_dispatch.h>
