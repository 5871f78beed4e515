#pragma once

#include "lines_a_second.h"
#include "python_budget.h"
#include "python_calls.h"
#include "python_life.h"
#include "python_source.h"

#include <callbacks/json.h>

#include <async/notification.h>
#include <async/task.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace modapi {

class ModuleApi;
class PythonProcess;

/// One module in its process: an entry of `modules:` on one worker, over all lives of the process.
///
/// Thread: the worker's. Lifetime: shared by what it has registered; not asked any more when its ModuleApi is gone.
class PythonEntry final : public PythonCalls, public std::enable_shared_from_this<PythonEntry> {
public:
    PythonEntry(std::shared_ptr<PythonProcess> process, std::shared_ptr<const PythonSource> source, callbacks::JsonDict config,
                ModuleApi& api);

    /// What the process calls it: no other entry of this worker has that name.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const std::string& module() const noexcept { return source_->module; }
    [[nodiscard]] ModuleApi& api() noexcept { return api_; }
    [[nodiscard]] callbacks::JsonDict parsing() const;
    [[nodiscard]] callbacks::JsonDict construction() const;

    /// It was built in this life, and this is what `construct` has answered: the first time, or the same registrations as then.
    /// Errors: std::runtime_error that says what differs; the module can't be asked in this life then.
    void built(std::uint64_t life, const callbacks::JsonDict& described);
    /// It couldn't be built in the life that began.
    void not_built(std::string why);

    [[nodiscard]] async::task<PythonAnswer> call(std::size_t callback, callbacks::JsonArray arguments) override;
    [[nodiscard]] async::task<callbacks::JsonArray> batch(std::size_t callback, callbacks::JsonArray lists) override;
    [[nodiscard]] async::task<callbacks::JsonValue> enter(PythonHandle manager) override;
    [[nodiscard]] async::task<bool> exit(PythonHandle manager, std::exception_ptr failure) override;
    [[nodiscard]] async::task<callbacks::JsonValue> respond(PythonHandle callback, callbacks::JsonValue response) override;
    void release(PythonHandle handle) noexcept override;
    void invalidate(std::string function, callbacks::JsonValue key) noexcept override;
    [[nodiscard]] std::int64_t keep_state(std::shared_ptr<const callbacks::StateMap> state) override;
    void drop_state(std::int64_t handle) noexcept override;

    /// Of its records.
    [[nodiscard]] LinesASecond& lines() noexcept { return lines_; }
    /// Whether it answers requests, by `web.sock`.
    [[nodiscard]] bool has_pages() const noexcept { return !web_.empty(); }
    [[nodiscard]] bool is_built_in(std::uint64_t life) const noexcept { return life_ == life; }

    /// A transaction of its uses it from here on, until `transaction_ended`.
    void transaction_began() noexcept { ++transactions_; }
    void transaction_ended() noexcept;
    [[nodiscard]] static async::task<void> transactions_ended(std::shared_ptr<PythonEntry> self);

    /// An operation that it asks for.
    struct Asked {
        std::int64_t id = 0;
        std::string member{};
        callbacks::JsonDict arguments{};
        std::shared_ptr<const PythonBudget::Admission> admission{};
    };
    /// Does it, in the chain of the call that it comes of, or by itself. `request` may be null.
    void operation(const std::shared_ptr<PythonLife>& life, PythonRequest* request, Asked asked);

private:
    struct Registered {
        std::string name;
        std::string key;  // of an auth checker; empty: none
        std::int64_t handle = 0;
        bool operator==(const Registered& other) const { return name == other.name && key == other.key; }
    };
    [[nodiscard]] std::shared_ptr<PythonLife> life() const;
    [[nodiscard]] std::shared_ptr<PythonLife> life_of(PythonHandle handle) const;
    [[nodiscard]] const Registered& callback_at(std::size_t place) const { return callbacks_.at(place); }
    /// Asks, and waits also for the operations that belong to what is asked. The whole answer, which has a result.
    [[nodiscard]] async::task<callbacks::JsonDict> ask(std::shared_ptr<PythonLife> life, callbacks::JsonDict message,
                                                       std::string_view asked);
    [[nodiscard]] callbacks::JsonDict asking(std::string_view what, std::int64_t handle) const;
    static async::task<void> perform(std::shared_ptr<PythonEntry> self, std::shared_ptr<PythonLife> life, Asked asked);
    static async::task<void> perform_within(std::shared_ptr<PythonEntry> self, std::shared_ptr<PythonLife> life,
                                            PythonRequest& request, Asked asked);
    static async::task<void> perform_by_itself(std::shared_ptr<PythonEntry> self, std::shared_ptr<PythonLife> life,
                                               Asked asked);
    /// The whole answer, as JSON, once it is its turn.
    [[nodiscard]] static async::task<std::string> answer_to(std::shared_ptr<PythonEntry> self, std::shared_ptr<PythonLife> life,
                                                            Asked asked);

    std::shared_ptr<PythonProcess> process_;
    std::shared_ptr<const PythonSource> source_;
    callbacks::JsonDict config_;
    ModuleApi& api_;
    std::string name_;
    std::vector<Registered> callbacks_;
    callbacks::JsonArray web_;
    callbacks::JsonArray cached_;
    LinesASecond lines_;
    bool was_built_ = false;
    std::uint64_t life_ = 0;  // that it was built in; 0: none
    std::size_t transactions_ = 0;
    async::notification transactions_end_;
    std::string why_;  // it was not built in the last life
};

}  // namespace modapi
