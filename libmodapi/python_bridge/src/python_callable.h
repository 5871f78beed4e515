#pragma once

#include "python_answers.h"
#include "python_arguments.h"
#include "python_calls.h"
#include "python_errors.h"
#include "python_values.h"

#include <callbacks/auth_result.h>
#include <callbacks/errors.h>
#include <callbacks/json.h>
#include <callbacks/unsigned.h>

#include <async/combine.h>
#include <async/context_manager.h>
#include <async/slot.h>
#include <async/task.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// Callables for slots that ask a callback in its process: what a declaration says of arguments and answers decides how they
/// are put.
namespace modapi {

// --- handles

/// A handle that is released, unless somebody used it. Shared by who may.
class OwnedHandle {
public:
    OwnedHandle(std::shared_ptr<PythonCalls> calls, PythonHandle handle) noexcept : calls_(std::move(calls)), handle_(handle) {}
    ~OwnedHandle() {
        if (!is_used_) calls_->release(handle_);
    }
    OwnedHandle(const OwnedHandle&) = delete;
    OwnedHandle& operator=(const OwnedHandle&) = delete;

    [[nodiscard]] PythonCalls& calls() const noexcept { return *calls_; }
    /// The process forgets it by itself with what it is asked for now.
    [[nodiscard]] PythonHandle use() noexcept {
        is_used_ = true;
        return handle_;
    }
    [[nodiscard]] PythonHandle look() const noexcept { return handle_; }

private:
    std::shared_ptr<PythonCalls> calls_;
    PythonHandle handle_;
    bool is_used_ = false;
};

/// The handles of an answer: those that nobody takes are released, whatever comes of the answer.
class AnsweredHandles {
public:
    AnsweredHandles(const std::shared_ptr<PythonCalls>& calls, const PythonAnswer& answer) : calls_(calls), life_(answer.life) {
        if (answer.result.is_structured()) collect_handles(answer.result, unclaimed_);
    }
    ~AnsweredHandles() {
        for (const std::int64_t number : unclaimed_) calls_->release(PythonHandle{life_, number});
    }
    AnsweredHandles(const AnsweredHandles&) = delete;
    AnsweredHandles& operator=(const AnsweredHandles&) = delete;

    [[nodiscard]] std::shared_ptr<OwnedHandle> take(std::int64_t number) {
        auto taken = std::make_shared<OwnedHandle>(calls_, PythonHandle{life_, number});
        std::erase(unclaimed_, number);
        return taken;
    }

private:
    std::shared_ptr<PythonCalls> calls_;
    std::uint64_t life_;
    std::vector<std::int64_t> unclaimed_{};
};

// --- one callback of a module

/// What a callable knows of the callback that it asks.
struct RegisteredCallback {
    std::shared_ptr<PythonCalls> calls;
    std::size_t place;  ///< in construct's list
    std::string_view name;
    spdlog::logger* log;  ///< the module's

    [[nodiscard]] AskedCallback asked() const noexcept { return {name, *log}; }
};

/// A login's response callback. A checker's answer may be dropped, or its callback not be needed: the handle goes then.
class PythonResponse {
public:
    explicit PythonResponse(std::shared_ptr<OwnedHandle> handle) noexcept : handle_(std::move(handle)) {}

    async::task<void> operator()(callbacks::LoginResponse& response) const { return respond(handle_, response); }

private:
    static async::task<void> respond(std::shared_ptr<OwnedHandle> handle, callbacks::LoginResponse& response) {
        callbacks::JsonValue sent = json_to_python(callbacks::JsonValue(response, callbacks::JsonMemory()));
        async::task<callbacks::JsonValue> responding = handle->calls().respond(handle->use(), std::move(sent));
        const callbacks::JsonValue changed = co_await std::move(responding);
        response = object_of(changed);
    }

    std::shared_ptr<OwnedHandle> handle_;
};

/// The context manager of one iteration of a background update. on_update itself is asked when it is entered: it is no
/// coroutine in the contract, and the process can't be asked without waiting.
class PythonUpdate {
public:
    PythonUpdate(RegisteredCallback callback, PythonArguments arguments) noexcept
        : callback_(std::move(callback)), arguments_(std::move(arguments)) {}

    async::task<int> enter() {
        async::task<PythonAnswer> calling = callback_.calls->call(callback_.place, arguments_.take_values());
        const PythonAnswer answer = co_await std::move(calling);
        AnsweredHandles handles(callback_.calls, answer);
        const callbacks::JsonValue* const handle = held_by(answer.result, "$handle");
        if (handle == nullptr || !handle->is_int64()) callback_.asked().fail(answer.result, "an asynchronous context manager");
        std::shared_ptr<OwnedHandle> entered = handles.take(handle->get_int64());
        async::task<callbacks::JsonValue> entering = callback_.calls->enter(entered->look());
        const callbacks::JsonValue value = co_await std::move(entering);
        manager_ = std::move(entered);
        int milliseconds = 0;
        std::exception_ptr failure;
        try {
            milliseconds = number_of(callback_.asked(), value);
        } catch (const callbacks::ModuleFailed&) {
            failure = std::current_exception();
        }
        if (!failure) co_return milliseconds;
        async::task<bool> leaving = exit(failure);
        co_await std::move(leaving);
        std::rethrow_exception(failure);
    }

    async::task<bool> exit(std::exception_ptr failure) {
        const std::shared_ptr<OwnedHandle> leaving = std::move(manager_);
        if (leaving == nullptr) co_return false;
        async::task<bool> asking = callback_.calls->exit(leaving->use(), std::move(failure));
        co_return co_await std::move(asking);
    }

private:
    RegisteredCallback callback_;
    PythonArguments arguments_;
    std::shared_ptr<OwnedHandle> manager_{};  ///< entered, and not left yet
};

// --- what a declaration says of answers

template <class Combine, auto Pass>
inline constexpr bool passes_with = std::is_base_of_v<async::first_not<Pass>, Combine>;

inline constexpr std::string_view login_check = "check_login_for_spam";
inline constexpr std::string_view upload_check = "is_user_allowed_to_upload_media_of_size";

/// What the contract's server takes for a verdict, by the type of the answer. Booleans of a Verdict are those of
/// `user_may_...`.
template <class Answer>
constexpr VerdictForms forms_of(std::string_view callback) noexcept {
    if (std::is_same_v<Answer, callbacks::EventVerdict>) return {BooleanVerdict::true_denies, true, true};
    if (std::is_same_v<Answer, callbacks::MediaVerdict>) return {BooleanVerdict::true_denies, false, true};
    if (std::is_same_v<Answer, callbacks::StateEventVerdict>) return {BooleanVerdict::always_denies, false, false};
    if (callback == login_check) return {BooleanVerdict::always_denies, false, true};
    return {BooleanVerdict::true_allows, false, true};
}

template <class Answer>
inline constexpr bool is_verdict = std::is_base_of_v<callbacks::Verdict, Answer>;

/// How the answers of one type are read. Those whose type says all are here.
template <class Answer>
struct PythonAnswers;
template <>
struct PythonAnswers<callbacks::EventDecision> {
    static constexpr auto read = &event_decision_of;
};
template <>
struct PythonAnswers<callbacks::RegistrationBehaviour> {
    static constexpr auto read = &registration_of;
};
template <>
struct PythonAnswers<int> {
    static constexpr auto read = &number_of;
};
template <>
struct PythonAnswers<std::optional<std::string>> {
    static constexpr auto read = &text_or_none;
};
template <>
struct PythonAnswers<std::optional<bool>> {
    static std::optional<bool> read(const AskedCallback&, const callbacks::JsonValue& answer) {
        if (answer.is_null()) return std::nullopt;
        return is_true(answer);
    }
};
template <>
struct PythonAnswers<std::optional<callbacks::JsonDict>> {
    static std::optional<callbacks::JsonDict> read(const AskedCallback& asked, const callbacks::JsonValue& answer) {
        if (answer.is_null()) return std::nullopt;
        return dictionary_of(asked, answer);
    }
};
template <>
struct PythonAnswers<std::optional<std::vector<callbacks::MediaUploadLimit>>> {
    static constexpr auto read = &limits_or_none;
};
template <>
struct PythonAnswers<std::optional<callbacks::RatelimitOverride>> {
    static constexpr auto read = &override_or_none;
};
template <>
struct PythonAnswers<callbacks::UsersForStates> {
    static constexpr auto read = &users_for_states_of;
};
template <>
struct PythonAnswers<callbacks::InterestedUsers> {
    static constexpr auto read = &interested_users_of;
};

/// Whether an event that the callback has marked as soft-failed counts as denied: where an answer is about the event itself,
/// and a denial has that effect for one that another server has sent. Of a client's own event there is no other way to say it.
template <class Answer>
inline constexpr bool denies_what_it_soft_fails = std::is_same_v<Answer, callbacks::EventVerdict>;

// --- callables

template <class Slot, class Signature = typename Slot::signature>
class PythonCallable;

/// Asks a callback in its process, with the arguments and the answer of its declaration.
template <async::name Name, class R, class... Arguments, class Combine, class Errors>
class PythonCallable<async::slot<Name, R(Arguments...), Combine, Errors>, R(Arguments...)> {
    using answer = typename async::detail::dispatched<R>::type;
    static constexpr bool is_update = std::is_same_v<answer, async::context_manager<int>>;
    using returned = std::conditional_t<is_update, answer, async::task<answer>>;
    static constexpr bool freezes_events = std::is_same_v<R, callbacks::EventDecision>;

public:
    explicit PythonCallable(RegisteredCallback callback) noexcept : callback_(std::move(callback)) {}

    returned operator()(async::detail::passed<Arguments>... arguments) const {
        PythonSubject subject;
        (subject.note(arguments), ...);
        PythonArguments given(callback_.calls, std::move(subject), freezes_events);
        (add<Arguments>(given, arguments), ...);
        if constexpr (is_update) {
            return PythonUpdate(callback_, std::move(given));
        } else {
            return ask(callback_, std::move(given));
        }
    }

private:
    template <class Argument, class Given>
    static void add(PythonArguments& arguments, Given& given) {
        if constexpr (std::is_same_v<Argument, callbacks::JsonDict&>) {
            arguments.add_mutable(given);
        } else {
            arguments.add(given);
        }
    }

    static async::task<answer> ask(RegisteredCallback callback, PythonArguments arguments) requires(!is_update) {
        async::task<PythonAnswer> calling = callback.calls->call(callback.place, arguments.take_values());
        const PythonAnswer given = co_await std::move(calling);
        AnsweredHandles handles(callback.calls, given);
        arguments.take_changes(given.changed);
        if constexpr (!std::is_void_v<answer>) co_return read(callback, given, handles);
    }

    static answer read(const RegisteredCallback& callback, const PythonAnswer& given,
                       AnsweredHandles& handles) requires(!is_update && !std::is_void_v<answer>) {
        const AskedCallback asked = callback.asked();
        if constexpr (is_verdict<R>) {
            callbacks::Verdict verdict = verdict_of(asked, given.result, forms_of<R>(Name.view()));
            const bool is_marked = denies_what_it_soft_fails<R> && !given.soft_failed.empty();
            return is_marked && !verdict.is_spam() ? callbacks::Verdict(callbacks::Codes::FORBIDDEN) : verdict;
        } else if constexpr (std::is_same_v<R, bool>) {
            // A denial by False is False and nothing else; what says that something is wrong with an argument is as true as
            // Python takes it.
            constexpr bool denies_by_false = passes_with<Combine, true> && Name.view() != upload_check;
            return denies_by_false ? unless_false(asked, given.result) : is_true(given.result);
        } else if constexpr (std::is_same_v<R, std::optional<callbacks::AuthResult>>) {
            const std::optional<PythonLogin> login = login_or_none(asked, given.result);
            if (!login) return std::nullopt;
            if (!login->on_response) return callbacks::AuthResult(login->user_id);
            return callbacks::AuthResult(login->user_id, PythonResponse(handles.take(*login->on_response)));
        } else {
            return PythonAnswers<R>::read(asked, given.result);
        }
    }

    RegisteredCallback callback_;
};

/// Fields for the events of a response, with one message for all of them, or some for very many.
class PythonFields {
public:
    explicit PythonFields(RegisteredCallback callback) noexcept : callback_(std::move(callback)) {}

    async::task<void> operator()(std::span<const callbacks::EventRef> events, callbacks::UnsignedBatch& out) const {
        return ask(callback_, events, out);
    }

private:
    /// A frame holds so many, however large they are.
    static constexpr std::size_t most_of_a_message = 256;

    static async::task<void> ask(RegisteredCallback callback, std::span<const callbacks::EventRef> events,
                                 callbacks::UnsignedBatch& out) {
        for (std::size_t first = 0; first < events.size(); first += most_of_a_message) {
            const std::size_t count = std::min(most_of_a_message, events.size() - first);
            callbacks::JsonArray lists;
            lists.reserve(count);
            for (const callbacks::Event& event : events.subspan(first, count)) {
                callbacks::JsonArray arguments;
                arguments.push_back(to_python(event));
                lists.push_back(std::move(arguments));
            }
            async::task<callbacks::JsonArray> asking = callback.calls->batch(callback.place, std::move(lists));
            const callbacks::JsonArray answers = co_await std::move(asking);
            if (answers.size() != count)
                throw callbacks::ModuleFailed("the Python process left out answers of " + std::string(callback.name));
            for (std::size_t at = 0; at < count; ++at) out[first + at].write(fields_of(callback.asked(), answers[at]));
        }
    }

    /// Errors: what the callback raised for the event; ModuleFailed.
    static callbacks::JsonDict fields_of(const AskedCallback& asked, const callbacks::JsonValue& answer) {
        const callbacks::JsonDict* const object = answer.if_object();
        if (object != nullptr) {
            const callbacks::JsonValue* const error = object->if_contains("error");
            if (error != nullptr && error->is_object()) throw_python_error(error->get_object());
            if (const callbacks::JsonValue* const result = object->if_contains("result")) return dictionary_of(asked, *result);
        }
        throw callbacks::ModuleFailed("the Python process gave neither a result nor an error of " + std::string(asked.name));
    }

    RegisteredCallback callback_;
};

}  // namespace modapi
