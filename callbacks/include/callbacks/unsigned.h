#pragma once

#include <callbacks/category.h>
#include <callbacks/event.h>

namespace callbacks {

/// Contract: add_extra_fields_to_client_events_unsigned. The registration's keyword is `add_field_to_unsigned_callback`.
template <MODAPI_CALLBACK_KIND>
struct UnsignedCategory {
    static constexpr std::string_view category_name = "unsigned";

    /// For every event sent to a client, once per response. A later module wins a key; the host's own fields win over all.
    Callback<"add_field_to_unsigned", JsonDict(const Event& event), last_wins_per_key, propagate>
        add_field_to_unsigned_callback{};
};

using Unsigned = UnsignedCategory<async::slot>;
using UnsignedDispatch = UnsignedCategory<async::dispatch>;

}  // namespace callbacks
