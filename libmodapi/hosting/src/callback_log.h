#pragma once

#include <async/observation.h>

namespace modapi {

/// Writes what callbacks do into the host's log, by module and callback.
class CallbackLog final : public async::dispatch_observer {
public:
    void on_error(const async::callback_identity& callback, async::error_level level,
                  const std::exception_ptr& failure) noexcept override;
    void on_slow(const async::callback_identity& callback, async::clock::duration took) noexcept override;
    void on_decision(const async::callback_identity& callback) noexcept override;
};

}  // namespace modapi
