#pragma once

// The name of <async/writer_slot.h> in earlier releases.
#pragma GCC warning "<async/written.h> is <async/writer_slot.h> now"
#include <async/writer_slot.h>

namespace async {

/// What `writer_answer` was named.
template <class R>
concept written_answer = writer_answer<R>;

}  // namespace async
